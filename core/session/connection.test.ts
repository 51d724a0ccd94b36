import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDeferred } from '../base/async.ts';
import { toHex, utf8 } from '../base/bytes.ts';
import { createDisposableStore } from '../base/disposable.ts';
import { silentLogger } from '../base/log.ts';
import { createFakeClock, type FakeClock } from '../base/testing/fake-clock.ts';
import { generateIdentity } from '../crypto/identity.ts';
import { createConnection, RECONNECT_DELAYS_S, type Connection } from './connection.ts';
import { FIRST_PROBE_MS, LONGEST_PATIENCE_MS } from './quic-return.ts';
import { createServerProfiles } from './server-profiles.ts';
import { sessionError } from './session-error.ts';
import { createMemoryKeychain, createMemoryRecords } from './testing/memory-ports.ts';
import { createScriptedServer, type ScriptedServer } from './testing/scripted-server.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

const ADDRESS = { host: 'harbour.example', port: 8443 };
let clock: FakeClock;
let server: ScriptedServer;
let vault: VaultStore;
let connection: Connection;
let down = false;
let fallback = true;
/** Holds back the next descriptors. */
let gate: Promise<void> | undefined;

beforeEach(async () => {
  down = false;
  fallback = true;
  clock = createFakeClock();
  server = createScriptedServer(() => clock.wallTime());
  const records = createMemoryRecords();
  vault = createVaultStore(records, createMemoryKeychain(true));
  await vault.create('Ada', undefined);
  connection = createConnection(
    {
      media: server.media,
      records,
      keychain: createMemoryKeychain(true),
      fetchDescriptor: async () => {
        await gate;
        return down ? Promise.reject(sessionError('unreachable', 'No answer.')) : server.descriptor();
      },
      prepareFallback: ({ port }) =>
        fallback ? Promise.resolve(`/tunnel/${port}`) : Promise.reject(new Error('no')),
      clock,
      logger: silentLogger,
    },
    vault,
    createServerProfiles(vault),
    () => 0.5,
  );
});
afterEach(() => {
  connection.dispose();
  vault.dispose();
  server.dispose();
});

