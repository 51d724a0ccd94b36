import type { Clock } from '../base/async.ts';
import type { Bytes } from '../base/bytes.ts';
import type { Event } from '../base/event.ts';
import type { Logger } from '../base/log.ts';
import type { RecordChange, KeychainStatus } from '../base/rpc/host-contract.ts';
import type {
  EpochKeys,
  MediaStats,
  TransportCloseReason,
  TransportOpened,
  TransportOptions,
} from '../media/media-contract.ts';

/** What the session needs of the media worker, which owns the transport. */
export interface MediaPort {
  connect(options: TransportOptions): Promise<TransportOpened>;
  /** Whether QUIC works now; the transport in use is not touched. */
  probeQuic(options: TransportOptions): Promise<boolean>;
  close(transport: number): Promise<void>;
  send(transport: number, bytes: Bytes): void;
  startCall(transport: number, slot: number): Promise<void>;
  stopCall(): Promise<void>;
  setEpoch(keys: EpochKeys): Promise<void>;
  setTransmission(state: { readonly muted: boolean; readonly deafened: boolean }): Promise<void>;
  setVolume(session: number, gain: number): Promise<void>;
  readonly onReceive: Event<{ readonly transport: number; readonly bytes: Bytes }>;
  readonly onClose: Event<{ readonly transport: number; readonly reason: TransportCloseReason }>;
  readonly onStats: Event<MediaStats>;
}

/** Encrypted records kept by the host. */
export interface RecordPort {
  get(key: string): Promise<Bytes | undefined>;
  write(changes: readonly RecordChange[]): Promise<void>;
  list(prefix: string): Promise<readonly string[]>;
}

/** The system's keychain, as far as there is one. */
export interface KeychainPort {
  status(): Promise<KeychainStatus>;
  get(account: string): Promise<string | undefined>;
  set(account: string, secret: string): Promise<void>;
}

/** Everything the session needs from outside. */
export interface SessionPorts {
  readonly media: MediaPort;
  readonly records: RecordPort;
  readonly keychain: KeychainPort;
  /** Fetches a server's signed descriptor; rejects with a coded error when there is no answer. */
  readonly fetchDescriptor: (host: string, port: number) => Promise<Bytes>;
  /**
   * Makes ready a way to the relay for networks that block UDP; gives its address for the media worker.
   * `undefined` when there is none here.
   */
  readonly prepareFallback: (target: {
    readonly host: string;
    readonly port: number;
    readonly certificateHashes: readonly Bytes[];
  }) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}
