import type { Bytes } from '../bytes.ts';
import { array, bytes, integer, object, oneOf, optional, string, type Schema } from '../schema.ts';
import type { RpcSchemas } from './rpc.ts';

/**
 * What the workbench may ask of the host process. Electron's main process and the web host implement the
 * same contract and pass the same contract test. Everything stored here is either not secret (settings,
 * layout) or already encrypted by the session worker (records); the host never sees a key, except that
 * the keychain entry it guards holds the wrapped vault key.
 */
export type HostMethods = {
  'host.info': (argument: Empty) => HostInfo;
  /** Encrypted records of the session worker. Keys are opaque names. `null` when absent. */
  'records.get': (argument: { readonly key: string }) => Bytes | null;
  /** Applies all changes atomically per record, in order, durable when it returns. `null` deletes. */
  'records.write': (argument: { readonly changes: readonly RecordChange[] }) => null;
  /** Names with the given prefix, sorted. */
  'records.list': (argument: { readonly prefix: string }) => readonly string[];
  /** A user file as text (`settings`, `keybindings`) with its revision; '' when absent. */
  'userFile.read': (argument: { readonly name: UserFile }) => UserFileContent;
  'userFile.write': (argument: { readonly name: UserFile; readonly text: string }) => UserFileContent;
  /** UI state (layout, window, recently used): JSON text, not precious. `null` when absent. */
  'state.get': (argument: { readonly key: string }) => string | null;
  'state.set': (argument: { readonly key: string; readonly value: string }) => null;
  'keychain.status': (argument: Empty) => KeychainStatus;
  'keychain.get': (argument: { readonly account: string }) => string | null;
  'keychain.set': (argument: { readonly account: string; readonly secret: string }) => null;
  'keychain.delete': (argument: { readonly account: string }) => null;
  /** Fetches the signed descriptor over TLS without trusting TLS; the caller verifies the signature. */
  'descriptor.fetch': (argument: { readonly host: string; readonly port: number }) => Bytes;
  /**
   * Makes ready a WebSocket to a relay's fallback endpoint, which the media worker then opens at the address
   * given. A relay whose certificate has none of these SHA-256 hashes is not spoken to.
   */
  'fallback.prepare': (argument: FallbackTarget) => { readonly url: string };
  'relay.status': (argument: Empty) => RelayStatus;
  /** Starts the bundled relay on this computer; gives its status once it answers `/healthz`. */
  'relay.start': (argument: RelayStartOptions) => RelayStatus;
  'relay.stop': (argument: Empty) => RelayStatus;
  /** The newest lines of the relay's log. */
  'relay.log': (argument: { readonly lines: number }) => readonly string[];
  /** Opens an https or mailto link in the system's browser after the workbench asked the user. */
  'link.open': (argument: { readonly url: string }) => null;
  /** One redacted log line (see core/base/log). */
  'log.write': (argument: { readonly line: string }) => null;
};

/** What the host tells on its own. */
export type HostEvents = {
  'relay.changed': RelayStatus;
  /** A user file was edited outside the workbench. */
  'userFile.changed': UserFileContent & { readonly name: UserFile };
  /** A `conclave:` link was opened. Always confirmed with the user before anything happens. */
  'link.received': { readonly url: string };
};

type Empty = Readonly<Record<string, never>>;

/** Which host this is and what it may do. */
export interface HostInfo {
  readonly kind: 'electron' | 'web';
  readonly platform: 'linux' | 'darwin' | 'win32';
  readonly version: string;
  /** Exposes audio taps and counters to the page, for the demo, tests and benchmarks only. */
  readonly diagnostics: boolean;
  /** Whether a relay can be started here, and if not, why. */
  readonly relay: { readonly available: true } | { readonly available: false; readonly reason: string };
}

/** One change of the record store. */
export interface RecordChange {
  readonly key: string;
  readonly value: Bytes | null;
}

/** User files that may be read and written. */
export type UserFile = 'settings' | 'keybindings';

/** Text and a revision that changes with it. */
export interface UserFileContent {
  readonly text: string;
  readonly revision: string;
}

/** Whether the system keeps secrets for us, and if not, why. */
export type KeychainStatus =
  | { readonly available: true; readonly backend: string }
  | { readonly available: false; readonly reason: string };

/** A relay's fallback endpoint, from its signed descriptor. */
export interface FallbackTarget {
  readonly host: string;
  readonly port: number;
  readonly certificateHashes: readonly Bytes[];
}

/** How the bundled relay is started. */
export interface RelayStartOptions {
  /** Shown to people who connect. */
  readonly name: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Hex identity that becomes admin on the very first start. */
  readonly adminIdentity?: string;
  readonly adminName?: string;
}

/** State of the bundled relay. */
export type RelayStatus =
  | { readonly state: 'stopped' }
  | { readonly state: 'starting' }
  | {
      readonly state: 'running';
      readonly port: number;
      /** Hex server identity. */
      readonly serverId: string;
      readonly startedAt: number;
    }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

const empty = object({}) as Schema<Empty>;
const recordKey = string({ min: 1, max: 128, pattern: /^[a-z0-9][a-z0-9._/-]*$/ });
const stateKey = string({ min: 1, max: 64, pattern: /^[a-z0-9][A-Za-z0-9._-]*$/ });
const account = string({ min: 1, max: 64, pattern: /^[a-z0-9][a-z0-9.-]*$/ });
const userFile = oneOf(['settings', 'keybindings']);

/** Argument schemas; both hosts check with these before anything runs. */
export const hostSchemas: RpcSchemas<HostMethods> = {
  'host.info': empty,
  'records.get': object({ key: recordKey }),
  'records.write': object({
    changes: array(
      object({
        key: recordKey,
        value: {
          check(value: unknown, path: string): Bytes | null {
            return value === null ? null : bytes({ max: 8 * 1024 * 1024 }).check(value, path);
          },
        },
      }),
      { max: 64 },
    ),
  }),
  'records.list': object({ prefix: string({ max: 128, pattern: /^[a-z0-9._/-]*$/ }) }),
  'userFile.read': object({ name: userFile }),
  'userFile.write': object({ name: userFile, text: string({ max: 1024 * 1024 }) }),
  'state.get': object({ key: stateKey }),
  'state.set': object({ key: stateKey, value: string({ max: 1024 * 1024 }) }),
  'keychain.status': empty,
  'keychain.get': object({ account }),
  'keychain.set': object({ account, secret: string({ min: 1, max: 4096 }) }),
  'keychain.delete': object({ account }),
  'descriptor.fetch': object({
    host: string({ min: 1, max: 253 }),
    port: integer({ min: 1, max: 65535 }),
  }),
  'fallback.prepare': object({
    host: string({ min: 1, max: 253 }),
    port: integer({ min: 1, max: 65535 }),
    certificateHashes: array(bytes({ length: 32 }), { max: 4 }),
  }),
  'relay.status': empty,
  'relay.start': object({
    name: string({ min: 1, max: 64 }),
    port: integer({ min: 0, max: 65535 }),
    adminIdentity: optional(string({ min: 64, max: 64, pattern: /^[0-9a-f]{64}$/ })),
    adminName: optional(string({ min: 1, max: 32 })),
  }),
  'relay.stop': empty,
  'relay.log': object({ lines: integer({ min: 1, max: 5000 }) }),
  'link.open': object({ url: string({ min: 1, max: 2048 }) }),
  'log.write': object({ line: string({ max: 4096 }) }),
};
