import { array, bytes, integer, object, parse, string, type Infer } from '../base/schema.ts';
import { createMutex } from '../base/async.ts';
import { decodeCbor, encodeCbor, type CborValue } from '../protocol/cbor.ts';
import type { VaultStore } from './vault-store.ts';

/**
 * Messages that the relay has not acknowledged yet. They survive a restart and keep their id, and the relay
 * gives the same answer to the same id, so a message is in the log exactly once however often it is sent.
 */
export interface TextOutbox {
  load(): Promise<readonly QueuedMessage[]>;
  add(message: QueuedMessage): Promise<void>;
  remove(id: Uint8Array): Promise<void>;
}

const queuedSchema = object({ id: bytes({ length: 16 }), text: string({ max: 16_384 }), at: integer() });
/** A message on its way. */
export type QueuedMessage = Infer<typeof queuedSchema>;

/** Most messages that may wait in one room. */
export const OUTBOX_LIMIT = 200;
const outboxSchema = array(queuedSchema, { max: OUTBOX_LIMIT });

/** Opens the outbox kept in the record `key`. */
export function createTextOutbox(vault: VaultStore, key: string): TextOutbox {
  const mutex = createMutex();
  let queue: readonly QueuedMessage[] | undefined;
  const load = async (): Promise<readonly QueuedMessage[]> => {
    if (queue) return queue;
    const encoded = await vault.read(key);
    const parsed =
      encoded && parse(outboxSchema, decodeCbor(encoded, { maxBytes: 8 * 1024 * 1024, maxDepth: 4 }));
    queue = parsed?.ok ? parsed.value : [];
    return queue;
  };
  const store = async (next: readonly QueuedMessage[]): Promise<void> => {
    await vault.write([
      { key, value: next.length === 0 ? undefined : encodeCbor(next as unknown as CborValue) },
    ]);
    queue = next;
  };
  return {
    load: () => mutex.run(load),
    add: (message) => mutex.run(async () => store([...(await load()), message])),
    remove: (id) =>
      mutex.run(async () =>
        store((await load()).filter((queued) => queued.id.some((byte, i) => byte !== id[i]))),
      ),
  };
}
