import type { Bytes } from '../../base/bytes.ts';
import type { Event } from '../../base/event.ts';
import type { TransportCloseReason, TransportOptions } from '../../media/media-contract.ts';

/** A connection to a relay: one reliable control stream and unreliable datagrams. */
export interface Transport {
  readonly kind: 'quic' | 'fallback';
  /** Bytes as they come off the control stream. */
  readonly onControl: Event<Bytes>;
  readonly onDatagram: Event<Bytes>;
  /** Fired once when the connection ends without {@link close}. */
  readonly onClose: Event<TransportCloseReason>;
  /** Appends to the control stream. Rejects when the connection is gone. */
  sendControl(bytes: Bytes): Promise<void>;
  /** Sends now or drops: a datagram never waits behind another that cannot be sent. @returns false if dropped. */
  sendDatagram(datagram: Bytes): boolean;
  /** Ends the connection without an event. */
  close(): void;
}

/** Opens one kind of transport. Rejects when it cannot; aborting must leave nothing open. */
export type OpenTransport = (
  options: TransportOptions,
  port: number,
  signal: AbortSignal,
) => Promise<Transport>;
