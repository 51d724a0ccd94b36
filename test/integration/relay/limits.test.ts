import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { forwardUdp, type UdpForwarder } from './udp-forwarder.ts';
import { randomBytes, utf8 } from '../../../core/base/bytes.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import {
  eventually,
  fetchFromRelay,
  metric,
  startWireAgent,
  targetOf,
  type WireAgent,
} from './wire-client.ts';

/** Requirements §10, guarantee 6, and the other bounds on what one client can cost. */
describe('limits', () => {
  let agent: WireAgent;
  let relay: RelayProcess | undefined;
  beforeAll(async () => {
    agent = await startWireAgent();
  });
  afterAll(() => agent?.stop());
  const forwarders = new Set<UdpForwarder>();
  afterEach(async () => {
    for (const forwarder of forwarders) forwarder.close();
    forwarders.clear();
    await relay?.stop();
    relay = undefined;
  });
  const start = async (config: string) => {
    relay = await startRelay({ config });
    return { relay, target: await targetOf(relay) };
  };

  it('allows a burst of connections per address, refuses the next, and leaves other addresses alone', async () => {
    const { relay, target } = await start(
      '[limits]\nloopback_exempt = false\nhandshake_per_minute = 1\nhandshake_burst = 3\n',
    );
    for (let i = 0; i < 3; i++) (await agent.connect(target, { name: `Burst ${i}` })).close();
    const refused = await agent.open(target).then(
      (client) => client.waitClosed().then(() => 'closed'),
      () => 'closed',
    );
    expect(refused).toBe('closed');
    expect(await metric(relay.port, 'connections_refused')).toBe(1);
    const elsewhere = await forwardUdp(target.port, '127.0.0.5');
    forwarders.add(elsewhere);
    const other = await agent.connect({ ...target, port: elsewhere.port }, { name: 'Elsewhere' });
    await other.request({ t: 'ping' });
    other.close();
  });

  it('bounds the sessions of one address and of the whole server', async () => {
    const { target } = await start(
      '[server]\nmax_connections = 3\n[limits]\nloopback_exempt = false\nconnections_per_ip = 2\n',
    );
    const first = await agent.connect(target, { name: 'One' });
    const second = await agent.connect(target, { name: 'Two' });
    await expect(
      agent
        .open(target)
        .then((client) => client.waitClosed().then(() => Promise.reject(new Error('closed')))),
    ).rejects.toThrow();
    const elsewhere = await forwardUdp(target.port, '127.0.0.5');
    forwarders.add(elsewhere);
    const there = { ...target, port: elsewhere.port };
    const third = await agent.connect(there, { name: 'Three' });
    const fourth = await agent.open(there);
    const outcome = await fourth.authenticate({ name: 'Four' });
    expect(outcome).toMatchObject({ t: 'refused', code: 'server_full' });
    expect((outcome as { retryAfterMs?: number }).retryAfterMs).toBeGreaterThan(0);
    third.close();
    await first.next('person.left');
    await fourth.waitClosed();
    await eventually('the place is free again', async () => {
      const next = await agent.open(there);
      const again = await next.authenticate({ name: 'Five' });
      next.close();
      return again.t === 'welcome';
    });
    first.close();
    second.close();
  });

  it('slows down a client that sends too many control messages', async () => {
    const { target } = await start('[limits]\nmessages_per_second = 10\n');
    const client = await agent.connect(target, { name: 'Chatterbox' });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, () => client.request({ t: 'ping' })),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(30);
    expect(refused.every((outcome) => String(outcome.reason).includes('rate_limited'))).toBe(true);
    expect(60 - refused.length).toBeGreaterThanOrEqual(20);
    client.close();
  });

  it('limits text messages and new rooms separately', async () => {
    const { target } = await start('');
    const client = await agent.connect(target, { name: 'Writer' });
    const room = client.welcome.rooms[0]?.id as number;
    const { group } = await client.request({ t: 'text.subscribe', room });
    await client.request({ t: 'group.create', group, groupInfo: utf8('0') });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, () =>
        client.request({ t: 'group.send', group, epoch: 0, messageId: randomBytes(16), message: utf8('m') }),
      ),
    );
    const accepted = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
    expect(accepted).toBeGreaterThanOrEqual(10);
    expect(accepted).toBeLessThan(20);
    await client.request({ t: 'room.create', parent: null, name: 'First' });
    expect((await client.refused({ t: 'room.create', parent: null, name: 'Second' })).code).toBe(
      'rate_limited',
    );
    client.close();
  });

  it('cuts off a client that does not read, without harm to the others', async () => {
    const { relay, target } = await start(
      '[limits]\noutgoing_queue_bytes = 262144\nmessages_per_second = 10000\nmessage_bytes_per_second = 1073741824\n',
    );
    const active = await agent.connect(target, { name: 'Active' });
    const room = active.welcome.rooms[0]?.id as number;
    const reader = await agent.connect(target, { name: 'Stuck' });
    await reader.request({ t: 'room.enter', room });
    const call = await reader.request({ t: 'call.join', room });
    await reader.request({ t: 'group.create', group: call.group, groupInfo: new Uint8Array(60_000) });
    reader.pauseReading();
    const ask = { t: 'group.info', group: call.group } as const;
    for (let id = 1000; id < 1200; id++) reader.send({ ...ask, id });
    await eventually(
      'the slow reader is cut off',
      async () => (await metric(relay.port, 'slow_readers_closed')) === 1,
    );
    expect((await active.next('person.left')).session).toBe(reader.session);
    await active.request({ t: 'ping' });
    active.close();
  });

  it('ends a handshake that takes too long', async () => {
    const { target } = await start('[limits]\nhandshake_timeout_secs = 1\n');
    const idle = await agent.open(target);
    // The stream becomes visible with its first byte.
    idle.sendRaw(new Uint8Array([0]));
    expect((await idle.next('refused')).code).toBe('protocol_error');
    await idle.waitClosed();
  });

  it('answers health and metrics, and nothing else, over TCP', async () => {
    const { relay } = await start('');
    expect(await fetchFromRelay(relay.port, '/healthz')).toMatchObject({ status: 200, body: utf8('ok\n') });
    expect((await fetchFromRelay(relay.port, '/metrics')).status).toBe(200);
    for (const path of ['/', '/session', '/../server.key', '/.well-known/other'])
      expect((await fetchFromRelay(relay.port, path)).status, path).toBe(404);
  });

  it('logs no name, address or key', async () => {
    const { relay, target } = await start('[server]\nlog_level = "debug"\n');
    const client = await agent.connect(target, { name: 'Recognisable' });
    client.sendRaw(new Uint8Array([0, 0, 0, 1, 0xff]));
    await client.waitClosed();
    await relay.stop();
    const log = relay.stderr.join('\n');
    expect(log).toContain('session.protocolError');
    expect(log).not.toContain('Recognisable');
    expect(log).not.toMatch(/127\.0\.0\.1|::1/);
    expect(log).not.toContain(Buffer.from(client.key.identity).toString('hex'));
  });
});
