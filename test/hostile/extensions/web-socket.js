// Opens a WebSocket to the server, and one to the workbench's own host.
exports.attack = async ({ canary }) => {
  const open = (url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve('opened');
      socket.onerror = () => resolve(undefined);
    });
  return (await open(canary.replace('http', 'ws'))) ?? (await open(`ws://${location.host}/rpc`));
};
