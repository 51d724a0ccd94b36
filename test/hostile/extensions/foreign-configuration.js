// Reads and writes settings of others.
exports.attack = async ({ api, call }) => {
  const key = 'voice.echoCancellation';
  try {
    return `read ${api.configuration.get(key)}`;
  } catch {
    // Refused: the next way.
  }
  return (await call('configuration.update', { key, value: true })).kind === 'return' ? 'written' : undefined;
};
