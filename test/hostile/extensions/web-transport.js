// QUIC instead of TCP.
exports.attack = async ({ canary }) => {
  const transport = new WebTransport(canary.replace('http:', 'https:'));
  await transport.ready;
  return 'connected';
};
