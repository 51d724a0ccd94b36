// Uses everything it was given no permission for, past the checks of its own runtime.
exports.attack = async ({ api, call }) => {
  const calls = {
    'text.open': { room: 1 },
    'text.history': { room: 1, before: 1, limit: 1 },
    'text.send': { room: 1, text: 'x' },
    'text.leave': { room: 1 },
    'rooms.enter': { room: 1 },
    'rooms.leave': {},
    'rooms.create': { parent: null, name: 'x' },
    'rooms.edit': { room: 1, name: 'x' },
    'rooms.delete': { room: 1 },
    'call.join': { room: 1 },
    'call.leave': {},
    'call.setMuted': { muted: false },
    'call.setDeafened': { deafened: false },
    'call.setTalking': { pressed: true },
    'call.setVolume': { key: 'x', volume: 2 },
    'connection.retry': {},
    'connection.disconnect': {},
    'window.openLink': { url: 'https://example.org/' },
    'window.copyText': { text: 'x' },
  };
  for (const [name, argument] of Object.entries(calls)) {
    const answer = await call(name, argument);
    if (answer.kind === 'return' || answer.code !== 'permission_missing') return `${name} ${answer.code}`;
  }
  for (const read of [() => api.identity.current, () => api.rooms.people, () => api.call.state]) {
    try {
      return `read ${JSON.stringify(read())}`;
    } catch {
      // Refused: the next way.
    }
  }
  return undefined;
};
