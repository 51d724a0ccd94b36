// The same with calls that are allowed.
exports.disrupt = ({ api }) => {
  const burst = () => {
    for (let i = 0; i < 500; i++) api.commands.execute('x.y').catch(() => {});
    setTimeout(burst, 10);
  };
  burst();
};
