import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { randomBytes, toHex, utf8 } from '../../../core/base/bytes.ts';
import { parseGroupReference } from '../../../core/protocol/group-reference.ts';
import { startRelay, type RelayProcess, type RelayProcessOptions } from '../../support/relay-process.ts';
import { newKey, startWireAgent, targetOf, type WireAgent } from './wire-client.ts';

describe('what a relay remembers', () => {
  let agent: WireAgent;
  let dataDir: string;
  const running = new Set<RelayProcess>();
  beforeAll(async () => {
    agent = await startWireAgent();
  });
  afterAll(() => agent?.stop());
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'conclave-persistence-'));
  });
  afterEach(async () => {
    for (const relay of running) await relay.stop();
    running.clear();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const start = async (options: RelayProcessOptions = {}): Promise<RelayProcess> => {
    const relay = await startRelay({ dataDir, ...options });
    running.add(relay);
    return relay;
  };

  it('survives SIGKILL: identity, certificate, names, rooms, subscriptions, messages, Welcomes', async () => {
    const anna = newKey();
    const bert = newKey();
    const relay = await start();
    const target = await targetOf(relay);
    const a = await agent.connect(target, { key: anna, name: 'Anna' });
    const { room } = await a.request({ t: 'room.create', parent: null, name: 'Den', password: 'secret' });
    const lobby = a.welcome.rooms[0]?.id as number;
    await a.request({ t: 'room.enter', room: lobby });
    const call = await a.request({ t: 'call.join', room: lobby });
    const { group } = await a.request({ t: 'text.subscribe', room: lobby });
    await a.request({ t: 'group.create', group, groupInfo: utf8('state') });
    const b = await agent.connect(target, { key: bert, name: 'Bert' });
    await b.request({ t: 'text.subscribe', room: lobby });
    await b.request({ t: 'keyPackages.publish', packages: [utf8('kp')] });
    b.close();
    await b.waitClosed();
    const messageId = randomBytes(16);
    const sent = await a.request({ t: 'group.send', group, epoch: 0, messageId, message: utf8('hello') });
    const commit = { commit: utf8('commit'), groupInfo: utf8('state 1') };
    const welcome = { message: utf8('welcome'), sessions: [], identities: [bert.identity] };
    await a.request({ t: 'group.commit', group, epoch: 0, ...commit, welcome });
    await relay.kill();
    running.delete(relay);

    const again = await start();
    expect(again.serverId).toBe(relay.serverId);
    const target2 = await targetOf(again);
    expect(target2.certificateHash).toEqual(target.certificateHash);
    const thief = await agent.open(target2);
    expect(await thief.authenticate({ name: 'Anna' })).toMatchObject({ code: 'name_taken' });
    const a2 = await agent.connect(target2, { key: anna, name: 'Anna' });
    expect(a2.welcome.subscriptions).toEqual([lobby]);
    expect(a2.welcome.rooms.map(({ name, gated }) => ({ name, gated }))).toEqual([
      { name: 'Lobby', gated: false },
      { name: 'Den', gated: true },
    ]);
    expect((await a2.refused({ t: 'room.enter', room, password: 'wrong' })).code).toBe('room_password_wrong');
    await a2.request({ t: 'room.enter', room, password: 'secret' });
    const log = await a2.request({ t: 'group.log', group, since: 0, limit: 10 });
    expect(log.entries).toMatchObject([
      { kind: 'message', cursor: 1, at: sent.at, messageId, message: utf8('hello'), identity: anna.identity },
      { kind: 'commit', cursor: 2, epoch: 0, commit: utf8('commit') },
    ]);
    expect(await a2.request({ t: 'group.info', group })).toMatchObject({
      epoch: 1,
      groupInfo: utf8('state 1'),
    });
    expect(await a2.request({ t: 'group.send', group, epoch: 1, messageId, message: utf8('hello') })).toEqual(
      sent,
    );
    const b2 = await agent.connect(target2, { key: bert, name: 'Bert' });
    expect(await b2.next('group.welcome')).toMatchObject({
      group,
      cursor: 2,
      epoch: 1,
      welcome: utf8('welcome'),
    });
    expect((await a2.request({ t: 'keyPackages.claim', identity: bert.identity })).keyPackage).toEqual(
      utf8('kp'),
    );
    // A call of the new run has a generation the old one never reached.
    await a2.request({ t: 'room.enter', room: lobby });
    const newCall = await a2.request({ t: 'call.join', room: lobby });
    expect(newCall.epoch).toBeNull();
    expect(parseGroupReference(newCall.group)?.generation).toBeGreaterThan(
      parseGroupReference(call.group)?.generation as number,
    );
    a2.close();
    b2.close();
  });

  it('keeps its files to its owner, also in a folder that others may look into', async () => {
    chmodSync(dataDir, 0o755);
    writeFileSync(join(dataDir, 'server.key.new'), 'left behind', { mode: 0o644 });
    await start();
    const names = readdirSync(dataDir);
    expect(names).toEqual(expect.arrayContaining(['server.key', 'certificates.json', 'conclave.db']));
    expect(names).toContain('conclave.db-wal');
    for (const name of names) expect(statSync(join(dataDir, name)).mode & 0o077, name).toBe(0);
  });

  it('forgets people and rooms in memory mode, but not who it is', async () => {
    const config = '[database]\npath = ":memory:"\n';
    const relay = await start({ config });
    const a = await agent.connect(await targetOf(relay), { name: 'Forgotten' });
    await a.request({ t: 'room.create', parent: null, name: 'Sand castle' });
    expect(await relay.stop()).toBe(0);
    expect((await a.next('server.closing')).restart).toBe(false);
    const again = await start({ config });
    expect(again.serverId).toBe(relay.serverId);
    const b = await agent.connect(await targetOf(again), { name: 'Forgotten' });
    expect(b.welcome.rooms.map((room) => room.name)).toEqual(['Lobby']);
    b.close();
  });

  it('makes the first admin once, from the environment, on an empty database only', async () => {
    const admin = newKey();
    const env = { AURA_BOOTSTRAP_ADMIN_KEY: toHex(admin.identity), AURA_BOOTSTRAP_ADMIN_NAME: 'Boss' };
    const relay = await start({ env });
    const target = await targetOf(relay);
    const thief = await agent.open(target);
    expect(await thief.authenticate({ name: 'Boss' })).toMatchObject({ code: 'name_taken' });
    const boss = await agent.connect(target, { key: admin, name: 'Boss' });
    expect(boss.welcome).toMatchObject({ roles: ['admin'], verified: true });
    await boss.request({ t: 'room.create', parent: null, name: 'Hall', permanent: true });
    await relay.stop();
    running.delete(relay);
    const second = newKey();
    const again = await start({ env: { AURA_BOOTSTRAP_ADMIN_KEY: toHex(second.identity) } });
    expect(again.stderr.join('\n')).toContain('admin.bootstrap.ignored');
    const target2 = await targetOf(again);
    const pretender = await agent.connect(target2, { key: second, name: 'Pretender' });
    expect(pretender.welcome.roles).toEqual([]);
    expect(
      (await pretender.refused({ t: 'room.create', parent: null, name: 'X', permanent: true })).code,
    ).toBe('not_allowed');
    const boss2 = await agent.connect(target2, { key: admin, name: 'Boss' });
    expect(boss2.welcome.roles).toEqual(['admin']);
    boss2.close();
    pretender.close();
  });

  it('refuses to start with a bad bootstrap key, setting or port, and says which', async () => {
    await expect(start({ env: { CONCLAVE_BOOTSTRAP_ADMIN_KEY: 'xyz' } })).rejects.toThrow(
      /64 hexadecimal digits/,
    );
    await expect(start({ config: '[rooms]\nmax_rooms = 0\n' })).rejects.toThrow(
      /rooms\.max_rooms cannot be 0: it must be a whole number from 1 to 10000/,
    );
    const relay = await start();
    await expect(startRelay({ port: relay.port })).rejects.toThrow(/port_in_use/);
  });

  it('stops when its parent closes standard input', async () => {
    const relay = await start();
    relay.closeInput();
    expect(await relay.exited).toBe(0);
    running.delete(relay);
  });
});
