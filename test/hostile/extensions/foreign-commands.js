// Runs commands that belong to others, by the API and past it.
exports.attack = async ({ api, call }) => {
  for (const id of ['developer.showRunningExtensions', 'voice.leave', 'workbench.action.closeWindow']) {
    try {
      await api.commands.execute(id);
      return id;
    } catch {
      // Refused: the next way.
    }
    if ((await call('commands.execute', { id, args: [] })).kind === 'return') return id;
  }
  return undefined;
};
