// The cache and the private file system.
exports.attack = async () => {
  try {
    await caches.open('x');
    return 'cache';
  } catch {
    await navigator.storage.getDirectory();
    return 'files';
  }
};
