// Sends more than 1 MiB, three times.
exports.disrupt = ({ port }) => {
  const message = JSON.stringify({ kind: 'call', id: 1, name: 'x', argument: 'x'.repeat(2 * 1024 * 1024) });
  for (let i = 0; i < 3; i++) port.postMessage(message);
};
