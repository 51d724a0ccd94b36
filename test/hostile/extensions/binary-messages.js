// Sends what is no text, with accessors, cycles and shared parts.
exports.disrupt = ({ port }) => {
  const cycle = { kind: 'call', id: 1, name: 'rooms.leave' };
  cycle.argument = cycle;
  for (const message of [cycle, new Uint8Array(1e6), new Map([[cycle, cycle]])]) port.postMessage(message);
};
