import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { systemClock, type Clock } from '../../core/base/async.ts';
import { CodedError, errorCode } from '../../core/base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import { logCode } from '../../core/base/log.ts';
import { createBytesPort, HOST_MESSAGE_LIMITS } from '../services/bytes-port.ts';
import type { HostServices } from '../services/host-services.ts';
import {
  EXTENSION_FRAME_HTML,
  EXTENSION_FRAME_PATH,
  extensionFrameHeaders,
  isExtensionHost,
} from '../services/extension-frame.ts';
import { responseHeaders } from '../services/page-headers.ts';
import type { ServedFiles } from '../services/served-files.ts';
import { joinSockets, openFallbackSocket, TUNNEL_PATH, type FallbackTunnels } from './fallback-tunnels.ts';

/** The workbench served to a browser on this computer. */
export interface WebHost {
  /** Address of the page; its fragment holds the token and is never sent to the server. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Path of the WebSocket. */
export const RPC_PATH = '/rpc';
/** The subprotocol is this followed by the token. */
export const RPC_PROTOCOL_PREFIX = 'conclave.';

const HEARTBEAT_MS = 15_000;
const MAX_CONNECTIONS = 8;
/** Close code for a page whose place another one took. */
const TAKEN_OVER = 4001;

/**
 * Serves the workbench on 127.0.0.1 only.
 *
 * Three things keep others out. Another web page cannot connect: the WebSocket's Origin must be ours, and no
 * CORS header is ever sent. A page that rebinds its DNS name to 127.0.0.1 cannot either: the Host header must
 * name us. Another local program cannot: it does not know the token, 256 random bits that travel in the
 * address's fragment and in the WebSocket's subprotocol (a cookie would be sent to every port of this host,
 * RFC 6265 §8.5).
 *
 * One page at a time: two of them would run two sessions on the same stored keys and use keys twice. The
 * newest page is served; whatever the one before still sends is not taken any more, and since a session
 * stores its state before it sends, that one falls silent.
 */
export async function startWebHost(options: {
  readonly services: HostServices;
  readonly files: ServedFiles;
  readonly tunnels: FallbackTunnels;
  /** 0 picks a free port. */
  readonly port: number;
  readonly clock?: Clock;
}): Promise<WebHost> {
  const { services, files, tunnels, clock = systemClock } = options;
  const token = randomBytes(32).toString('hex');
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 30_000 });
  const port = await listen(server, options.port);
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  const store = createDisposableStore();
  /** Ends the page that is served. */
  let current: (() => void) | undefined;

  server.on('request', (request, response) => {
    void answer(request, response, names, files);
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: HOST_MESSAGE_LIMITS.maxBytes,
    perMessageDeflate: false,
    clientTracking: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  const openTunnel = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const refusal = refuseForeign(request, names);
    const target = refusal ? undefined : tunnels.take(request.url ?? '');
    if (!target) {
      services.logger.log('warn', 'web.tunnel_refused', { reason: logCode(refusal?.reason ?? 'ticket') });
      refuse(socket, refusal?.status ?? '401 Unauthorized');
      return;
    }
    socket.on('error', () => {});
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    try {
      const relay = await openFallbackSocket(target, offered);
      if (socket.destroyed) {
        relay.terminate();
        return;
      }
      // The relay's choice of subprotocol is passed on, so it is asked first.
      request.headers['sec-websocket-protocol'] = relay.protocol;
      sockets.handleUpgrade(request, socket, head, (client) => {
        far.add(relay);
        relay.once('close', () => far.delete(relay));
        joinSockets(client, relay);
      });
    } catch (error) {
      services.logger.log('warn', 'web.tunnel_failed', { code: logCode(errorCode(error)) });
      refuse(socket, '502 Bad Gateway');
    }
  };
  const far = new Set<WebSocket>();
  server.on('upgrade', (request, socket, head) => {
    if (request.url?.startsWith(TUNNEL_PATH)) {
      void openTunnel(request, socket, head);
      return;
    }
    const refusal = refuseUpgrade(request, names, token, sockets.clients.size);
    if (refusal) {
      services.logger.log('warn', 'web.connection_refused', { reason: logCode(refusal.reason) });
      refuse(socket, refusal.status);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      current?.();
      current = serve(client, services, clock, store);
    });
  });

  return {
    url: `http://127.0.0.1:${port}/#token=${token}`,
    port,
    async close() {
      for (const client of [...sockets.clients, ...far]) client.terminate();
      store.dispose();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new CodedError(
              'port_in_use',
              `Port ${port} is in use by another program. Choose another with --port.`,
            )
          : new CodedError(
              'listen_failed',
              `The workbench cannot be served on port ${port} (${error.code ?? 'unknown'}).`,
            ),
      ),
    );
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

