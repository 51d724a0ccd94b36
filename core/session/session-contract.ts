/**
 * What the workbench can ask of the session worker and what it is told. All values are plain data; no key
 * or secret crosses this boundary except the passphrase a person types.
 */

/** Workbench to session worker. */
export type SessionMethods = {
  'vault.status': (argument: Empty) => VaultStatus;
  /**
   * Makes the identity. With a keychain no passphrase is needed; without one it is required.
   */
  'vault.create': (argument: { readonly displayName: string; readonly passphrase?: string }) => VaultStatus;
  'vault.unlock': (argument: { readonly passphrase?: string }) => VaultStatus;
  /** Changes the name used at the next connect. */
  'identity.setDisplayName': (argument: { readonly displayName: string }) => null;
  'server.list': (argument: Empty) => readonly ServerProfile[];
  /** Connects and stays connected, reconnecting by itself until `server.disconnect`. */
  'server.connect': (argument: ServerAddress) => null;
  'server.disconnect': (argument: Empty) => null;
  /** Forgets the pinned identity of a server; the next connect trusts what it finds. */
  'server.forget': (argument: { readonly host: string; readonly port: number }) => null;
  /** Skips the backoff and tries to reconnect at once. */
  'server.retry': (argument: Empty) => null;
  'room.create': (argument: NewRoom) => { readonly room: number };
  'room.edit': (argument: RoomEdit) => null;
  'room.delete': (argument: { readonly room: number }) => null;
  'room.enter': (argument: { readonly room: number; readonly password?: string }) => null;
  'room.leave': (argument: Empty) => null;
  /** Enters the room if need be and joins its call. */
  'call.join': (argument: { readonly room: number; readonly password?: string }) => null;
  'call.leave': (argument: Empty) => null;
  'call.setMuted': (argument: { readonly muted: boolean }) => null;
  'call.setDeafened': (argument: { readonly deafened: boolean }) => null;
  /** Gain on one person by identity (hex), 0 to 2; remembered. */
  'person.setVolume': (argument: { readonly identity: string; readonly gain: number }) => null;
  /** Subscribes to a room's messages and gives the newest ones kept here, oldest first. */
  'text.open': (argument: { readonly room: number; readonly password?: string }) => readonly TextMessage[];
  /** Older messages than the given cursor, oldest first. */
  'text.history': (argument: {
    readonly room: number;
    readonly before: number;
    readonly limit: number;
  }) => readonly TextMessage[];
  /** Queues a message; it is sent as soon as that is possible and its state changes are told. */
  'text.send': (argument: { readonly room: number; readonly text: string }) => TextMessage;
  /** Ends the subscription: members remove this client, and later messages cannot be read. */
  'text.leave': (argument: { readonly room: number }) => null;
};

/** Session worker to workbench. */
export type SessionEvents = {
  'vault.changed': VaultStatus;
  'connection.changed': ConnectionState;
  'directory.changed': Directory;
  'call.changed': CallState;
  /** New or changed (state of an own message). */
  'text.changed': TextMessage;
  'text.group': TextGroupState;
  /** Something a person should know and that is tied to no request. */
  notice: Notice;
};

type Empty = Readonly<Record<string, never>>;

/** The state of the vault and, when open, of the identity in it. */
export type VaultStatus =
  | { readonly state: 'absent'; readonly keychain: KeychainState }
  | {
      readonly state: 'locked';
      readonly protection: 'keychain' | 'passphrase';
      readonly keychain: KeychainState;
    }
  | {
      readonly state: 'open';
      readonly protection: 'keychain' | 'passphrase';
      readonly identity: OwnIdentity;
    };

/** Whether the system keeps secrets for us, and if not, why. */
export type KeychainState =
  | { readonly available: true; readonly backend: string }
  | { readonly available: false; readonly reason: string };

/** Who this is. */
export interface OwnIdentity {
  /** Hex Ed25519 public key. */
  readonly identity: string;
  /** SHA-256 of the key as 8 groups of 4 hex digits, for people to compare. */
  readonly fingerprint: string;
  readonly displayName: string;
}

/** A server this client knows. */
export interface ServerProfile {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  /** Hex Ed25519 key pinned at first contact. */
  readonly serverId: string;
  readonly lastConnected: number;
}

/** Where to connect. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly password?: string;
  /** Hex key an invitation promised. */
  readonly serverId?: string;
}

