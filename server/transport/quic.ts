import type { Bytes } from '../../core/base/bytes.ts';
import { logCode } from '../../core/base/log.ts';
import { SESSION_PATH } from '../../core/protocol/server-descriptor.ts';
import type { Admission } from '../relay/admission.ts';
import { serveConnection, type ServingContext } from './client-connection.ts';
import type { ServerCertificate } from './self-signed-certificate.ts';

/** The QUIC side of the relay: one UDP socket, WebTransport sessions on it. */
export interface QuicServer {
  readonly port: number;
  /** New connections get this certificate; live ones are not touched. */
  useCertificate(certificate: ServerCertificate): void;
  close(): void;
}

/** Chromium opens three unidirectional streams for HTTP/3 and one more to keep receivers honest. */
const MAX_UNIDIRECTIONAL_STREAMS = 16;
/** The session's request, the control stream, and a few that are ignored. */
const MAX_BIDIRECTIONAL_STREAMS = 8;
/** Datagrams handed to the network stack for one listener and not taken yet. */
const MAX_DATAGRAMS_IN_FLIGHT = 64;
const CLOSE_RATE_LIMITED = 0x1001;
const CLOSE_SESSION = 0;

/** Binds the socket; port 0 picks a free one. @throws when the address is in use. */
export function startQuicServer(
  context: ServingContext,
  admission: Admission,
  address: { readonly host: string; readonly port: number },
  first: ServerCertificate,
): QuicServer {
  const { config, counters, logger, clock } = context;
  const endpoint = new Deno.QuicEndpoint({ hostname: address.host, port: address.port });
  const idleMs = config['limits.idle_timeout_secs'] * 1000;
  // The object must be referenced for as long as the session: collected, it resets the streams.
  const alive = new Set<WebTransport>();
  let listener: Deno.QuicListener | undefined;

  let certificateInUse = first;

  const serve = async (incoming: Deno.QuicIncoming): Promise<void> => {
    // Which certificate a connection gets is decided by the endpoint when it is accepted. A stopped listener
    // still gives out the connection it was waiting for, so asking the listener would be wrong.
    const { sha256 } = certificateInUse;
    // The address must not be read before accept(), which would fail then.
    const conn = await incoming.accept();
    conn.closed.catch(() => {});
    const admitted = admission.admit(conn.remoteAddr.hostname, clock.now());
    if (!admitted.ok && admitted.reason === 'rate_limited') {
      counters.connections_refused++;
      conn.close({ closeCode: CLOSE_RATE_LIMITED, reason: 'rate_limited' });
      return;
    }
    let transport: (WebTransport & { url: string }) | undefined;
    try {
      transport = await withDeadline(Deno.upgradeWebTransport(conn), config['limits.handshake_timeout_secs']);
      transport.closed.catch(() => {});
      alive.add(transport);
      await transport.ready;
      if (new URL(transport.url).pathname !== SESSION_PATH) {
        conn.close({ closeCode: CLOSE_SESSION, reason: 'unknown path' });
        return;
      }
      await serveTransport(transport, conn, sha256, admitted.ok);
    } finally {
      if (transport) alive.delete(transport);
      if (admitted.ok) admitted.release();
      closeQuietly(conn);
    }
  };

  const serveTransport = async (
    transport: WebTransport,
    conn: Deno.QuicConn,
    certificateHash: Bytes,
    hasPlace: boolean,
  ): Promise<void> => {
    const streams = transport.incomingBidirectionalStreams.getReader();
    const control = await withDeadline(streams.read(), config['limits.handshake_timeout_secs']);
    if (!control.value) return;
    if (hasPlace) counters.connections_accepted++;
    else counters.connections_refused++;
    const reader = (control.value.readable as ReadableStream<Uint8Array>).getReader();
    const writer = (control.value.writable as WritableStream<Uint8Array>).getWriter();
    writer.closed.catch(() => {});
    let inFlight = 0;
    const settled = (): void => {
      inFlight--;
    };
    const served = serveConnection(context, {
      certificateHash,
      chunks: readChunks(reader),
      write: (bytes) => writer.write(bytes),
      sendDatagram(padded) {
        if (inFlight >= MAX_DATAGRAMS_IN_FLIGHT) {
          counters.dropped_slow_listener++;
          return;
        }
        inFlight++;
        // The spare byte is the quarter stream id, which is 0 for the first session of a connection. Going
        // through the WebTransport's own writable stream costs more than twice as much.
        conn.sendDatagram(padded).then(settled, settled);
      },
      destroy: () => closeQuietly(conn),
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
    void readDatagrams(transport, served.onDatagram);
    await served.done;
  };

  const listen = (certificate: ServerCertificate): void => {
    const current = endpoint.listen({
      cert: certificate.certificatePem,
      key: certificate.privateKeyPem,
      alpnProtocols: ['h3'],
      keepAliveInterval: Math.floor(idleMs / 3),
      maxIdleTimeout: idleMs,
      maxConcurrentBidirectionalStreams: MAX_BIDIRECTIONAL_STREAMS,
      maxConcurrentUnidirectionalStreams: MAX_UNIDIRECTIONAL_STREAMS,
    });
    listener = current;
    certificateInUse = certificate;
    void (async () => {
      try {
        for await (const incoming of current)
          serve(incoming).catch((error: unknown) => {
            logger.log('debug', 'quic.connectionFailed', { kind: logCode((error as Error).name) });
          });
      } catch (error) {
        // stop() ends the loop by an error; anything else means that nobody can connect any more.
        if (listener === current)
          logger.log('error', 'quic.listenFailed', { kind: logCode((error as Error).name) });
      }
    })();
  };

  listen(first);
  return {
    port: endpoint.addr.port,
    useCertificate(certificate) {
      const previous = listener;
      listener = undefined;
      previous?.stop();
      listen(certificate);
    },
    close() {
      const last = listener;
      listener = undefined;
      last?.stop();
      endpoint.close({ closeCode: CLOSE_SESSION, reason: 'closing' });
    },
  };
}

async function readDatagrams(
  transport: WebTransport,
  onDatagram: (datagram: Uint8Array) => void,
): Promise<void> {
  try {
    const reader = (transport.datagrams.readable as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      onDatagram(value);
    }
  } catch {
    // The connection is over; the control stream says so too.
  }
}

async function* readChunks(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}

function closeQuietly(conn: Deno.QuicConn): void {
  try {
    conn.close({ closeCode: CLOSE_SESSION, reason: '' });
  } catch {
    // Closed already.
  }
}

function withDeadline<T>(promise: Promise<T>, seconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('too slow')), seconds * 1000);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
