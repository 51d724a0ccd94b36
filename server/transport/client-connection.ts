import type { Clock } from '../../core/base/async.ts';
import type { Bytes } from '../../core/base/bytes.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import { logCode, type Logger } from '../../core/base/log.ts';
import {
  decodeClientHandshake,
  encodeMessage,
  type ServerMessage,
} from '../../core/protocol/control-message.ts';
import type { WireErrorCode } from '../../core/protocol/error-code.ts';
import {
  createFrameReader,
  FramingError,
  frameMessage,
  MAX_FRAME_BYTES,
  MAX_MESSAGE_BYTES,
} from '../../core/protocol/framing.ts';
import type { ServerConfig } from '../config/server-config.ts';
import { createHandshake } from '../identity/handshake.ts';
import type { ServerKey } from '../identity/server-key.ts';
import type { Counters } from '../metrics/metrics.ts';
import type { NameStore } from '../relay/relay-store.ts';
import type { Relay } from '../relay/relay.ts';
import type { ClientLink, Session } from '../relay/session.ts';
import { createTokenBucket } from '../relay/token-bucket.ts';
import { createControlWriter } from './control-writer.ts';

/** What every connection of any transport is served with. */
export interface ServingContext {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly relay: Relay;
  readonly serverKey: ServerKey;
  readonly names: NameStore;
  /** Sees every byte that comes in, after the transport's own decryption; for the test of what a relay learns. */
  readonly record: ((bytes: Uint8Array) => void) | undefined;
}

/** The raw connection, once its control stream is open. */
export interface RawConnection {
  /** Chunks of the control stream. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves when the stream took the bytes. */
  write(bytes: Bytes): Promise<void>;
  /** See ClientLink.sendDatagram. */
  sendDatagram(padded: Bytes): void;
  /** Ends the connection at once. */
  destroy(): void;
  /** SHA-256 of the certificate the client saw. */
  readonly certificateHash: Bytes;
  /** Set when the server has no place: the client is told so instead of being served. */
  readonly refusal?: {
    readonly code: WireErrorCode;
    readonly message: string;
    readonly retryAfterMs: number;
  };
}

/** Takes the datagrams of a connection; those before the welcome are dropped. */
export interface ServedConnection {
  onDatagram(datagram: Uint8Array): void;
  /** Resolves when the connection is over. */
  readonly done: Promise<void>;
}

/** Time for the last message to arrive before the connection is cut. */
const FAREWELL_MS = 500;

/** Serves one connection: handshake, then requests, until it ends. */
export function serveConnection(context: ServingContext, raw: RawConnection): ServedConnection {
  const { config, clock, counters, relay } = context;
  let session: Session | undefined;
  let closing = false;

  const writer = createControlWriter(
    (bytes) => raw.write(bytes),
    config['limits.outgoing_queue_bytes'],
    () => {
      counters.slow_readers_closed++;
      context.logger.log('warn', 'session.slowReader');
      raw.destroy();
    },
  );
  const sendEncoded = (encoded: Bytes): void => {
    if (closing) return;
    counters.control_messages_out++;
    counters.control_bytes_out += encoded.length;
    writer.write(frameMessage(encoded));
  };
  const close = (): void => {
    if (closing) return;
    closing = true;
    const timer = clock.setTimer(FAREWELL_MS, () => raw.destroy());
    // The client closes first when it has read the last message; otherwise the timer does.
    void done.finally(() => timer.dispose());
  };
  const link: ClientLink = {
    send: (message: ServerMessage) => sendEncoded(encodeMessage(message)),
    sendEncoded,
    sendDatagram: (padded) => raw.sendDatagram(padded),
    close,
    flushed: () => writer.flushed(),
  };
  const refuse = (code: WireErrorCode, message: string, retryAfterMs?: number): void => {
    counters.handshakes_failed++;
    context.logger.log('info', 'handshake.refused', { code: logCode(code) });
    link.send({ t: 'refused', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    close();
  };

  const handshake = createHandshake({
    serverKey: context.serverKey,
    certificateHash: raw.certificateHash,
    password: config['server.password'],
    names: context.names,
  });
  const handshakeTimer = clock.setTimer(config['limits.handshake_timeout_secs'] * 1000, () => {
    refuse('protocol_error', 'The handshake took too long. Connect again.');
  });

  const receiveHandshake = (encoded: Bytes): void => {
    const decoded = decodeClientHandshake(encoded);
    if (!decoded.ok) {
      counters.protocol_errors++;
      refuse('protocol_error', `Malformed message: ${decoded.error}`.slice(0, 512));
      return;
    }
    if (raw.refusal) {
      refuse(raw.refusal.code, raw.refusal.message, raw.refusal.retryAfterMs);
      return;
    }
    const outcome = handshake.receive(decoded.value);
    if ('reply' in outcome) {
      link.send(outcome.reply);
      return;
    }
    handshakeTimer.dispose();
    counters.handshakes_completed++;
    frames.setMaxMessageBytes(MAX_MESSAGE_BYTES);
    session = relay.admit(outcome.done, link);
  };

  const frames = createFrameReader(MAX_FRAME_BYTES);
  const bytesPerSecond = config['limits.message_bytes_per_second'];
  const bytesBudget = createTokenBucket(bytesPerSecond, bytesPerSecond * 4, clock.now());

  const receiveChunk = (chunk: Uint8Array): void => {
    context.record?.(chunk);
    try {
      for (const message of frames.push(chunk)) {
        if (closing) return;
        if (session) relay.receive(session, message);
        else receiveHandshake(message);
      }
    } catch (error) {
      if (error instanceof FramingError) {
        counters.protocol_errors++;
        context.logger.log('warn', 'session.protocolError');
        if (session) relay.end(session, 'protocol_error', error.message);
        else refuse('protocol_error', error.message);
      } else if (error instanceof CodedError) {
        refuse(error.code as WireErrorCode, error.message, error.retryAfterMs);
      } else {
        context.logger.log('error', 'connection.failed', { kind: logCode((error as Error).name) });
        if (session) relay.end(session, 'internal', 'The server failed. Connect again.');
        else refuse('internal', 'The server failed. Try again later.');
      }
    }
  };

  const run = async (): Promise<void> => {
    for await (const chunk of raw.chunks) {
      // What arrives after the farewell is read and dropped, so that the client can still hear us.
      if (closing) continue;
      receiveChunk(chunk);
      // A client over its rate is not read from, which makes QUIC slow it down.
      const debt = bytesBudget.charge(clock.now(), chunk.length);
      if (debt > 0) await new Promise<void>((resolve) => clock.setTimer(debt, resolve));
    }
  };
  // A stream that breaks is an ordinary end.
  const done = run()
    .catch(() => {})
    .finally(() => {
      handshakeTimer.dispose();
      if (session) relay.disconnect(session);
      raw.destroy();
    });
  return {
    onDatagram(datagram) {
      context.record?.(datagram);
      if (session) relay.receiveDatagram(session, datagram);
      else counters.dropped_not_in_call++;
    },
    done,
  };
}
