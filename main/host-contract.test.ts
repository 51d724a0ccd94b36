import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createDeferred } from '../core/base/async.ts';
import { utf8 } from '../core/base/bytes.ts';
import {
  hostSchemas,
  type HostEvents,
  type HostInfo,
  type HostMethods,
} from '../core/base/rpc/host-contract.ts';
import { connectRpc, type RpcClient } from '../core/base/rpc/rpc.ts';
import { createBytesPort } from './services/bytes-port.ts';
import { openFakeWindow } from './testing/fake-electron.ts';
import { makeTestBuild, openTestServices, type TestServices } from './testing/host-harness.ts';
import { RPC_PATH, RPC_PROTOCOL_PREFIX, startWebHost } from './web/web-host.ts';

type Client = RpcClient<HostMethods, HostEvents>;

/** A page connected to a host; `close` ends both. */
interface Connection {
  readonly client: Client;
  close(): Promise<void>;
}

async function connectWeb(test: TestServices): Promise<Connection> {
  const host = await startWebHost({
    services: test.services,
    tunnels: test.tunnels,
    files: await makeTestBuild(join(test.folder, 'dist'), true),
    port: 0,
  });
  const url = new URL(host.url);
  const socket = new WebSocket(
    `ws://${url.host}${RPC_PATH}`,
    `${RPC_PROTOCOL_PREFIX}${url.hash.slice('#token='.length)}`,
    { origin: url.origin },
  );
  const port = createBytesPort({ send: (bytes) => socket.send(bytes), close: () => socket.close() });
  socket.on('message', (data) => port.receive(data as Buffer));
  socket.on('close', () => port.closed());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const client = connectRpc<HostMethods, HostEvents>(port);
  return {
    client,
    async close() {
      client.dispose();
      port.dispose();
      await host.close();
    },
  };
}

function connectElectron(test: TestServices): Promise<Connection> {
  const window = openFakeWindow(test.services);
  const port = createBytesPort({ send: (bytes) => window.send(bytes), close: () => {} });
  window.onMessage = (bytes) => port.receive(bytes);
  const client = connectRpc<HostMethods, HostEvents>(port);
  return Promise.resolve({
    client,
    close() {
      client.dispose();
      port.dispose();
      window.channel.dispose();
      return Promise.resolve();
    },
  });
}

const hosts: readonly (readonly [HostInfo['kind'], (test: TestServices) => Promise<Connection>])[] = [
  ['web', connectWeb],
  ['electron', connectElectron],
];

