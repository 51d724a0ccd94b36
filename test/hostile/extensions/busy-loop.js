// Never gives back control.
exports.disrupt = () => {
  for (;;);
};
