import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Http2Server, type ServerSession } from '@fails-components/webtransport';
import type { Bytes } from '../../core/base/bytes.ts';
import { logCode } from '../../core/base/log.ts';
import { MAX_DATAGRAM_BYTES } from '../../core/protocol/media-datagram.ts';
import { SESSION_PATH } from '../../core/protocol/server-descriptor.ts';
import type { Admission } from '../relay/admission.ts';
import { serveConnection, type ServingContext } from './client-connection.ts';
import { createDropOldestQueue } from './drop-oldest-queue.ts';
import { guardSocket } from './parser-socket.ts';
import type { ServerCertificate } from './self-signed-certificate.ts';

/** WebTransport over a WebSocket, for clients whose network blocks UDP. */
export interface FallbackServer {
  /** Takes a connection that asked for an upgrade; `certificateHash` is what the client saw. */
  upgrade(request: IncomingMessage, socket: Socket, head: Uint8Array, certificateHash: Bytes): void;
  close(): void;
}

/** Names a connection between the request and the session the package makes of it. */
const CONNECTION_HEADER = 'conclave-connection';
/** One control stream; the package wants room for at least one more of each kind. */
const MAX_STREAMS = 2;
/** Above the largest message, so that no message waits for a window halfway. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
/** Datagrams kept for one listener while TCP is stuck: a third of a second of one voice. */
const MAX_WAITING_DATAGRAMS = 16;

interface PendingConnection {
  readonly socket: Socket;
  readonly begin: () => void;
  readonly certificateHash: Bytes;
  readonly hasPlace: boolean;
  /** Whether the control stream is open. */
  isOpen: boolean;
  onDrain: () => void;
}

/**
 * Makes the package's server without letting it listen: it is given the upgrades of the HTTPS server, so that
 * one TCP port serves the descriptor, health and sessions, and its HTTP/2 side is never reachable.
 */
