import { number, parse, record } from '../base/schema.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import type { VaultStore } from './vault-store.ts';

/** Volumes of people, remembered by identity: session numbers change with every connection. */
export interface VolumeStore {
  load(): Promise<void>;
  /** 1 when never set. */
  gainOf(identity: string): number;
  /** @param gain 0 to 2 */
  set(identity: string, gain: number): Promise<void>;
}

const KEY = 'people/volumes';
const schema = record(number({ min: 0, max: 2 }), { max: 10_000 });

/** Opens the volumes kept in a vault. */
export function createVolumeStore(vault: VaultStore): VolumeStore {
  let gains: Readonly<Record<string, number>> = {};
  return {
    async load() {
      const encoded = await vault.read(KEY);
      const parsed = encoded && parse(schema, decodeCbor(encoded, { maxBytes: 1024 * 1024, maxDepth: 2 }));
      gains = parsed?.ok ? parsed.value : {};
    },
    gainOf: (identity) => gains[identity] ?? 1,
    async set(identity, gain) {
      const clamped = Math.min(2, Math.max(0, gain));
      const { [identity]: _, ...others } = gains;
      gains = clamped === 1 ? others : { ...others, [identity]: clamped };
      await vault.write([{ key: KEY, value: encodeCbor({ ...gains }) }]);
    },
  };
}
