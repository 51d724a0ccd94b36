import { request, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { decodeCbor, encodeCbor } from '../../core/protocol/cbor.ts';
import { createFakeClock, type FakeClock } from '../../core/base/testing/fake-clock.ts';
import { makeTestBuild, openTestServices, type TestServices } from '../testing/host-harness.ts';
import { startWebHost, type WebHost } from './web-host.ts';

let fixture: TestServices;
let host: WebHost;
let clock: FakeClock;
let token = '';
beforeEach(async () => {
  clock = createFakeClock();
  fixture = await openTestServices('web');
  host = await startWebHost({
    services: fixture.services,
    tunnels: fixture.tunnels,
    files: await makeTestBuild(join(fixture.folder, 'dist'), true),
    port: 0,
    clock,
  });
  token = new URL(host.url).hash.slice('#token='.length);
});
afterEach(async () => {
  await host.close();
  await fixture.close();
});

/** One plain request; Node's fetch would not let the Host header be chosen. */
function get(
  path: string,
  options: { readonly host?: string; readonly method?: string } = {},
): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: host.port,
        path,
        method: options.method ?? 'GET',
        headers: { Host: options.host ?? `127.0.0.1:${host.port}` },
        agent: false,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

interface Attempt {
  readonly host?: string;
  readonly origin?: string;
  readonly protocol?: string;
  readonly path?: string;
}

/** Tries to open the WebSocket; gives the HTTP status, 101 when it opened. */
function open(attempt: Attempt = {}): Promise<{ readonly status: number; readonly socket: WebSocket }> {
  const own = `127.0.0.1:${host.port}`;
  const socket = new WebSocket(
    `ws://${own}${attempt.path ?? '/rpc'}`,
    attempt.protocol === '' ? [] : [attempt.protocol ?? `conclave.${token}`],
    {
      headers: { Host: attempt.host ?? own },
      ...(attempt.origin === '' ? {} : { origin: attempt.origin ?? `http://${attempt.host ?? own}` }),
    },
  );
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve({ status: 101, socket }));
    socket.once('unexpected-response', (outgoing, response) => {
      resolve({ status: response.statusCode ?? 0, socket });
      response.resume();
      outgoing.destroy();
    });
    socket.on('error', reject);
  });
}

test('the page is isolated and may load nothing but itself', async () => {
  const { status, headers, body } = await get('/');
  expect(status).toBe(200);
  expect(body).toContain('<title>Conclave</title>');
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  const policy = headers['content-security-policy'] as string;
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
  expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${host.port};`);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toContain('unsafe-inline');
  expect(policy).not.toContain("'unsafe-eval'");
  expect(headers['permissions-policy']).toContain('microphone=(self)');
  expect(headers).not.toHaveProperty('access-control-allow-origin');
});

test('only the media worker reaches the network; the worker with the identity reaches nothing', async () => {
  const media = await get('/media.worker.js');
  const session = await get('/session.worker.js');
  expect(media.headers['content-security-policy']).toContain("connect-src 'self' https: wss:");
  expect(session.headers['content-security-policy']).toContain("connect-src 'none'");
  for (const { headers } of [media, session]) {
    expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
  }
  expect((await get('/wasm/opus.wasm')).headers['content-type']).toBe('application/wasm');
});

test.each([
  '/not-listed.js',
  '/../build-manifest.json',
  '/..%2fbuild-manifest.json',
  '/wasm/../not-listed.js',
  '/wasm//opus.wasm',
  '//index.html',
  '/wasm',
  '/INDEX.HTML',
  '/index.html%00',
  '/%2e%2e/build-manifest.json',
  'http://example.org/index.html',
])('%s is not served', async (path) => {
  const { status, body } = await get(path);
  expect(status).toBe(404);
  expect(body).not.toContain('secret');
});

test('a file changed after the release build is not served', async () => {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(join(fixture.folder, 'dist', 'workbench', 'workbench.js'), 'evil()');
  expect((await get('/workbench.js')).status).toBe(404);
});

test('nothing but GET and HEAD', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    expect((await get('/', { method })).status).toBe(405);
  const head = await get('/', { method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, body: '' });
});

test.each([
  'evil.example',
  'localhost',
  '127.0.0.1',
  '0.0.0.0:PORT',
  '127.0.0.1.evil.example:PORT',
  'conclave.localhost:PORT',
])('a page that reaches us as %s gets nothing (DNS rebinding)', async (name) => {
  const rebound = name.replace('PORT', String(host.port));
  expect((await get('/', { host: rebound })).status).toBe(421);
  expect((await open({ host: rebound })).status).toBe(421);
});

test('an extension’s host name has one page that reaches nothing, and no way in', async () => {
  const name = `ext-${'0a'.repeat(16)}.localhost:${host.port}`;
  const page = await get('/host.html', { host: name });
  expect(page.status).toBe(200);
  const policy = page.headers['content-security-policy'] as string;
  for (const part of [
    "default-src 'none'",
    "connect-src 'none'",
    'worker-src blob:',
    'sandbox allow-scripts',
  ])
    expect(policy).toContain(part);
  expect(policy).toContain(`frame-ancestors http://127.0.0.1:${host.port} http://localhost:${host.port}`);
  expect(policy).not.toContain("'unsafe-inline'");
  expect(page.headers).toMatchObject({
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'cross-origin',
  });
  for (const path of ['/', '/index.html', '/workbench.js', '/rpc'])
    expect((await get(path, { host: name })).status).toBe(404);
  expect((await open({ host: name })).status).toBe(421);
  for (const other of [`ext-0a.localhost:${host.port}`, `ext-${'0a'.repeat(16)}.localhost:1`])
    expect((await get('/host.html', { host: other })).status).toBe(421);
  expect((await get('/')).headers['content-security-policy']).toContain(
    `frame-src http://*.localhost:${host.port};`,
  );
});

