import { createSecureServer } from 'node:http2';
import { createServer as createHttp1Server } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { utf8 } from '../../core/base/bytes.ts';
import { createFakeClock } from '../../core/base/testing/fake-clock.ts';
import { createSelfSignedCertificate } from '../../server/transport/self-signed-certificate.ts';
import { fetchDescriptor } from './descriptor-fetch.ts';
import { fetchUntrusted } from './untrusted-fetch.ts';

const { privateKeyPem: key, certificatePem: cert } = createSelfSignedCertificate(
  Date.now() - 60_000,
  Date.now() + 24 * 3_600_000,
);
let ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends) end();
  ends = [];
});

/** Listens on loopback and ends with the test, open connections included. */
async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const body = utf8('signed bytes');

test('HTTP/1.1 and HTTP/2, by name, IPv4 and IPv6', async () => {
  const paths: (string | undefined)[] = [];
  const http1 = createHttp1Server({ key, cert }, (request, response) => {
    paths.push(request.url);
    response.end(body);
  });
  const http2 = createSecureServer({ key, cert });
  http2.on('stream', (stream, headers) => {
    paths.push(headers[':path']);
    stream.respond({ ':status': 200 });
    stream.end(body);
  });
  const port1 = await listen(http1);
  expect(await fetchDescriptor({ host: '127.0.0.1', port: port1 })).toEqual(body);
  expect(await fetchDescriptor({ host: 'localhost', port: port1 })).toEqual(body);
  const port2 = await listen(http2, '::1');
  expect(await fetchDescriptor({ host: '::1', port: port2 })).toEqual(body);
  expect(await fetchDescriptor({ host: '[::1]', port: port2 })).toEqual(body);
  expect(paths).toEqual(Array<string>(4).fill('/.well-known/conclave'));
});

test.each([
  ['an error page', 404, 'gone'],
  ['a redirect', 302, ''],
  ['more than 16 KiB', 200, 'x'.repeat(16 * 1024 + 1)],
])('%s is not a relay', async (_what, status, text) => {
  let requests = 0;
  const port = await listen(
    createHttp1Server({ key, cert }, (_request, response) => {
      requests += 1;
      response.writeHead(status, { Location: '/elsewhere' }).end(text);
    }),
  );
  await expect(fetchDescriptor({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'not_conclave' });
  expect(requests).toBe(1);
});

test('a server that speaks no TLS is not a relay', async () => {
  const port = await listen(createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')));
  await expect(fetchDescriptor({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'not_conclave' });
});

test('a closed port and an unknown name are unreachable', async () => {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  await expect(fetchDescriptor({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'unreachable' });
  await expect(fetchDescriptor({ host: 'no-such-host.invalid', port })).rejects.toMatchObject({
    code: 'unreachable',
  });
});

test('a server that accepts and stays silent is a time-out', async () => {
  const clock = createFakeClock();
  const port = await listen(createTcpServer(() => clock.advance(5_000)));
  await expect(
    fetchUntrusted({ host: '127.0.0.1', port, path: '/', maxBytes: 10, timeoutMs: 5_000, clock }),
  ).rejects.toMatchObject({ code: 'timeout' });
});

test.each(['', 'two words', 'host/path', 'user@host', 'host:80', '-x', 'a'.repeat(254), 'h\r\nHost: other'])(
  'the host %j is refused before anything is sent',
  async (host) => {
    await expect(fetchDescriptor({ host, port: 443 })).rejects.toMatchObject({ code: 'invalid_argument' });
  },
);

test('no error names the address', async () => {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  await expect(fetchDescriptor({ host: '127.0.0.1', port })).rejects.toSatisfy(
    (error) => error instanceof Error && !/127|\d{4,}/.test(error.message),
  );
});