describe('connection', () => {
  it('connects, proves both sides and pins the server', async () => {
    await connection.connect(ADDRESS);
    expect(connection.state).toMatchObject({ state: 'connected', serverName: 'Harbour', session: 7 });
    expect(server.connects[0]?.certificateHashes).toHaveLength(2);
  });

  it('refuses a server whose signature is not its own', async () => {
    server.behaviour.forgeSignature = true;
    await expect(connection.connect(ADDRESS)).rejects.toMatchObject({ code: 'server_not_authentic' });
    expect(connection.state).toMatchObject({
      state: 'disconnected',
      error: { code: 'server_not_authentic' },
    });
  });

  it('stops hard when the identity of a known server changed, also while reconnecting', async () => {
    await connection.connect(ADDRESS);
    server.behaviour.identity = generateIdentity();
    server.drop('failed');
    expect(connection.state.state).toBe('reconnecting');
    clock.advance(1000);
    await vi.waitFor(() =>
      expect(connection.state).toMatchObject({
        state: 'disconnected',
        error: { code: 'server_identity_changed' },
      }),
    );
    expect(clock.pendingTimers).toBe(0);
    await expect(connection.connect(ADDRESS)).rejects.toMatchObject({ code: 'server_identity_changed' });
    expect(server.connects).toHaveLength(1);
  });

  it('refuses a server other than the invitation named', async () => {
    const other = toHex(generateIdentity().publicKey);
    await expect(connection.connect({ ...ADDRESS, serverId: other })).rejects.toMatchObject({
      code: 'server_identity_changed',
    });
    await connection.connect({ ...ADDRESS, serverId: toHex(server.identity.publicKey) });
    expect(connection.state.state).toBe('connected');
  });

  it('waits longer after every failed try and starts over after a success', async () => {
    await connection.connect(ADDRESS);
    down = true;
    server.drop('unresponsive');
    for (const [index, seconds] of [...RECONNECT_DELAYS_S, 30].entries()) {
      expect(connection.state).toMatchObject({
        state: 'reconnecting',
        attempt: index + 1,
        nextTryAt: clock.wallTime() + seconds * 1000,
      });
      clock.advance(seconds * 1000);
      await vi.waitFor(() => expect(connection.state).toMatchObject({ attempt: index + 2 }));
    }
    down = false;
    connection.retry();
    await vi.waitFor(() => expect(connection.state.state).toBe('connected'));
    server.drop('failed');
    expect(connection.state).toMatchObject({ state: 'reconnecting', attempt: 1 });
  });

  it('waits at least as long as the server asks', async () => {
    await connection.connect(ADDRESS);
    server.behaviour.refuse = { code: 'server_full', retryAfterMs: 20_000 };
    server.drop('failed');
    clock.advance(1000);
    await vi.waitFor(() =>
      expect(connection.state).toMatchObject({ attempt: 2, nextTryAt: clock.wallTime() + 20_000 }),
    );
  });

  it('lets the newest wish win, however late an older one is answered', async () => {
    const older = createDeferred<void>();
    gate = older.promise;
    const first = connection.connect(ADDRESS);
    first.catch(() => {});
    gate = undefined;
    await connection.connect({ ...ADDRESS, port: 9000 });
    older.resolve();
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    expect(connection.state).toMatchObject({ state: 'connected', port: 9000 });
    expect(server.connects).toHaveLength(1);
  });

  it('does not try again when a person has to decide', async () => {
    server.behaviour.refuse = { code: 'name_taken' };
    await expect(connection.connect(ADDRESS)).rejects.toMatchObject({ code: 'name_taken' });
    expect(connection.state).toMatchObject({ state: 'disconnected', error: { code: 'name_taken' } });
    expect(clock.pendingTimers).toBe(0);
  });

  it("names the host's way to the fallback, and leaves the endpoint out when there is none", async () => {
    await connection.connect(ADDRESS);
    expect(server.connects[0]).toMatchObject({ fallbackUrl: '/tunnel/8444' });
    fallback = false;
    await connection.connect(ADDRESS);
    expect(server.connects[1]?.endpoints).toEqual([{ kind: 'quic', port: 8443 }]);
    expect(server.connects[1]).not.toHaveProperty('fallbackUrl');
  });

  it('goes back to QUIC when it works again, in a pause of the conversation', async () => {
    const lost: boolean[] = [];
    const store = createDisposableStore();
    store.add(connection.onLost(({ final }) => lost.push(final)));
    server.behaviour.transport = 'fallback';
    await connection.connect(ADDRESS);
    expect(connection.state).toMatchObject({ state: 'connected', transport: 'fallback' });
    const silence = (frames: number): void => {
      for (let second = 0; second < 3; second++) server.tellStats(frames);
    };
    silence(1);
    expect(server.probes).toBe(0);
    clock.advance(FIRST_PROBE_MS);
    for (let frames = 2; frames < 20; frames++) server.tellStats(frames);
    expect(server.probes).toBe(0);
    silence(20);
    expect(server.probes).toBe(1);
    // Not asked again before twice the time has passed.
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    clock.advance(2 * FIRST_PROBE_MS - 1);
    silence(21);
    expect(server.probes).toBe(1);
    server.behaviour.transport = 'quic';
    clock.advance(1);
    silence(22);
    await vi.waitFor(() => expect(connection.state).toMatchObject({ state: 'connected', transport: 'quic' }));
    expect(lost).toEqual([false]);
    expect(server.connects).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
    store.dispose();
  });

  it('does not wait for a pause for ever', async () => {
    server.behaviour.transport = 'fallback';
    await connection.connect(ADDRESS);
    clock.advance(FIRST_PROBE_MS);
    server.tellStats(1);
    clock.advance(LONGEST_PATIENCE_MS);
    server.tellStats(2);
    expect(server.probes).toBe(1);
  });

  it('gives up a handshake that does not go on', async () => {
    server.behaviour.silent = true;
    const connecting = connection.connect(ADDRESS);
    connecting.catch(() => {});
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    clock.advance(10_000);
    await expect(connecting).rejects.toMatchObject({ code: 'timeout' });
  });

  it('loses no event that comes right behind the welcome', async () => {
    const room = {
      id: 2,
      parent: null,
      name: 'Deck',
      description: '',
      limit: 0,
      gated: false,
      permanent: true,
    };
    server.behaviour.afterWelcome = [{ t: 'room.updated', room }];
    const seen: string[] = [];
    const store = createDisposableStore();
    store.add(
      connection.onOpen((channel) => {
        store.add(channel.onEvent((event) => seen.push(event.t)));
      }),
    );
    await connection.connect(ADDRESS);
    expect(seen).toEqual(['room.updated']);
    store.dispose();
  });

  it('ends the session on malformed input and reconnects', async () => {
    await connection.connect(ADDRESS);
    server.sendRaw(new Uint8Array([0, 0, 0, 1, 0xff]));
    expect(connection.state).toMatchObject({ state: 'reconnecting', error: { code: 'protocol_error' } });
  });

  it('answers each request with its own answer or error', async () => {
    await connection.connect(ADDRESS);
    const channel = connection.channel;
    server.behaviour.answer = (request) =>
      request.t === 'ping'
        ? { t: 'ok', id: request.id, value: {} }
        : { t: 'error', id: request.id, code: 'room_full', message: 'The room is full.', retryAfterMs: 5 };
    await expect(channel?.request('ping', {})).resolves.toEqual({});
    await expect(channel?.request('room.enter', { room: 1 })).rejects.toMatchObject({
      code: 'room_full',
      retryAfterMs: 5,
    });
    server.behaviour.answer = (request) => ({ t: 'ok', id: request.id, value: { slot: 'x' } });
    await expect(channel?.request('call.join', { room: 1 })).rejects.toMatchObject({
      code: 'protocol_error',
    });
    const pending = channel?.request('ping', {});
    server.behaviour.silent = true;
    server.drop('closed');
    await expect(pending).rejects.toMatchObject({ code: 'disconnected' });
  });

  it('refuses what is no descriptor, one that is forged and one out of date', async () => {
    const { checkDescriptor } = await import('./server-trust.ts');
    const good = server.descriptor();
    expect(checkDescriptor(good, undefined, clock.wallTime()).name).toBe('Harbour');
    expect(() => checkDescriptor(utf8('<html>'), undefined, clock.wallTime())).toThrow(
      expect.objectContaining({ code: 'not_conclave' }),
    );
    for (let i = 0; i < good.length; i += 7) {
      const bad = good.slice();
      bad[i] = (bad[i] as number) ^ 1;
      expect(() => checkDescriptor(bad, undefined, clock.wallTime())).toThrow();
    }
    expect(() => checkDescriptor(good, undefined, clock.wallTime() + 3 * 86_400_000)).toThrow(
      expect.objectContaining({ code: 'descriptor_expired' }),
    );
  });
});
