// Claims to be another extension in every field it can think of.
exports.attack = async ({ raw }) => {
  const forged = { extensionId: 'conclave.voice', extension: 'conclave.voice', sender: 'conclave.voice' };
  const answer = await raw(
    JSON.stringify({
      kind: 'call',
      id: 900002,
      name: 'context.set',
      ...forged,
      argument: { key: 'conclave.voice.x', value: true, ...forged },
    }),
    900002,
  );
  return answer.kind === 'return' ? 'accepted' : undefined;
};
