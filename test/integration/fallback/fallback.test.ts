import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomBytes, type Bytes } from '../../../core/base/bytes.ts';
import { writeMediaHeader, type MediaKind } from '../../../core/protocol/media-datagram.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import {
  eventually,
  fetchFromRelay,
  metric,
  startWireAgent,
  targetOf,
  type WireAgent,
  type WireTarget,
} from '../relay/wire-client.ts';
import { has, joinOverFallback, startFallbackHost, type FallbackHost } from './fallback-person.ts';

// Node would get the package's server; the media worker's bundle has its browser part.
vi.mock(
  '@fails-components/webtransport',
  // eslint-disable-next-line @typescript-eslint/ban-ts-comment
  // @ts-ignore: the package has no types for its parts
  () => import('../../../node_modules/@fails-components/webtransport/lib/webtransport.browser.js'),
);

const CONFIG = `
[server]
bind_address = "127.0.0.1:8443"
[limits]
message_bytes_per_second = 67108864
messages_per_second = 1000
room_create_interval_secs = 0
handshake_timeout_secs = 1
`;

let relay: RelayProcess;
let agent: WireAgent;
let host: FallbackHost;
let target: WireTarget;
beforeAll(async () => {
  [relay, agent, host] = await Promise.all([
    startRelay({ config: CONFIG }),
    startWireAgent(),
    startFallbackHost(),
  ]);
  target = await targetOf(relay);
});
afterAll(async () => {
  await host?.close();
  await agent?.stop();
  await relay?.stop();
});

const connect = async (name: string) =>
  joinOverFallback(await host.open({ host: '127.0.0.1', ...target }), target.certificateHash, name);
function frame(slot: number, counter: number, length: number, kind: MediaKind): Bytes {
  const datagram = randomBytes(length);
  writeMediaHeader(datagram, { kind, epoch: 3, slot, counter });
  return datagram;
}

describe('a client on the fallback', () => {
  it('is in the same calls as one on QUIC: every datagram arrives as it was sent, both ways', async () => {
    const before = await metric(relay.port, 'fallback_connections_accepted');
    const ada = await connect('Ada');
    const ben = await agent.connect(target, { name: 'Ben' });
    expect(ada.transport.kind).toBe('fallback');
    expect(await metric(relay.port, 'fallback_connections_accepted')).toBe(before + 1);
    const { room } = await ben.request({ t: 'room.create', parent: null, name: 'Both' });
    await ben.request({ t: 'room.enter', room });
    const { slot: bens } = await ben.request({ t: 'call.join', room });
    await ada.send({ t: 'room.enter', id: 1, room });
    await ada.next('ok');
    await ada.send({ t: 'call.join', id: 2, room });
    const { slot: adas } = (await ada.next('ok')).value as { readonly slot: number };
    const sizes = [41, 80, 120, 125, 126, 500, 999, 1000];
    for (const [index, length] of sizes.entries()) {
      const up = frame(adas, index, length, ((index % 4) + 1) as MediaKind);
      expect(ada.transport.sendDatagram(up)).toBe(true);
      expect(await ben.nextDatagram()).toEqual(up);
      const down = frame(bens, index, length, ((index % 4) + 1) as MediaKind);
      ben.sendDatagrams(down);
      await ada.until(`${length} bytes`, () => has(ada, down));
    }
    expect(ada.datagrams).toHaveLength(sizes.length);
    const probe = Uint8Array.of(14, 0, 0, 0, 1);
    ada.transport.sendDatagram(probe);
    await ada.until('the echo', () => has(ada, probe));
    ada.close();
    await ben.next('person.left');
    ben.close();
    await eventually('both gone', async () => (await metric(relay.port, 'sessions')) === 0);
  });

  it('gets messages far larger than any window, whole and in order', async () => {
    const ada = await connect('Cy');
    const ben = await agent.connect(target, { name: 'Dot' });
    const { room } = await ben.request({ t: 'room.create', parent: null, name: 'Long' });
    await ada.next('room.updated');
    const descriptions = Array.from({ length: 100 }, (_, i) => `${i} `.padEnd(1000, 'x'));
    for (const description of descriptions) await ben.request({ t: 'room.edit', room, description });
    const seen = (): string[] =>
      ada.messages.flatMap((message) => (message.t === 'room.updated' ? [message.room.description] : []));
    await ada.until('all descriptions', () => seen().length === descriptions.length);
    expect(seen()).toEqual(descriptions);
    // The other way: the largest message there may be, of which only the end shows that it is malformed.
    const size = 2 * 1024 * 1024;
    const parts: Bytes[] = [];
    for (let left = size; left > 0; left -= 65_536) {
      const part = new Uint8Array(4 + Math.min(left, 65_536));
      new DataView(part.buffer).setUint32(0, (part.length - 4 + (left > 65_536 ? 0x8000_0000 : 0)) >>> 0);
      parts.push(part);
    }
    for (const part of parts) await ada.transport.sendControl(part);
    expect(await ada.next('session.ended')).toMatchObject({ code: 'protocol_error' });
    ben.close();
    ada.close();
    await eventually('both gone', async () => (await metric(relay.port, 'sessions')) === 0);
  });

  it('notices when the relay ends the session', async () => {
    const ada = await connect('Eve');
    await ada.transport.sendControl(Uint8Array.of(0, 0, 0, 1, 0xff));
    expect(await ada.next('session.ended')).toMatchObject({ code: 'protocol_error' });
    await ada.until('the end', () => ada.closedBy !== undefined);
    expect(ada.closedBy).toBe('closed');
    ada.close();
    await eventually('gone', async () => (await metric(relay.port, 'sessions')) === 0);
  });
});

