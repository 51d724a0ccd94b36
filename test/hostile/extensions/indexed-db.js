// Keeps something that outlives it.
exports.attack = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open('x');
    request.onsuccess = () => resolve('opened');
    request.onerror = () => reject(request.error);
  });