/** Answers GET and HEAD for files of the build. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  names: readonly string[],
  files: ServedFiles,
): Promise<void> {
  const host = request.headers.host ?? '';
  const end = (status: number, body: string): void => {
    response.writeHead(status, {
      ...responseHeaders('', { connect: [] }),
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  const port = request.socket.localPort;
  const isFrame = isExtensionHost(host, `.localhost:${port}`);
  if (!isFrame && !names.includes(host)) return end(421, 'This server is not known by that name.\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(405, 'Only GET.\n');
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  if (isFrame) {
    // An extension's host name knows one page and no file of the build.
    if (path !== EXTENSION_FRAME_PATH) return end(404, 'There is no such file.\n');
    response.writeHead(200, extensionFrameHeaders(names.map((own) => `http://${own}`)));
    response.end(request.method === 'HEAD' ? undefined : EXTENSION_FRAME_HTML);
    return;
  }
  // Browsers ask for it unbidden; the window's icon is not ours to draw.
  if (path === '/favicon.ico') return end(204, '');
  const file = await files.read(path);
  if (!file) return end(404, 'There is no such file.\n');
  response.writeHead(200, {
    ...responseHeaders(file.path, { connect: [`ws://${host}`], frames: `http://*.localhost:${port}` }),
    'Content-Type': file.type,
    'Content-Length': file.contents.length,
  });
  response.end(request.method === 'HEAD' ? undefined : file.contents);
}

interface Refusal {
  readonly status: string;
  readonly reason: string;
}

/** Why a WebSocket may not be opened by this sender, if so. */
function refuseForeign(request: IncomingMessage, names: readonly string[]): Refusal | undefined {
  const host = request.headers.host ?? '';
  if (!names.includes(host)) return { status: '421 Misdirected Request', reason: 'host' };
  if (request.headers.origin !== `http://${host}`) return { status: '403 Forbidden', reason: 'origin' };
  return undefined;
}

/** Why a WebSocket to the services may not be opened, if so. */
function refuseUpgrade(
  request: IncomingMessage,
  names: readonly string[],
  token: string,
  connections: number,
): Refusal | undefined {
  const foreign = refuseForeign(request, names);
  if (foreign) return foreign;
  if (request.url !== RPC_PATH) return { status: '404 Not Found', reason: 'path' };
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  if (!sameText(offered, `${RPC_PROTOCOL_PREFIX}${token}`))
    return { status: '401 Unauthorized', reason: 'token' };
  if (connections >= MAX_CONNECTIONS) return { status: '503 Service Unavailable', reason: 'connections' };
  return undefined;
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/**
 * Connects one page to the services until it goes away or stops answering.
 * @returns ends it because another page takes its place
 */
function serve(
  client: WebSocket,
  services: HostServices,
  clock: Clock,
  all: { add<T extends Disposable>(d: T): T },
): () => void {
  client.binaryType = 'nodebuffer';
  const port = createBytesPort({
    send: (bytes) => {
      if (client.readyState === client.OPEN) client.send(bytes);
    },
    close: () => client.close(1000),
  });
  const connection = all.add(services.connect(port));
  let answered = true;
  let timer: Disposable | undefined;
  const beat = (): void => {
    if (!answered) {
      client.terminate();
      return;
    }
    answered = false;
    client.ping();
    timer = clock.setTimer(HEARTBEAT_MS, beat);
  };
  client.on('pong', () => {
    answered = true;
  });
  client.on('message', (data, isBinary) => {
    if (!isBinary || !Buffer.isBuffer(data)) client.close(1003, 'binary messages only');
    else if (!port.receive(data)) client.close(1007, 'not deterministic CBOR');
  });
  client.on('error', () => client.terminate());
  const end = (): void => {
    timer?.dispose();
    port.closed();
    connection.dispose();
    port.dispose();
  };
  client.on('close', end);
  timer = clock.setTimer(HEARTBEAT_MS, beat);
  return () => {
    end();
    client.close(TAKEN_OVER, 'opened in another window');
  };
}
