// Asks for what has no API: keys, the host, raw transport. Two questions: the third strike would end it.
exports.attack = async ({ call }) => {
  for (const name of ['keychain.get', 'session.exportKeys'])
    if ((await call(name, {})).code !== 'unknown_method') return name;
  return undefined;
};
