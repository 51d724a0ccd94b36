import { systemClock } from '../../../core/base/async.ts';
import { connectTransport } from '../../../core/workers/media/connect-transport.ts';
import { createRoundTripMonitor } from '../../../core/workers/media/round-trip-monitor.ts';
import { openWebTransport } from '../../../core/workers/media/web-transport-client.ts';

/**
 * The media worker's transport in Deno, where tests and load generators use it: connects to the echo relay
 * named on standard input, prints what it saw as one JSON line, then waits for the relay to go away.
 */
const target = JSON.parse(await new Response(Deno.stdin.readable).text()) as {
  readonly port: number;
  readonly certificateHash: readonly number[];
};
const transport = await connectTransport(
  { quic: openWebTransport },
  {
    host: '127.0.0.1',
    endpoints: [{ kind: 'quic', port: target.port }],
    certificateHashes: [Uint8Array.from(target.certificateHash)],
  },
  systemClock,
  new AbortController().signal,
);
const closed = new Promise<string>((resolve) => transport.onClose(resolve));
const control = new Promise<readonly number[]>((resolve) =>
  transport.onControl((bytes) => resolve([...bytes])),
);
const monitor = createRoundTripMonitor(
  systemClock,
  (probe) => transport.sendDatagram(probe),
  () => transport.close(),
);
monitor.setInCall(true);
const datagram = new Promise<readonly number[]>((resolve) =>
  transport.onDatagram((bytes) => {
    if (bytes[0] === 14) monitor.handle(bytes);
    else resolve([...bytes]);
  }),
);
await transport.sendControl(Uint8Array.of(5, 6, 7));
transport.sendDatagram(Uint8Array.of(1, 2, 3));
const seen = { control: await control, datagram: await datagram };
while (monitor.rttMs === null) await new Promise((resolve) => setTimeout(resolve, 20));
monitor.dispose();
console.log(JSON.stringify({ ...seen, tooLarge: transport.sendDatagram(new Uint8Array(1001)) }));
console.log(JSON.stringify({ closed: await closed }));
Deno.exit(0);
