import type { Bytes } from '../../core/base/bytes.ts';
import type { Person, ServerMessage } from '../../core/protocol/control-message.ts';
import type { Call } from './call.ts';
import type { Role } from './relay-store.ts';
import type { TokenBucket } from './token-bucket.ts';

/** The connection of one client, as the relay sees it. Neither call throws, even when it is closed. */
export interface ClientLink {
  /** Queues a control message; a reader that is too slow is cut off by the link itself. */
  send(message: ServerMessage): void;
  /**
   * Queues a control message that is already encoded, so that one encoding serves many listeners.
   */
  sendEncoded(message: Bytes): void;
  /**
   * Sends a datagram, dropping it when the listener is too slow. `padded` starts with one spare zero byte
   * in front of the datagram: the place of the session's prefix on QUIC. It is shared and must not be changed.
   */
  sendDatagram(padded: Bytes): void;
  /** Sends what is queued, then closes. */
  close(): void;
  /** Resolves when everything queued so far was handed to the network; rejects when it never will be. */
  flushed(): Promise<void>;
}

/** A client that is let in. */
export interface Session {
  readonly id: number;
  readonly identity: Bytes;
  /** Hex of the identity, for maps. */
  readonly key: string;
  readonly name: string;
  readonly link: ClientLink;
  readonly limits: SessionLimits;
  roles: readonly Role[];
  verified: boolean;
  room: number | null;
  muted: boolean;
  deafened: boolean;
  away: boolean;
  call: Call | null;
  slot: number;
  /** The call's speaker window this session last spoke in. */
  spokeIn: number;
  closed: boolean;
}

/** Token buckets of one session. */
export interface SessionLimits {
  readonly messages: TokenBucket;
  readonly text: TokenBucket;
  readonly passwords: TokenBucket;
  readonly roomCreate: TokenBucket;
  readonly voice: TokenBucket;
  readonly video: TokenBucket;
  readonly echo: TokenBucket;
}

/** What everybody is told about a session. */
export function describePerson(session: Session): Person {
  return {
    session: session.id,
    identity: session.identity,
    name: session.name,
    roles: session.roles,
    verified: session.verified,
    room: session.room,
    inCall: session.call !== null,
    muted: session.muted,
    deafened: session.deafened,
    away: session.away,
  };
}
