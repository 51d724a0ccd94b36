import { array, boolean, integer, nullable, object, oneOf, parse, string } from '../base/schema.ts';
import { createMutex } from '../base/async.ts';
import { CodedError } from '../base/coded-error.ts';
import { CborError, decodeCbor, encodeCbor, type CborValue } from '../protocol/cbor.ts';
import type { TextMessage } from './session-contract.ts';
import type { VaultStore } from './vault-store.ts';

/**
 * Decrypted messages of one room, kept encrypted in segments of the log: a new message rewrites one small
 * segment instead of the whole history. Old segments go when the room holds more than the limit.
 */
export interface TextHistory {
  /** Adds a message or replaces the one with the same id. Durable when it returns. */
  put(message: StoredMessage): Promise<void>;
  get(id: string): Promise<StoredMessage | undefined>;
  /** The newest `limit` messages with a cursor below `before` (all when undefined), oldest first. */
  read(before: number | undefined, limit: number): Promise<readonly StoredMessage[]>;
}

/** A message at rest; the room is known from where it is kept. */
export type StoredMessage = Omit<TextMessage, 'room'>;

/** Messages kept per room. */
export const HISTORY_LIMIT = 500;
const SEGMENT_MESSAGES = 50;

const messageSchema = object({
  id: string({ min: 32, max: 32 }),
  cursor: nullable(integer()),
  sender: string({ min: 64, max: 64 }),
  senderName: string({ max: 64 }),
  own: boolean,
  text: string({ max: 16_384 }),
  at: integer(),
  state: oneOf(['queued', 'sent', 'received', 'failed']),
});
/** Codes of the vault and of the host for a record that does not hold what was written. */
const DAMAGED: ReadonlySet<string> = new Set(['vault_damaged', 'record_damaged']);
const segmentSchema = array(messageSchema, { max: SEGMENT_MESSAGES });

/**
 * Opens the history kept under `prefix`.
 * @param prefix record name prefix ending in a slash, unique per server and room.
 */
export function createTextHistory(vault: VaultStore, prefix: string): TextHistory {
  const mutex = createMutex();
  let segments: Map<number, StoredMessage[]> | undefined;
  /** A segment that cannot be read is left as it is, and no new message goes where it is. */
  let firstFree = 0;

  const keyOf = (segment: number): string => `${prefix}${String(segment).padStart(10, '0')}`;
  const load = async (): Promise<Map<number, StoredMessage[]>> => {
    if (segments) return segments;
    const loaded = new Map<number, StoredMessage[]>();
    for (const key of await vault.list(prefix)) {
      const number = Number(key.slice(prefix.length));
      if (!Number.isSafeInteger(number)) continue;
      const messages = await readSegment(vault, key);
      if (messages) loaded.set(number, [...messages]);
      else firstFree = Math.max(firstFree, number + 1);
    }
    segments = loaded;
    return loaded;
  };
  const find = (
    loaded: Map<number, StoredMessage[]>,
    id: string,
  ): { segment: number; index: number } | undefined => {
    for (const [segment, messages] of loaded) {
      const index = messages.findIndex((message) => message.id === id);
      if (index >= 0) return { segment, index };
    }
    return undefined;
  };

  return {
    put: (message) =>
      mutex.run(async () => {
        const loaded = await load();
        const existing = find(loaded, message.id);
        let segment: number;
        if (existing) {
          segment = existing.segment;
          (loaded.get(segment) as StoredMessage[])[existing.index] = message;
        } else {
          segment = Math.max(firstFree, ...loaded.keys());
          if ((loaded.get(segment)?.length ?? 0) >= SEGMENT_MESSAGES) segment += 1;
          const messages = loaded.get(segment) ?? [];
          messages.push(message);
          loaded.set(segment, messages);
        }
        const changes: { key: string; value: ReturnType<typeof encodeCbor> | undefined }[] = [
          { key: keyOf(segment), value: encodeCbor(loaded.get(segment) as unknown as CborValue) },
        ];
        let kept = [...loaded.values()].reduce((sum, messages) => sum + messages.length, 0);
        for (const number of [...loaded.keys()].sort((a, b) => a - b)) {
          const length = (loaded.get(number) as StoredMessage[]).length;
          if (kept - length < HISTORY_LIMIT) break;
          kept -= length;
          loaded.delete(number);
          changes.push({ key: keyOf(number), value: undefined });
        }
        await vault.write(changes);
      }),
    get: (id) =>
      mutex.run(async () => {
        const loaded = await load();
        const existing = find(loaded, id);
        return existing && loaded.get(existing.segment)?.[existing.index];
      }),
    read: (before, limit) =>
      mutex.run(async () => {
        const loaded = await load();
        const all = [...loaded.values()].flat();
        const eligible =
          before === undefined
            ? all
            : all.filter((message) => message.cursor !== null && message.cursor < before);
        return eligible.sort(compareMessages).slice(-limit);
      }),
  };
}

/** Undefined for a record that is damaged: one bad sector must not take the whole room away. */
async function readSegment(vault: VaultStore, key: string): Promise<readonly StoredMessage[] | undefined> {
  try {
    const encoded = await vault.read(key);
    const parsed =
      encoded && parse(segmentSchema, decodeCbor(encoded, { maxBytes: 8 * 1024 * 1024, maxDepth: 4 }));
    return parsed?.ok ? parsed.value : undefined;
  } catch (error) {
    if (error instanceof CborError || (error instanceof CodedError && DAMAGED.has(error.code)))
      return undefined;
    throw error;
  }
}

/** Log order; messages without a place in the log come last, by time. */
export function compareMessages(a: StoredMessage, b: StoredMessage): number {
  return (a.cursor ?? Number.MAX_SAFE_INTEGER) - (b.cursor ?? Number.MAX_SAFE_INTEGER) || a.at - b.at;
}
