import type { Bytes } from '../../core/base/bytes.ts';
import type { GroupLogEntry } from '../../core/protocol/control-message.ts';

/** A role of an identity. */
export type Role = 'admin' | 'moderator';

/** A room with what only the relay knows about it. */
export interface StoredRoom {
  readonly id: number;
  readonly parent: number | null;
  readonly name: string;
  readonly description: string;
  readonly limit: number;
  readonly permanent: boolean;
  readonly owner: Bytes | null;
  readonly password: { readonly salt: Bytes; readonly hash: Bytes } | null;
}

/** A Welcome with the place it leads to. */
export interface StoredWelcome {
  readonly cursor: number;
  readonly epoch: number;
  readonly welcome: Bytes;
}

/** Somebody who waits to be added to a group. */
export interface WaitingJoin {
  readonly session: number;
  readonly identity: Bytes;
  readonly keyPackage: Bytes;
}

/** What a group's storage holds besides its log. */
export interface GroupState {
  /** `null` until the group is created. */
  readonly epoch: number | null;
  readonly groupInfo: Bytes | null;
  /** Cursor of the newest entry, 0 for none. */
  readonly head: number;
}

/**
 * Where one group keeps its state and log. Every writing call is atomic and has reached its durability when
 * it returns.
 */
export interface GroupStorage {
  readonly state: GroupState;
  /** Sets the first state, epoch 0. */
  create(groupInfo: Bytes): void;
  /** Appends a commit, replaces the public state, and keeps Welcomes for those who are away. */
  appendCommit(
    entry: Extract<GroupLogEntry, { readonly kind: 'commit' }>,
    groupInfo: Bytes,
    welcomes: readonly { readonly identity: Bytes; readonly welcome: Bytes }[],
  ): void;
  appendMessage(entry: Extract<GroupLogEntry, { readonly kind: 'message' }>): void;
  /** The place of a message accepted before. */
  findMessage(messageId: Bytes): { readonly cursor: number; readonly at: number } | undefined;
  /** Up to `limit` entries after `since`, oldest first. */
  read(since: number, limit: number): readonly GroupLogEntry[];
  waiting(): readonly WaitingJoin[];
  /** Replaces what the same identity asked before. */
  addWaiting(join: WaitingJoin): void;
  removeWaiting(identities: readonly Bytes[]): void;
  pendingWelcome(identity: Bytes): StoredWelcome | undefined;
  removePendingWelcome(identity: Bytes): void;
}

/** What the relay keeps beyond its own life. Every writing call is durable when it returns. */
export interface RelayStore {
  readonly rooms: {
    list(): readonly StoredRoom[];
    insert(room: Omit<StoredRoom, 'id'>): number;
    update(room: StoredRoom): void;
    /** Takes subscriptions and messages with it. */
    remove(id: number): void;
  };
  readonly subscriptions: {
    list(): readonly { readonly room: number; readonly identity: Bytes }[];
    add(room: number, identity: Bytes): void;
    remove(room: number, identity: Bytes): void;
  };
  readonly textGroups: {
    list(): readonly { readonly room: number; readonly generation: number }[];
    /** The storage of a room's group; `create` makes an empty one. */
    open(room: number): GroupStorage;
    create(room: number, generation: number): GroupStorage;
    remove(room: number): void;
  };
  readonly keyPackages: {
    /** Gives how many are in the pool afterwards; the oldest beyond `max` are dropped. */
    publish(identity: Bytes, packages: readonly Bytes[], max: number): number;
    claim(identity: Bytes): Bytes | undefined;
  };
  readonly people: {
    describe(identity: Bytes): { readonly roles: readonly Role[]; readonly verified: boolean };
  };
}

/** Names, as the handshake needs them. */
export interface NameStore {
  owner(nameKey: string): Bytes | undefined;
  ownersOfSkeleton(skeleton: string): readonly Bytes[];
  namesOf(identity: Bytes): number;
  claim(nameKey: string, skeleton: string, identity: Bytes): void;
}
