import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { CodedError } from '../../core/base/coded-error.ts';
import { createDisposableStore, toDisposable } from '../../core/base/disposable.ts';
import { systemClock, type Clock } from '../../core/base/async.ts';
import type { Bytes } from '../../core/base/bytes.ts';

/** Where and how much to fetch. */
export interface UntrustedFetchOptions {
  /** Name or address; an IPv6 address with or without brackets. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly clock?: Clock;
}

/** Why a fetch failed: nobody there, no answer in time, or somebody who is no relay. */
export type UntrustedFetchCode = 'unreachable' | 'timeout' | 'not_conclave' | 'invalid_argument';

/**
 * One GET over TLS whose certificate is not checked: what comes back proves itself by its signature
 * (protocol.md §1). No redirects, no cookies, no proxy, nothing kept. Speaks HTTP/2 or HTTP/1.1, whichever
 * the server picks.
 */
export function fetchUntrusted(options: UntrustedFetchOptions): Promise<Bytes> {
  const { port, path, maxBytes, timeoutMs, clock = systemClock } = options;
  const host = options.host.replace(/^\[(.*)\]$/, '$1');
  if (!isIP(host.replace(/%.*$/, '')) && !isHostName(host))
    return Promise.reject(
      new CodedError(
        'invalid_argument',
        'This is not a host name or an address. Give it as example.org or 192.0.2.1.',
      ),
    );
  return new Promise((resolve, reject) => {
    const store = createDisposableStore();
    const fail = (error: CodedError<UntrustedFetchCode>): void => {
      reject(error);
      store.dispose();
    };
    const finish = (body: Bytes): void => {
      resolve(body);
      store.dispose();
    };
    store.add(clock.setTimer(timeoutMs, () => fail(noAnswer())));
    let secured = false;
    const socket = connectTls({
      host,
      port,
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ...(isIP(host) ? {} : { servername: host }),
    });
    store.add(toDisposable(() => socket.destroy()));
    socket.on('error', (error: NodeJS.ErrnoException) => fail(secured ? notConclave() : connectError(error)));
    socket.on('close', () => fail(secured ? notConclave() : noAnswer()));
    socket.once('secureConnect', () => {
      secured = true;
      const get = socket.alpnProtocol === 'h2' ? getHttp2 : getHttp1;
      get({ socket, authority: authority(host, port), path, maxBytes }).then(finish, () =>
        fail(notConclave()),
      );
    });
  });
}

interface Exchange {
  readonly socket: TLSSocket;
  readonly authority: string;
  readonly path: string;
  readonly maxBytes: number;
}

async function getHttp2({ socket, authority, path, maxBytes }: Exchange): Promise<Bytes> {
  const session = connectHttp2(`https://${authority}`, { createConnection: () => socket });
  try {
    return await new Promise<Bytes>((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':path': path });
      stream.on('error', reject);
      stream.on('response', (headers) => {
        if (headers[':status'] !== 200) reject(new Error('status'));
        else collect(stream, maxBytes).then(resolve, reject);
      });
      stream.end();
    });
  } finally {
    session.destroy();
  }
}

function getHttp1({ socket, authority, path, maxBytes }: Exchange): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        path,
        // With a `createConnection` of our own, Node speaks plain HTTP over the socket it is given.
        createConnection: () => socket,
        headers: { host: authority, connection: 'close' },
        maxHeaderSize: 16 * 1024,
      },
      (response) => {
        if (response.statusCode !== 200) reject(new Error('status'));
        else collect(response, maxBytes).then(resolve, reject);
      },
    );
    request.on('error', reject);
    request.end();
  });
}

async function collect(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > maxBytes) throw new Error('too long');
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function authority(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** RFC 1123 names, with underscores as they occur in local networks. */
function isHostName(host: string): boolean {
  return /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})?)*\.?$/.test(
    host,
  );
}

function connectError(error: NodeJS.ErrnoException): CodedError<UntrustedFetchCode> {
  switch (error.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new CodedError(
        'unreachable',
        'There is no host of that name. Check the spelling and your network.',
      );
    case 'ECONNREFUSED':
      return new CodedError(
        'unreachable',
        'The host is there, but nothing listens on that port. Check the port number.',
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return new CodedError('unreachable', 'The host cannot be reached from this network.');
    case 'ETIMEDOUT':
      return noAnswer();
    default:
      return notConclave();
  }
}

function noAnswer(): CodedError<UntrustedFetchCode> {
  return new CodedError(
    'timeout',
    'The host did not answer. It may be down, or a firewall may drop the connection.',
  );
}

function notConclave(): CodedError<UntrustedFetchCode> {
  return new CodedError(
    'not_conclave',
    'Something answers there, but it is not a Conclave relay. Check the port number.',
  );
}