/** The connection to the server. */
export type ConnectionState =
  | { readonly state: 'disconnected'; readonly error?: SessionFailure }
  | { readonly state: 'connecting'; readonly host: string; readonly port: number }
  | {
      readonly state: 'connected';
      readonly host: string;
      readonly port: number;
      readonly serverName: string;
      readonly serverId: string;
      readonly session: number;
      readonly transport: 'quic' | 'fallback';
      readonly roles: readonly string[];
      readonly rttMs: number | null;
      readonly lossPercent: number;
    }
  | {
      readonly state: 'reconnecting';
      readonly host: string;
      readonly port: number;
      /** Wall time of the next try, ms since 1970. */
      readonly nextTryAt: number;
      readonly attempt: number;
      readonly error: SessionFailure;
    };

/** Why something failed: a closed code, and what happened, what it means and what to do. */
export interface SessionFailure {
  readonly code: string;
  readonly message: string;
}

/** Rooms and people as the server tells them. */
export interface Directory {
  readonly rooms: readonly RoomInfo[];
  readonly people: readonly PersonInfo[];
}

/** A room. */
export interface RoomInfo {
  readonly id: number;
  readonly parent: number | null;
  readonly name: string;
  readonly description: string;
  readonly limit: number;
  readonly gated: boolean;
  readonly permanent: boolean;
  /** This identity is subscribed to its messages. */
  readonly subscribed: boolean;
}

/** A connected person. */
export interface PersonInfo {
  readonly session: number;
  readonly identity: string;
  readonly fingerprint: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly verified: boolean;
  readonly room: number | null;
  readonly inCall: boolean;
  readonly muted: boolean;
  readonly deafened: boolean;
  readonly away: boolean;
  /** It is this client. */
  readonly self: boolean;
}

/** A new room. */
export interface NewRoom {
  readonly parent: number | null;
  readonly name: string;
  readonly description?: string;
  readonly limit?: number;
  readonly password?: string;
  readonly permanent?: boolean;
}

/** Changes to a room; `null` removes the password. */
export interface RoomEdit {
  readonly room: number;
  readonly name?: string;
  readonly description?: string;
  readonly limit?: number;
  readonly password?: string | null;
}

/** The call this client is in. */
export type CallState =
  | { readonly state: 'none'; readonly muted: boolean; readonly deafened: boolean }
  | {
      readonly state: 'joining' | 'joined' | 'recovering';
      readonly room: number;
      readonly muted: boolean;
      readonly deafened: boolean;
      /** The MLS epoch in force; null while joining. */
      readonly epoch: number | null;
      /** Digits that everybody in this epoch sees alike; compared by voice they reveal a split group. */
      readonly code: string;
      readonly suite: string;
      /** The MLS roster, which is who can hear; not the server's list. */
      readonly members: readonly CallMemberInfo[];
      /** Sessions the server lists that are not in the group yet, and the other way round. */
      readonly mismatch: boolean;
    };

/** A member of the call's group. */
export interface CallMemberInfo {
  readonly session: number;
  readonly identity: string;
  /** The name the server gives for this identity. */
  readonly name: string;
  readonly self: boolean;
  /** The session has left, but the epoch that removes it is not in force yet. */
  readonly leaving: boolean;
  readonly volume: number;
  /** Came in by an external commit: nobody in the group let them in. */
  readonly external: boolean;
}

/** A text message, decrypted. */
export interface TextMessage {
  readonly room: number;
  /** Hex, the sender's choice. */
  readonly id: string;
  /** Position in the room's log; null while it is not accepted. */
  readonly cursor: number | null;
  /** Hex identity, from the MLS credential. */
  readonly sender: string;
  readonly senderName: string;
  readonly own: boolean;
  readonly text: string;
  /** ms since 1970, by the server for delivered messages. */
  readonly at: number;
  readonly state: 'queued' | 'sent' | 'received' | 'failed';
}

/** Encryption of a room's messages. */
export interface TextGroupState {
  readonly room: number;
  readonly state: 'joining' | 'ready' | 'recovering' | 'left';
  readonly epoch: number | null;
  readonly members: readonly { readonly identity: string; readonly name: string }[];
}

/** A notice for a person. */
export interface Notice extends SessionFailure {
  readonly severity: 'info' | 'warning' | 'error';
}