test('by both names of this computer', async () => {
  expect((await get('/', { host: `localhost:${host.port}` })).status).toBe(200);
  const { status, socket } = await open({ host: `localhost:${host.port}` });
  expect(status).toBe(101);
  socket.terminate();
});

test.each<[string, Attempt, number]>([
  ['another page', { origin: 'https://evil.example' }, 403],
  ['a sandboxed page', { origin: 'null' }, 403],
  ['another port', { origin: 'http://127.0.0.1:1' }, 403],
  ['a program without an origin', { origin: '' }, 403],
  ['a wrong token', { protocol: `conclave.${'0'.repeat(64)}` }, 401],
  ['a short token', { protocol: 'conclave.0' }, 401],
  ['no token', { protocol: '' }, 401],
  ['another path', { path: '/rpc/other' }, 404],
  ['a token in the address', { path: '/rpc?token=TOKEN', protocol: '' }, 404],
])('the WebSocket is refused to %s', async (_who, attempt, status) => {
  expect((await open(attempt)).status).toBe(status);
});

test('the token is new at every start and has 256 bits', async () => {
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  const other = await startWebHost({
    services: fixture.services,
    tunnels: fixture.tunnels,
    files: await makeTestBuild(join(fixture.folder, 'other'), true),
    port: 0,
  });
  expect(new URL(other.url).hash).not.toContain(token);
  await other.close();
});

test('a second page takes over: the first is told and nothing of it is carried out any more', async () => {
  const encode = (message: Record<string, unknown>): Buffer => Buffer.from(encodeCbor(message as never));
  const write = (id: number, key: string): Buffer =>
    encode({
      kind: 'call',
      id,
      name: 'records.write',
      argument: { changes: [{ key, value: new Uint8Array([id]) }] },
    });
  const answerOf = (socket: WebSocket): Promise<unknown> =>
    new Promise((resolve) =>
      socket.once('message', (data) => resolve(decodeCbor(new Uint8Array(data as Buffer)))),
    );
  const { socket: first } = await open();
  const written = answerOf(first);
  first.send(write(1, 'page/first'));
  expect(await written).toMatchObject({ kind: 'return', id: 1 });
  const told = new Promise((resolve) => first.once('close', resolve));
  const { socket: second } = await open();
  first.send(write(2, 'page/late'));
  expect(await told).toBe(4001);
  const listed = answerOf(second);
  second.send(encode({ kind: 'call', id: 3, name: 'records.list', argument: { prefix: 'page/' } }));
  expect(await listed).toMatchObject({ kind: 'return', id: 3, value: ['page/first'] });
  second.terminate();
});

test.each([
  ['text', 'hello', 1003],
  ['what is not CBOR', Buffer.from([0xff, 0x00]), 1007],
  ['CBOR that is not deterministic', Buffer.from([0x18, 0x01]), 1007],
])('%s closes the connection', async (_what, message, code) => {
  const { socket } = await open();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.send(message);
  expect(await closed).toBe(code);
});

test('a message beyond the limit closes the connection', async () => {
  const { socket } = await open();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.send(Buffer.alloc(32 * 1024 * 1024 + 1));
  expect(await closed).toBe(1009);
});

test('a page that stops answering is let go', async () => {
  const { socket } = await open();
  socket.pause();
  const gone = new Promise((resolve) => socket.once('close', resolve));
  clock.advance(15_000);
  clock.advance(15_000);
  socket.resume();
  expect(await gone).toBe(1006);
});

test('only this computer can connect', async () => {
  const { networkInterfaces } = await import('node:os');
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry && entry.family === 'IPv4' && !entry.internal);
  if (!outside) return;
  await expect(
    new Promise((resolve, reject) =>
      connectTcp(host.port, outside.address, () => resolve('connected')).once('error', reject),
    ),
  ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a port in use is named', async () => {
  await expect(
    startWebHost({
      services: fixture.services,
      tunnels: fixture.tunnels,
      files: await makeTestBuild(join(fixture.folder, 'other'), true),
      port: host.port,
    }),
  ).rejects.toMatchObject({ code: 'port_in_use' });
});
