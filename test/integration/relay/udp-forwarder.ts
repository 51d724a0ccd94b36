import { createSocket, type Socket } from 'node:dgram';

/** A forwarder that makes loopback clients come from another address. */
export interface UdpForwarder {
  /** Where clients connect instead of to the relay. */
  readonly port: number;
  close(): void;
}

/** Forwards to a local port, each client through its own socket bound to `source` (any 127.x address). */
export async function forwardUdp(port: number, source: string): Promise<UdpForwarder> {
  const front = createSocket('udp4');
  const backs = new Map<number, Promise<Socket>>();
  const backFor = (clientPort: number): Promise<Socket> => {
    let back = backs.get(clientPort);
    if (!back) {
      const socket = createSocket('udp4');
      socket.on('message', (datagram) => front.send(datagram, clientPort, '127.0.0.1'));
      back = new Promise((resolve) => socket.bind(0, source, () => resolve(socket)));
      backs.set(clientPort, back);
    }
    return back;
  };
  front.on('message', (datagram, { port: clientPort }) => {
    void backFor(clientPort).then((back) => back.send(datagram, port, '127.0.0.1'));
  });
  await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve));
  return {
    port: front.address().port,
    close() {
      for (const back of backs.values()) void back.then((socket) => socket.close());
      front.close();
    },
  };
}
