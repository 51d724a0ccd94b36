// Takes memory until somebody stops it; half a gigabyte, so that it does not hurt whoever runs the tests.
exports.disrupt = () => {
  const kept = [];
  const grow = () => {
    if (kept.length < 32) kept.push(new Uint8Array(16 * 1024 * 1024).fill(1));
    setTimeout(grow, 5);
  };
  grow();
};
