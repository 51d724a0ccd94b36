// Listens to a server.
exports.attack = ({ canary }) =>
  new Promise((resolve) => {
    const source = new EventSource(`${canary}/event-source`);
    source.onopen = () => resolve('opened');
    source.onerror = () => resolve(undefined);
  });
