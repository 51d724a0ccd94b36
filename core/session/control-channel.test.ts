import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../base/log.ts';
import { createFakeClock, type FakeClock } from '../base/testing/fake-clock.ts';
import { generateIdentity } from '../crypto/identity.ts';
import { encodeMessage } from '../protocol/control-message.ts';
import { decodeDescriptor } from '../protocol/server-descriptor.ts';
import { frameMessage, MAX_FRAME_BYTES } from '../protocol/framing.ts';
import { openControlChannel, type ControlChannel } from './control-channel.ts';
import { createScriptedServer, type ScriptedServer } from './testing/scripted-server.ts';

let clock: FakeClock;
let server: ScriptedServer;
beforeEach(() => {
  clock = createFakeClock();
  server = createScriptedServer(() => clock.wallTime());
});
afterEach(() => server.dispose());

const open = (): Promise<ControlChannel> => {
  const descriptor = decodeDescriptor(server.descriptor());
  if (!descriptor.ok) throw new Error(descriptor.error);
  return openControlChannel({
    media: server.media,
    clock,
    logger: silentLogger,
    target: {
      host: 'harbour.example',
      endpoints: descriptor.value.endpoints,
      certificateHashes: descriptor.value.certs.map(({ sha256 }) => sha256),
    },
    serverId: descriptor.value.serverId,
    identity: generateIdentity(),
    displayName: 'Ada',
    password: undefined,
  });
};

it('an event before the handshake is over ends it', async () => {
  server.behaviour.silent = true;
  const opening = open();
  await Promise.resolve();
  server.send({ t: 'room.removed', room: 1 });
  await expect(opening).rejects.toMatchObject({ code: 'protocol_error' });
});

it('a welcome instead of a challenge is refused', async () => {
  server.behaviour.silent = true;
  const opening = open();
  await Promise.resolve();
  server.send({
    t: 'welcome',
    session: 7,
    roles: ['admin'],
    verified: true,
    serverName: 'Harbour',
    limits: { roomNameLength: 32, rooms: 50, messagesPerSecond: 50 },
    rooms: [],
    people: [],
    subscriptions: [],
  });
  await expect(opening).rejects.toMatchObject({ code: 'protocol_error' });
});

it('whoever has proved nothing may not send more than one frame', async () => {
  server.behaviour.silent = true;
  const opening = open();
  await Promise.resolve();
  server.sendRaw(frameMessage(new Uint8Array(MAX_FRAME_BYTES + 1)));
  await expect(opening).rejects.toMatchObject({ code: 'protocol_error' });
});

it('nobody is made to wait for ever, nor by a number no timer can hold', async () => {
  server.behaviour.refuse = { code: 'server_full', retryAfterMs: Number.MAX_SAFE_INTEGER };
  await expect(open()).rejects.toMatchObject({ code: 'server_full', retryAfterMs: 600_000 });
  server.behaviour.refuse = undefined;
  server.behaviour.answer = ({ id }) => ({
    t: 'error',
    id,
    code: 'rate_limited',
    message: 'Wait.\u202E\n',
    retryAfterMs: 2 ** 40,
  });
  const channel = await open();
  await expect(channel.request('ping', {})).rejects.toMatchObject({
    code: 'rate_limited',
    message: 'Wait.\uFFFD\uFFFD',
    retryAfterMs: 600_000,
  });
  channel.dispose();
});

it('a step of the handshake that comes again ends the session', async () => {
  const channel = await open();
  const reasons: string[] = [];
  const subscription = channel.onClose((error) => reasons.push(error.code));
  server.sendRaw(frameMessage(encodeMessage({ t: 'refused', code: 'banned', message: 'No.' })));
  expect(reasons).toEqual(['protocol_error']);
  subscription.dispose();
});