export async function createFallbackServer(
  context: ServingContext,
  admission: Admission,
  certificate: ServerCertificate,
): Promise<FallbackServer> {
  const { config, counters, logger, clock } = context;
  const server = new Http2Server({
    host: '127.0.0.1',
    port: 0,
    // Both are demanded and not used: this object never listens.
    secret: 'unused',
    cert: certificate.certificatePem,
    privKey: certificate.privateKeyPem,
    initialBidirectionalStreams: MAX_STREAMS,
    initialUnidirectionalStreams: MAX_STREAMS,
    initialStreamFlowControlWindow: STREAM_WINDOW_BYTES,
    initialSessionFlowControlWindow: STREAM_WINDOW_BYTES,
    streamFlowControlWindowSizeLimit: STREAM_WINDOW_BYTES,
    sessionFlowControlWindowSizeLimit: STREAM_WINDOW_BYTES,
  });
  await server.createTransportInt();
  server.transportInt.addPath(SESSION_PATH);
  const pending = new Map<string, PendingConnection>();
  const open = new Set<Socket>();
  const idleMs = config['limits.idle_timeout_secs'] * 1000;
  let nextConnection = 1;

  const serve = async (session: ServerSession): Promise<void> => {
    session.closed.catch(() => {});
    session.ready.catch(() => {});
    const name = session.header[CONNECTION_HEADER] ?? '';
    const connection = pending.get(name);
    if (!connection) return;
    pending.delete(name);
    const { socket, certificateHash, hasPlace } = connection;
    const streams = session.incomingBidirectionalStreams.getReader();
    connection.begin();
    try {
      const { value: control } = await streams.read();
      if (!control) return;
      connection.isOpen = true;
      const refuseMore = (): void => void socket.destroy();
      streams.read().then(({ done }) => (done ? undefined : refuseMore()), refuseMore);
      session.incomingUnidirectionalStreams
        .getReader()
        .read()
        .then(({ done }) => (done ? undefined : refuseMore()), refuseMore);
      if (hasPlace) {
        counters.connections_accepted++;
        counters.fallback_connections_accepted++;
      } else counters.connections_refused++;
      const writer = control.writable.getWriter();
      writer.closed.catch(() => {});
      const datagrams = session.datagrams.createWritable().getWriter();
      datagrams.closed.catch(() => {});
      const queue = createDropOldestQueue<Bytes>(
        MAX_WAITING_DATAGRAMS,
        (datagram) => {
          datagrams.write(datagram).catch(() => {});
          return !socket.writableNeedDrain;
        },
        () => {
          counters.dropped_slow_listener++;
        },
      );
      connection.onDrain = () => queue.flush();
      const served = serveConnection(context, {
        certificateHash,
        chunks: readChunks(control.readable),
        write: (bytes) => writer.write(bytes),
        sendDatagram: (padded) => queue.push(padded.subarray(1)),
        destroy: () => void socket.destroy(),
        ...(hasPlace
          ? {}
          : {
              refusal: {
                code: 'server_full',
                message: 'The server has no place left. Try again later.',
                retryAfterMs: 30_000,
              },
            }),
      });
      void readDatagrams(session.datagrams.readable, served.onDatagram);
      await served.done;
    } finally {
      socket.destroy();
    }
  };

  void (async () => {
    const sessions = server.sessionStream(SESSION_PATH).getReader();
    for (;;) {
      const { value, done } = await sessions.read();
      if (done) return;
      serve(value).catch((error: unknown) => {
        logger.log('debug', 'fallback.connectionFailed', { kind: logCode((error as Error).name) });
      });
    }
  })();

  return {
    upgrade(request, socket, head, certificateHash) {
      const path = request.url?.split('?')[0];
      const key = request.headers['sec-websocket-key'];
      const protocol = request.headers['sec-websocket-protocol'];
      if (path !== SESSION_PATH || key === undefined || protocol === undefined) {
        socket.destroy();
        return;
      }
      const admitted = admission.admit(socket.remoteAddress ?? '', clock.now());
      if (!admitted.ok && admitted.reason === 'rate_limited') {
        counters.connections_refused++;
        socket.destroy();
        return;
      }
      // Nagle's algorithm and delayed acknowledgements together make a round trip take 44 ms on loopback.
      socket.setNoDelay(true);
      socket.setTimeout(0);
      const name = String(nextConnection++);
      let lastReceived = clock.now();
      const guarded = guardSocket(socket, () => {
        lastReceived = clock.now();
      });
      const connection: PendingConnection = {
        socket,
        certificateHash,
        hasPlace: admitted.ok,
        begin: () => guarded.start(head),
        isOpen: false,
        onDrain() {},
      };
      pending.set(name, connection);
      open.add(socket);
      socket.on('drain', () => connection.onDrain());
      // TCP notices a peer that vanished only after a quarter of an hour; QUIC would after the idle timeout.
      const watch = (): void => {
        if (clock.now() - lastReceived >= idleMs) socket.destroy();
        else idle = clock.setTimer(lastReceived + idleMs - clock.now(), watch);
      };
      let idle = clock.setTimer(idleMs, watch);
      const limit = clock.setTimer(config['limits.handshake_timeout_secs'] * 1000, () => {
        if (!connection.isOpen) socket.destroy();
      });
      socket.on('close', () => {
        idle.dispose();
        limit.dispose();
        pending.delete(name);
        open.delete(socket);
        if (admitted.ok) admitted.release();
      });
      server.transportInt.serverInt.emit(
        'upgrade',
        {
          url: SESSION_PATH,
          headers: {
            'sec-websocket-key': key,
            'sec-websocket-protocol': protocol,
            [CONNECTION_HEADER]: name,
          },
        },
        guarded.parserSide,
        Buffer.alloc(0),
      );
    },
    close() {
      for (const socket of open) socket.destroy();
    },
  };
}

async function readDatagrams(
  readable: ReadableStream<Uint8Array>,
  onDatagram: (datagram: Uint8Array) => void,
): Promise<void> {
  try {
    const reader = readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (value.length <= MAX_DATAGRAM_BYTES) onDatagram(value);
    }
  } catch {
    // The connection is over; the control stream says so too.
  }
}

async function* readChunks(readable: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}
