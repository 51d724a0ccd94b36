import type { Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { array, bytes, integer, object, optional, parse } from '../base/schema.ts';
import { CborError, decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import type { PendingCommit } from './group.ts';

/** A message that is not in the log yet. */
export interface OutboxEntry {
  readonly messageId: Bytes;
  readonly plaintext: Bytes;
}

/** A commit on its way, with the addressees of its Welcome. */
export interface PendingBundle {
  readonly commit: PendingCommit;
  /** Leaves it removes; one of them may belong to somebody else afterwards. */
  readonly replaced: readonly number[];
  readonly sessions: readonly number[];
  readonly identities: readonly Bytes[];
}

/** What a group session must find again after a restart. */
export interface SessionState {
  readonly group: Bytes | undefined;
  /** The last entry of the log that is part of `group`. */
  readonly cursor: number;
  readonly pending: PendingBundle | undefined;
  readonly outbox: readonly OutboxEntry[];
  /** Secrets of the key packages that somebody may still answer with a Welcome. */
  readonly keyPackages: readonly Bytes[];
}

const MAX_STATE_BYTES = 256 * 1024 * 1024;
const large = { max: 64 * 1024 * 1024 };
const schema = object({
  v: integer({ min: 1, max: 1 }),
  group: optional(bytes(large)),
  cursor: integer(),
  pending: optional(
    object({
      epoch: integer(),
      commit: bytes(large),
      welcome: optional(bytes(large)),
      groupInfo: bytes(large),
      newState: bytes(large),
      replaced: array(integer(), { max: 100_000 }),
      sessions: array(integer(), { max: 100_000 }),
      identities: array(bytes({ length: 32 }), { max: 100_000 }),
    }),
  ),
  keyPackages: array(bytes({ max: 128 * 1024 }), { max: 16 }),
  outbox: array(object({ messageId: bytes({ length: 16 }), plaintext: bytes(large) }), { max: 100_000 }),
});

/** Serialises the state: plaintext secrets, which the caller encrypts before storing. */
export function encodeSessionState({ group, cursor, pending, outbox, keyPackages }: SessionState): Bytes {
  return encodeCbor({
    v: 1,
    group,
    cursor,
    pending: pending && {
      ...pending.commit,
      replaced: pending.replaced,
      sessions: pending.sessions,
      identities: pending.identities,
    },
    keyPackages,
    outbox: outbox.map(({ messageId, plaintext }) => ({ messageId, plaintext })),
  });
}

/** Reads what {@link encodeSessionState} wrote. @throws CodedError `group_state_damaged`. */
export function decodeSessionState(stored: Uint8Array): SessionState {
  try {
    const parsed = parse(schema, decodeCbor(stored, { maxBytes: MAX_STATE_BYTES, maxDepth: 3 }));
    if (parsed.ok) {
      const { group, cursor, pending, outbox, keyPackages } = parsed.value;
      return {
        group,
        cursor,
        outbox,
        keyPackages,
        pending: pending && {
          commit: {
            epoch: pending.epoch,
            commit: pending.commit,
            welcome: pending.welcome,
            groupInfo: pending.groupInfo,
            newState: pending.newState,
          },
          replaced: pending.replaced,
          sessions: pending.sessions,
          identities: pending.identities,
        },
      };
    }
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
  }
  throw new CodedError('group_state_damaged', 'The stored membership cannot be read');
}
