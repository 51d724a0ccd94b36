import process from 'node:process';
import { createHash } from 'node:crypto';
import { delay, systemClock } from '../../core/base/async.ts';
import { fromHex, randomBytes } from '../../core/base/bytes.ts';
import type { ClientRequest, ServerMessage } from '../../core/protocol/control-message.ts';
import { forEachBundled, writeMediaHeader, DATAGRAM_KIND } from '../../core/protocol/media-datagram.ts';
import {
  answerChallenge,
  makeHello,
  openWireConnection,
  wireIdentity,
  type WireConnection,
} from './wire-connection.ts';

/**
 * Puts a call of `clients` people on a relay, `speakers` of whom talk without pause, and measures what
 * arrives. All clients live in this one process, so one clock serves senders and listeners.
 */
interface LoadPlan {
  readonly port: number;
  readonly certificateHash: string;
  readonly clients: number;
  readonly speakers: number;
  readonly frameBytes: number;
  readonly framesPerSecond: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

interface LoadClient {
  readonly connection: WireConnection;
  request(request: Omit<ClientRequest, 'id'>): Promise<Record<string, unknown>>;
  slot: number;
}

const plan = JSON.parse(process.argv.at(-1) as string) as LoadPlan;
const latencies: number[] = [];
let received = 0;
let datagrams = 0;
let measuring = false;

function onFrame(frame: Uint8Array): void {
  if (!measuring && frame[16] !== 1) return;
  // Byte 16 marks frames sent inside the window; they count whenever they arrive.
  if (frame[16] !== 1) return;
  received++;
  if ((received & 15) === 0) {
    const sentAt = new DataView(frame.buffer, frame.byteOffset).getFloat64(8);
    latencies.push(performance.now() - sentAt);
  }
}

async function connect(index: number): Promise<LoadClient> {
  const key = wireIdentity(createHash('sha256').update(`load ${index} ${Math.random()}`).digest());
  const certificateHash = fromHex(plan.certificateHash) as Uint8Array;
  const waiting = new Map<number, (message: ServerMessage) => void>();
  let nextId = 1;
  let onHandshake: (message: ServerMessage) => void = () => {};
  const connection = await openWireConnection(
    { port: plan.port, certificateHash },
    {
      onMessage(message) {
        if (message.t === 'ok' || message.t === 'error') waiting.get(message.id)?.(message);
        else if (message.t === 'challenge' || message.t === 'welcome' || message.t === 'refused')
          onHandshake(message);
      },
      onDatagram(datagram) {
        if (measuring) datagrams++;
        if (datagram[0] === DATAGRAM_KIND.bundle) forEachBundled(datagram, onFrame);
        else onFrame(datagram);
      },
      onClosed() {},
    },
  );
  const step = (): Promise<ServerMessage> => new Promise((resolve) => (onHandshake = resolve));
  const hello = makeHello(key, `Load ${index} ${randomBytes(3).join('-')}`);
  const challenged = step();
  await connection.send(hello);
  const challenge = await challenged;
  if (challenge.t !== 'challenge') throw new Error(JSON.stringify(challenge));
  const welcomed = step();
  await connection.send({
    t: 'authenticate',
    signature: answerChallenge(key, hello, challenge, certificateHash),
  });
  const welcome = await welcomed;
  if (welcome.t !== 'welcome') throw new Error(JSON.stringify(welcome));
  const client: LoadClient = {
    connection,
    slot: 0,
    request(request) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        waiting.set(id, (message) => {
          if (message.t === 'ok') resolve(message.value as Record<string, unknown>);
          else reject(new Error(JSON.stringify(message)));
        });
        void connection.send({ ...request, id } as ClientRequest);
      });
    },
  };
  const room = welcome.rooms[0]?.id;
  await client.request({ t: 'room.enter', room } as never);
  client.slot = (await client.request({ t: 'call.join', room } as never))['slot'] as number;
  return client;
}

const clients: LoadClient[] = [];
for (let i = 0; i < plan.clients; i++) clients.push(await connect(i));

const interval = 1000 / plan.framesPerSecond;
const speakers = clients.slice(0, plan.speakers);
const start = performance.now();
const windowStart = start + plan.warmUpMs;
const end = windowStart + plan.windowMs;
let sent = 0;
/** Every speaker sends on its own phase, as people's clocks do. */
const due = speakers.map((_, i) => start + (interval * i) / speakers.length);
const counters = speakers.map(() => 0);
process.stdout.write(`${JSON.stringify({ phase: 'warm' })}\n`);
for (;;) {
  const now = performance.now();
  if (now >= end) break;
  if (!measuring && now >= windowStart) {
    measuring = true;
    process.stdout.write(`${JSON.stringify({ phase: 'measure' })}\n`);
  }
  speakers.forEach((speaker, i) => {
    while ((due[i] as number) <= now) {
      due[i] = (due[i] as number) + interval;
      const frame = new Uint8Array(plan.frameBytes);
      counters[i] = (counters[i] as number) + 1;
      writeMediaHeader(frame, { kind: 1, epoch: 0, slot: speaker.slot, counter: counters[i] });
      new DataView(frame.buffer).setFloat64(8, performance.now());
      if (measuring) {
        frame[16] = 1;
        sent++;
      }
      speaker.connection.sendDatagram(frame);
    }
  });
  await delay(systemClock, 1);
}
const elapsed = performance.now() - windowStart;
process.stdout.write(`${JSON.stringify({ phase: 'done' })}\n`);
measuring = false;
await delay(systemClock, 1000);
latencies.sort((a, b) => a - b);
const quantile = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? Number.NaN;
process.stdout.write(
  `${JSON.stringify({
    phase: 'result',
    sent,
    expected: sent * (plan.clients - 1),
    received,
    datagrams,
    elapsedMs: elapsed,
    p50ms: quantile(0.5),
    p99ms: quantile(0.99),
  })}\n`,
);
process.exit(0);
