// Fills a view of another extension.
exports.attack = async ({ call }) =>
  (await call('views.registerTree', { viewId: 'channels.rooms', rows: [] })).kind === 'return'
    ? 'filled'
    : undefined;
