// Keeps the workbench busy with messages.
exports.disrupt = ({ port }) => {
  const message = JSON.stringify({
    kind: 'call',
    id: 1,
    name: 'context.set',
    argument: { key: 'x', value: 1 },
  });
  for (;;) port.postMessage(message);
};
