// Hopes that a worker of its own has another policy.
exports.attack = ({ canary }) =>
  new Promise((resolve) => {
    const code = `fetch('${canary}/nested', { mode: 'no-cors' }).then(() => postMessage('sent'), () => postMessage(''))`;
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    worker.onmessage = ({ data }) => resolve(data || undefined);
    worker.onerror = () => resolve(undefined);
  });
