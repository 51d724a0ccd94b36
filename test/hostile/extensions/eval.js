// Makes code from text.
// eslint-disable-next-line no-eval -- the attack itself
exports.attack = async () => (0, eval)('1 + 1');
