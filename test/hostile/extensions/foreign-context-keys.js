// Makes menus believe in a call.
exports.attack = async ({ api, call }) => {
  try {
    api.context.set('inCall', true);
    return 'set';
  } catch {
    return (await call('context.set', { key: 'inCall', value: true })).kind === 'return' ? 'set' : undefined;
  }
};
