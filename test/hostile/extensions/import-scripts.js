// The same for classic workers.
exports.attack = async ({ canary }) => {
  importScripts(`${canary}/import-scripts.js`);
  return 'loaded';
};