describe.each(hosts)('the %s host', (kind, connect) => {
  let fixture: TestServices;
  let connection: Connection;
  let client: Client;
  beforeEach(async () => {
    fixture = await openTestServices(kind);
    connection = await connect(fixture);
    client = connection.client;
  });
  afterEach(async () => {
    await connection.close();
    await fixture.close();
  });

  test('says what it is', async () => {
    expect(await client.call('host.info', {})).toMatchObject({
      kind,
      platform: process.platform,
      version: '1.2.3',
      diagnostics: false,
      relay: { available: false },
    });
  });

  test('keeps records, also large ones', async () => {
    const large = new Uint8Array(8 * 1024 * 1024).fill(7);
    await client.call('records.write', {
      changes: [
        { key: 'vault', value: utf8('v') },
        { key: 'text/large', value: large },
      ],
    });
    expect(await client.call('records.get', { key: 'vault' })).toEqual(utf8('v'));
    expect((await client.call('records.get', { key: 'text/large' }))?.length).toBe(large.length);
    expect(await client.call('records.list', { prefix: 'text/' })).toEqual(['text/large']);
    await client.call('records.write', { changes: [{ key: 'vault', value: null }] });
    expect(await client.call('records.get', { key: 'vault' })).toBeNull();
  });

  test('keeps user files and tells of edits from outside', async () => {
    const edited = createDeferred<unknown>();
    const subscription = client.on('userFile.changed')((content) => edited.resolve(content));
    const written = await client.call('userFile.write', { name: 'settings', text: '{}' });
    expect(await client.call('userFile.read', { name: 'settings' })).toEqual(written);
    await writeFile(join(fixture.folder, 'settings.json'), '{"a":1}');
    expect(await edited.promise).toMatchObject({ name: 'settings', text: '{"a":1}' });
    subscription.dispose();
  });

  test('keeps UI state', async () => {
    expect(await client.call('state.get', { key: 'layout.main' })).toBeNull();
    await client.call('state.set', { key: 'layout.main', value: '{"x":1}' });
    expect(await client.call('state.get', { key: 'layout.main' })).toBe('{"x":1}');
  });

  test('offers the keychain', async () => {
    expect(await client.call('keychain.status', {})).toEqual({ available: true, backend: 'memory' });
    await client.call('keychain.set', { account: 'vault', secret: 's' });
    expect(await client.call('keychain.get', { account: 'vault' })).toBe('s');
    await client.call('keychain.delete', { account: 'vault' });
    expect(await client.call('keychain.get', { account: 'vault' })).toBeNull();
  });

  test('passes errors on with their codes', async () => {
    await expect(
      client.call('descriptor.fetch', { host: 'no-such-host.invalid', port: 1 }),
    ).rejects.toMatchObject({
      code: 'unreachable',
    });
    await expect(client.call('relay.start', { name: 'x', port: 0 })).rejects.toMatchObject({
      code: 'relay_unavailable',
    });
    expect(await client.call('relay.status', {})).toEqual({ state: 'stopped' });
    expect(await client.call('relay.log', { lines: 10 })).toEqual([]);
    expect(await client.call('relay.stop', {})).toEqual({ state: 'stopped' });
  });

  test('makes ready a way around blocked UDP, a new one each time', async () => {
    const target = { host: '192.0.2.1', port: 8443, certificateHashes: [new Uint8Array(32)] };
    const first = await client.call('fallback.prepare', target);
    const second = await client.call('fallback.prepare', target);
    expect(first.url).toMatch(/^\/tunnel\/[0-9a-f]{64}$/);
    expect(second.url).not.toBe(first.url);
  });

  test('opens only safe links', async () => {
    await client.call('link.open', { url: 'https://example.org/' });
    await expect(client.call('link.open', { url: 'file:///etc/passwd' })).rejects.toMatchObject({
      code: 'link_refused',
    });
    expect(fixture.opened).toEqual(['https://example.org/']);
  });

  test('hands over an invite that came before the page was there', async () => {
    fixture.services.receiveLink('conclave://join?host=a.example');
    fixture.services.receiveLink('https://not-an-invite.example');
    const received = createDeferred<string>();
    const subscription = client.on('link.received')(({ url }) => received.resolve(url));
    await client.call('log.write', { line: '{"event":"test"}' });
    expect(await received.promise).toBe('conclave://join?host=a.example');
    subscription.dispose();
  });

  test('checks every argument', async () => {
    const call = client.call as (name: string, argument: unknown) => Promise<unknown>;
    const refused: readonly (readonly [string, unknown])[] = [
      ['records.get', { key: '../../etc/passwd' }],
      ['records.get', {}],
      ['records.write', { changes: [{ key: 'a', value: 'text' }] }],
      ['userFile.read', { name: '../settings' }],
      ['state.set', { key: 'host:window', value: '{}' }],
      ['keychain.get', { account: 'Vault Key' }],
      ['descriptor.fetch', { host: 'a', port: 0 }],
      ['fallback.prepare', { host: 'a', port: 1, certificateHashes: [new Uint8Array(31)] }],
      ['relay.start', { name: '', port: 0 }],
      ['log.write', { line: 'x'.repeat(5000) }],
    ];
    for (const [name, argument] of refused)
      await expect(call(name, argument), name).rejects.toMatchObject({ code: 'invalid_argument' });
    for (const name of ['nothing', 'toString', '__proto__', 'constructor'])
      await expect(call(name, {}), name).rejects.toMatchObject({ code: 'unknown_method' });
  });

  test('has a schema for every method', () => {
    expect(Object.keys(hostSchemas)).toHaveLength(20);
  });
});
