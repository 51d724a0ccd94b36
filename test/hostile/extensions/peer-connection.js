// Leaks by the addresses that a peer connection asks for, which no policy covers.
exports.attack = async () => {
  const connection = new RTCPeerConnection({ iceServers: [{ urls: 'stun:127.0.0.1:9' }] });
  connection.createDataChannel('x');
  await connection.setLocalDescription(await connection.createOffer());
  return 'offered';
};
