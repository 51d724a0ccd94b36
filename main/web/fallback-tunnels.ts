import { createHash, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { systemClock, type Clock } from '../../core/base/async.ts';
import type { FallbackTarget } from '../../core/base/rpc/host-contract.ts';
import { equalBytes } from '../../core/base/bytes.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import { SESSION_PATH } from '../../core/protocol/server-descriptor.ts';

/** Ways to relays for pages of the web host, each prepared by the page and used once. */
export interface FallbackTunnels {
  /** Remembers a target; the address is good for one connection within a short time. */
  prepare(target: FallbackTarget): { readonly url: string };
  /** The target prepared under this path of ours, which is forgotten by this. */
  take(path: string): FallbackTarget | undefined;
}

/** Paths of tunnels begin with this. */
export const TUNNEL_PATH = '/tunnel/';
/** QUIC is tried first, for 3 s. */
const TICKET_LIFETIME_MS = 20_000;
const MAX_TICKETS = 16;
const CONNECT_TIMEOUT_MS = 8_000;
/** The relay's parser knows these names only. */
const PROTOCOL = /^webtransport_kDraft[12]$/;
/** A capsule of the control stream is at most as large as the relay's write of 256 KiB. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Voice is dropped while more than this waits for the network. */
const MAX_WAITING_VOICE_BYTES = 16 * 1024;
/** Nothing more is read while this much waits for the other side. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Type of a capsule that carries a datagram (RFC 9297 §3.5), its first byte. */
const DATAGRAM_CAPSULE = 0;

/** Makes an empty set of tunnels. */
export function createFallbackTunnels(clock: Clock = systemClock): FallbackTunnels {
  const tickets = new Map<string, { readonly target: FallbackTarget; readonly until: number }>();
  return {
    prepare(target) {
      const now = clock.now();
      for (const [ticket, { until }] of tickets) if (until <= now) tickets.delete(ticket);
      const [oldest] = tickets.keys();
      if (oldest !== undefined && tickets.size >= MAX_TICKETS) tickets.delete(oldest);
      const ticket = randomBytes(32).toString('hex');
      tickets.set(ticket, { target, until: now + TICKET_LIFETIME_MS });
      return { url: `${TUNNEL_PATH}${ticket}` };
    },
    take(path) {
      if (!path.startsWith(TUNNEL_PATH)) return undefined;
      const ticket = path.slice(TUNNEL_PATH.length);
      const found = tickets.get(ticket);
      tickets.delete(ticket);
      return found && found.until > clock.now() ? found.target : undefined;
    },
  };
}

/**
 * Opens the far end of a tunnel. The certificate is compared with the hashes before a byte of the session is
 * sent: the chain and the name prove nothing for a relay, its signed descriptor does. The socket is paused.
 * @param offered the subprotocols the page asked for.
 * @throws CodedError `unreachable`, `certificate_unknown` or `not_conclave`.
 */
export async function openFallbackSocket(
  target: FallbackTarget,
  offered: readonly string[],
): Promise<WebSocket> {
  const protocols = offered.filter((name) => PROTOCOL.test(name));
  if (protocols.length === 0) throw new CodedError('invalid_argument', 'No known protocol was asked for.');
  const socket = await connectPinned(target);
  // `ws:` because the socket is encrypted already.
  const webSocket = new WebSocket(`ws://relay${SESSION_PATH}`, protocols, {
    createConnection: () => socket,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handshakeTimeout: CONNECT_TIMEOUT_MS,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    webSocket.once('error', () => {
      socket.destroy();
      reject(new CodedError('not_conclave', 'The relay offers no session over TCP.'));
    });
    webSocket.once('open', () => {
      // The relay speaks first, perhaps before anybody listens here.
      webSocket.pause();
      resolve(webSocket);
    });
  });
}

function connectPinned({ host, port, certificateHashes }: FallbackTarget): Promise<TLSSocket> {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: name,
      port,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ...(isIP(name) ? {} : { servername: name }),
    });
    const fail = (error: CodedError): void => {
      socket.destroy();
      reject(error);
    };
    const unreachable = (): void =>
      fail(new CodedError('unreachable', 'The relay does not answer over TCP.'));
    socket.setTimeout(CONNECT_TIMEOUT_MS, unreachable);
    socket.once('error', unreachable);
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      const hash = new Uint8Array(createHash('sha256').update(raw).digest());
      if (!certificateHashes.some((known) => equalBytes(known, hash))) {
        fail(
          new CodedError(
            'certificate_unknown',
            'The certificate is not one of the relay. Somebody may be between you and it.',
          ),
        );
        return;
      }
      socket.setTimeout(0);
      socket.off('error', unreachable);
      // Nagle's algorithm makes a round trip take 44 ms.
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

/** Joins a page's WebSocket with the relay's: binary messages only, and voice is dropped rather than kept waiting. */
export function joinSockets(page: WebSocket, relay: WebSocket): void {
  pipe(page, relay);
  pipe(relay, page);
  relay.resume();
}

function pipe(from: WebSocket, to: WebSocket): void {
  from.on('message', (data, isBinary) => {
    if (!isBinary || !Buffer.isBuffer(data)) {
      from.close(1003, 'binary messages only');
      return;
    }
    if (to.readyState !== to.OPEN) return;
    if (data[0] === DATAGRAM_CAPSULE && to.bufferedAmount > MAX_WAITING_VOICE_BYTES) return;
    to.send(data, () => {
      if (from.isPaused && to.bufferedAmount <= MAX_WAITING_BYTES / 2) from.resume();
    });
    if (to.bufferedAmount > MAX_WAITING_BYTES) from.pause();
  });
  from.on('error', () => from.terminate());
  from.on('close', () => {
    // What waits for the other side still goes out; close() gives up by itself after 30 s.
    to.close(1000);
    if (to.isPaused) to.resume();
  });
}
