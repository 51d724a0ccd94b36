// Speaks to the frame in the hope that it passes on what it hears.
exports.attack = () =>
  new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve('answered');
    const call = JSON.stringify({ kind: 'call', id: 1, name: 'rooms.leave', argument: {} });
    postMessage(call, [channel.port2]);
    postMessage({ runtime: 'postMessage(1)', code: '' });
    addEventListener('message', () => resolve('heard'));
    setTimeout(() => resolve(undefined), 1000);
  });
