import { fromHex, toHex } from '../../core/base/bytes.ts';

/** JSON in which byte strings are `{"$hex": "…"}`; both ends of the pipe to a wire agent use it. */
export function stringifyWithBytes(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    entry instanceof Uint8Array ? { $hex: toHex(entry) } : entry,
  );
}

/** The inverse of {@link stringifyWithBytes}. */
export function parseWithBytes(text: string): unknown {
  return JSON.parse(text, (_key, entry: unknown) => {
    if (typeof entry === 'object' && entry !== null && '$hex' in entry) {
      const bytes = fromHex(String(entry.$hex));
      if (!bytes) throw new Error('bad hex');
      return bytes;
    }
    return entry;
  });
}
