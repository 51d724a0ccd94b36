// The older way to the same server.
exports.attack = ({ canary }) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.onload = () => resolve('loaded');
    request.onerror = () => reject(new Error('blocked'));
    request.open('GET', `${canary}/xhr`);
    request.send();
  });
