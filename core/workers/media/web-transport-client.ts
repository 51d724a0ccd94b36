import type { Bytes } from '../../base/bytes.ts';
import { CodedError } from '../../base/coded-error.ts';
import { createEmitter } from '../../base/event.ts';
import type { TransportCloseReason } from '../../media/media-contract.ts';
import { MAX_DATAGRAM_BYTES } from '../../protocol/media-datagram.ts';
import { SESSION_PATH } from '../../protocol/server-descriptor.ts';
import type { OpenTransport, Transport } from './transport.ts';

/** Chromium keeps one incoming datagram by default and drops the rest of a burst. */
const INCOMING_DATAGRAMS = 256;
/** A voice frame that waited this long is of no use to anybody (ms). */
const OUTGOING_MAX_AGE_MS = 50;
const INCOMING_MAX_AGE_MS = 200;
/** Writes that may be under way at once; while more are waiting the network is stuck and frames are dropped. */
const MAX_PENDING_DATAGRAMS = 8;

/** The limits of datagram queues under their old and new names (w3c/webtransport#735). */
interface DatagramLimits {
  incomingHighWaterMark?: number;
  incomingMaxBufferedDatagrams?: number;
  incomingMaxAge?: number | null;
  outgoingMaxAge?: number | null;
}

/** What a session of either kind must have. */
export type WebTransportSession = Pick<
  WebTransport,
  'ready' | 'closed' | 'datagrams' | 'createBidirectionalStream'
> & { close(): void };

/** How one kind of session differs from the other. */
export interface SessionKind {
  readonly kind: Transport['kind'];
  /** Longest piece given to the control stream at once, bytes. */
  readonly maxControlChunk: number;
  /** Whether a datagram may be sent now, or would only wait behind others. */
  readonly admits: (datagram: Bytes) => boolean;
  readonly onDatagram: (datagram: Bytes) => void;
  /** Shown when there is no session. */
  readonly unreachable: string;
}

/** Opens QUIC through the runtime's WebTransport; works in Chromium's workers and in Deno alike. */
export const openWebTransport: OpenTransport = async (options, port, signal) => {
  let session: WebTransport;
  try {
    session = new WebTransport(sessionUrl(options.host, port), {
      requireUnreliable: true,
      serverCertificateHashes: options.certificateHashes.map((value) => ({ algorithm: 'sha-256', value })),
    });
  } catch {
    throw new CodedError('address_invalid', 'The address of the server cannot be used for a connection');
  }
  return adoptSession(session, QUIC, signal);
};

const QUIC: SessionKind = {
  kind: 'quic',
  maxControlChunk: Infinity,
  admits: () => true,
  onDatagram() {},
  unreachable:
    'The server does not answer over QUIC. Check the address, that it is running, and that UDP is not blocked',
};

/** The address of a relay's session. */
export function sessionUrl(host: string, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}${SESSION_PATH}`;
}

/**
 * Makes a transport of a session that is being opened.
 * @throws CodedError when there will be none; nothing is left open then.
 */
export async function adoptSession(
  session: WebTransportSession,
  kind: SessionKind,
  signal: AbortSignal,
): Promise<Transport> {
  const onAbort = (): void => quietly(() => session.close());
  signal.addEventListener('abort', onAbort, { once: true });

  const control = createEmitter<Bytes>();
  const datagram = createEmitter<Bytes>();
  const closed = createEmitter<TransportCloseReason>();
  let isOver = false;
  const end = (reason: TransportCloseReason | undefined): void => {
    if (isOver) return;
    isOver = true;
    signal.removeEventListener('abort', onAbort);
    if (reason) closed.fire(reason);
    control.dispose();
    datagram.dispose();
    closed.dispose();
  };
  // Both promises reject when the connection fails; unhandled, that would end a Deno process.
  session.closed.then(
    () => end('closed'),
    () => end('failed'),
  );

  try {
    const limits = session.datagrams as unknown as DatagramLimits;
    for (const [name, value] of Object.entries({
      incomingHighWaterMark: INCOMING_DATAGRAMS,
      incomingMaxBufferedDatagrams: INCOMING_DATAGRAMS,
      incomingMaxAge: INCOMING_MAX_AGE_MS,
      outgoingMaxAge: OUTGOING_MAX_AGE_MS,
    }))
      quietly(() => Object.assign(limits, { [name]: value }));
    await session.ready;
    const stream = await session.createBidirectionalStream();
    const controlWriter = stream.writable.getWriter();
    // Newer Chromium replaces `writable` by createWritable(); both are accepted.
    const datagrams = session.datagrams as unknown as {
      readonly readable: ReadableStream<Uint8Array>;
      readonly writable?: WritableStream<Uint8Array>;
      createWritable?(): WritableStream<Uint8Array>;
    };
    const datagramWriter = (datagrams.writable ?? datagrams.createWritable?.())?.getWriter();
    if (!datagramWriter) throw new CodedError('unsupported', 'This browser cannot send datagrams');
    controlWriter.closed.catch(() => {});
    datagramWriter.closed.catch(() => {});
    let pending = 0;
    let reading = false;
    const startReading = (): void => {
      if (reading) return;
      reading = true;
      const lost = (): void => {
        quietly(() => session.close());
        end('failed');
      };
      void pump(stream.readable, (chunk) => control.fire(chunk)).then(
        // The relay ended the control stream: there is no session without it.
        () => {
          quietly(() => session.close());
          end('closed');
        },
        lost,
      );
      void pump(datagrams.readable, (chunk) => {
        kind.onDatagram(chunk);
        datagram.fire(chunk);
      }).catch(() => {});
    };
    // Started after the caller had its turn to listen, so that nothing is read into the void.
    setTimeout(startReading, 0);
    signal.removeEventListener('abort', onAbort);
    if (signal.aborted) throw new CodedError('aborted', 'The connection was given up');
    return {
      kind: kind.kind,
      onControl: control.event,
      onDatagram: datagram.event,
      onClose: closed.event,
      async sendControl(bytes) {
        if (isOver) throw new CodedError('transport_closed', 'The connection to the server is gone');
        try {
          let written: Promise<void> = Promise.resolve();
          // Written without waiting in between, so that nothing else comes between the pieces.
          for (let start = 0; start < bytes.length; start += kind.maxControlChunk)
            written = controlWriter.write(bytes.subarray(start, start + kind.maxControlChunk));
          await written;
        } catch {
          throw new CodedError('transport_closed', 'The connection to the server is gone');
        }
      },
      sendDatagram(bytes) {
        if (isOver || pending >= MAX_PENDING_DATAGRAMS || bytes.length > MAX_DATAGRAM_BYTES) return false;
        if (!kind.admits(bytes)) return false;
        pending += 1;
        const settled = (): void => {
          pending -= 1;
        };
        datagramWriter.write(bytes).then(settled, settled);
        return true;
      },
      close() {
        quietly(() => session.close());
        end(undefined);
      },
    };
  } catch (error) {
    quietly(() => session.close());
    end(undefined);
    if (error instanceof CodedError) throw error;
    throw new CodedError('unreachable', kind.unreachable);
  }
}

async function pump(readable: ReadableStream<Uint8Array>, take: (chunk: Bytes) => void): Promise<void> {
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    take(value as Bytes);
  }
}

function quietly(run: () => void): void {
  try {
    run();
  } catch {
    // Closing twice and unknown property names are both fine.
  }
}
