import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';

/** An address that reaches a relay by TCP only. */
export interface NetworkWithoutUdp {
  readonly host: string;
  /** The relay's port; the descriptor names it, so it is the same number on both addresses. */
  readonly port: number;
  /** Datagrams that were swallowed. */
  readonly swallowed: number;
  close(): Promise<void>;
}

/**
 * Stands in front of a relay bound to 127.0.0.1 as a firewall would: on 127.0.0.2, TCP is passed on and UDP
 * vanishes without an answer. Linux routes all of 127.0.0.0/8 to the loopback interface.
 */
export async function openNetworkWithoutUdp(port: number): Promise<NetworkWithoutUdp> {
  const host = '127.0.0.2';
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  const udp = createSocket('udp4');
  let swallowed = 0;
  udp.on('message', () => {
    swallowed += 1;
  });
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen({ host, port }, () => resolve()),
  );
  await new Promise<void>((resolve, reject) => udp.once('error', reject).bind(port, host, () => resolve()));
  return {
    host,
    port,
    get swallowed() {
      return swallowed;
    },
    async close() {
      udp.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
