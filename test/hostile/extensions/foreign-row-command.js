// Puts a command of another owner behind a row, so that the person runs it with a click.
exports.attack = async ({ call, name }) => {
  const row = { id: 'x', label: 'Click me', command: { id: 'voice.leave' } };
  const answer = await call('views.registerTree', {
    viewId: `${name}.tree`,
    rows: [{ parent: -1, item: row }],
  });
  return answer.kind === 'return' ? 'accepted' : undefined;
};