describe('the tunnel', () => {
  it('refuses a relay whose certificate is not one of the descriptor, before it says anything', async () => {
    const before = await metric(relay.port, 'fallback_connections_accepted');
    await expect(
      host.open({ host: '127.0.0.1', port: relay.port, certificateHash: randomBytes(32) }),
    ).rejects.toMatchObject({ code: 'unreachable' });
    expect(await metric(relay.port, 'fallback_connections_accepted')).toBe(before);
  });
});

describe('the relay, against hostile clients of the fallback', () => {
  const MASK = [0, 0, 0, 0];
  const open = async (path = '/session', protocol = 'webtransport_kDraft2'): Promise<TLSSocket> => {
    const socket = connectTls({ host: '127.0.0.1', port: relay.port, rejectUnauthorized: false });
    socket.on('error', () => {});
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        `Sec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    return socket;
  };
  const ended = (socket: TLSSocket): Promise<void> =>
    new Promise((resolve) => {
      socket.resume();
      socket.once('close', () => resolve());
    });

  it.each([
    ['another path', '/', 'webtransport_kDraft2'],
    ['a path out of the prototype', '/constructor', 'webtransport_kDraft2'],
    ['another protocol', '/session', 'chat'],
  ])('closes on %s', async (_what, path, protocol) => {
    await ended(await open(path, protocol));
  });

  it.each<readonly [string, readonly number[]]>([
    ['a frame of 2^40 bytes', [0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, ...MASK]],
    ['a frame without mask', [0x82, 0x01, 0x00]],
    ['a fragmented frame', [0x02, 0x81, ...MASK, 0x00]],
    ['text', [0x81, 0x81, ...MASK, 0x41]],
    ['a reserved opcode', [0x83, 0x81, ...MASK, 0x41]],
    ['reserved bits', [0xc2, 0x81, ...MASK, 0x00]],
    // The package's parser throws at these.
    ['a stream capsule without a stream', [0x82, 0x84, ...MASK, 0x99, 0x0b, 0x4d, 0x3b]],
    ['half of a stream number', [0x82, 0x85, ...MASK, 0x99, 0x0b, 0x4d, 0x3b, 0xc0]],
    ['a third stream', [0x82, 0x85, ...MASK, 0x99, 0x0b, 0x4d, 0x3b, 0x0c]],
    ['a close capsule without a code', [0x82, 0x82, ...MASK, 0x68, 0x43]],
  ])('closes on %s and goes on serving others', async (_what, bytes) => {
    const socket = await open();
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.write(Uint8Array.from(bytes));
    await ended(socket);
    expect((await fetchFromRelay(relay.port, '/healthz')).status).toBe(200);
  });
});
