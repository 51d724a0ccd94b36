// Tries arguments until one goes through.
exports.disrupt = ({ call }) => {
  for (const argument of [null, { key: 1 }, { key: 'x', value: {} }]) void call('context.set', argument);
};
