import { compareBytes, concatBytes, fromUtf8, utf8, type Bytes } from '../base/bytes.ts';

/**
 * Deterministic CBOR (RFC 8949 §4.2.1), the only form we write and the only form we read: definite lengths,
 * shortest heads, map keys that are text, sorted by their encoding and unique. No tags, no undefined, no
 * half or single precision floats. A strict reader is small and leaves a hostile sender nothing to play
 * with; a general library would accept tags, records and indefinite lengths that no message of ours uses.
 */
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue | undefined };

/** Bounds for reading. */
export interface CborLimits {
  /** Bytes of the whole item. */
  readonly maxBytes: number;
  /** Nesting of arrays and maps. */
  readonly maxDepth: number;
}

/** Bounds of one control message (protocol.md, "depth ≤ 8"). */
export const CONTROL_CBOR_LIMITS: CborLimits = { maxBytes: 64 * 1024, maxDepth: 8 };

/** Thrown for bytes that are not deterministic CBOR within the limits. */
export class CborError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CborError';
  }
}

/**
 * Encodes a value. Map entries that are `undefined` are left out. Whole numbers become integers, others
 * doubles.
 * @throws CborError for values CBOR as used here cannot hold (NaN, functions, unsafe integers).
 */
export function encodeCbor(value: CborValue): Bytes {
  const writer = createWriter();
  writeValue(writer, value, 0);
  return writer.finish();
}

interface Writer {
  head(major: number, argument: number | bigint): void;
  byte(value: number): void;
  raw(bytes: Uint8Array): void;
  float(value: number): void;
  finish(): Bytes;
}

function createWriter(): Writer {
  let buffer = new Uint8Array(256);
  let view = new DataView(buffer.buffer);
  let length = 0;
  const reserve = (more: number): void => {
    if (length + more <= buffer.length) return;
    const next = new Uint8Array(Math.max(buffer.length * 2, length + more));
    next.set(buffer);
    buffer = next;
    view = new DataView(buffer.buffer);
  };
  return {
    head(major, argument) {
      reserve(9);
      const top = major << 5;
      if (argument < 24) buffer[length++] = top | Number(argument);
      else if (argument < 0x100) {
        buffer[length++] = top | 24;
        buffer[length++] = Number(argument);
      } else if (argument < 0x10000) {
        buffer[length++] = top | 25;
        view.setUint16(length, Number(argument));
        length += 2;
      } else if (argument < 0x100000000) {
        buffer[length++] = top | 26;
        view.setUint32(length, Number(argument));
        length += 4;
      } else {
        buffer[length++] = top | 27;
        view.setBigUint64(length, BigInt(argument));
        length += 8;
      }
    },
    byte(value) {
      reserve(1);
      buffer[length++] = value;
    },
    raw(bytes) {
      reserve(bytes.length);
      buffer.set(bytes, length);
      length += bytes.length;
    },
    float(value) {
      reserve(9);
      buffer[length++] = 0xfb;
      view.setFloat64(length, value);
      length += 8;
    },
    finish: () => buffer.slice(0, length),
  };
}

function writeValue(writer: Writer, value: CborValue, depth: number): void {
  if (depth > 64) throw new CborError('nested too deeply');
  switch (typeof value) {
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        if (value >= 0) writer.head(0, value);
        else writer.head(1, -1 - value);
      } else if (Number.isFinite(value)) writer.float(value);
      else throw new CborError('not a finite number');
      return;
    case 'bigint':
      if (value < 0n || value > 0xffffffffffffffffn) throw new CborError('integer out of range');
      writer.head(0, value);
      return;
    case 'string': {
      const text = utf8(value);
      writer.head(3, text.length);
      writer.raw(text);
      return;
    }
    case 'boolean':
      writer.byte(value ? 0xf5 : 0xf4);
      return;
    case 'object':
      break;
    default:
      throw new CborError(`cannot encode ${typeof value}`);
  }
  if (value === null) {
    writer.byte(0xf6);
  } else if (value instanceof Uint8Array) {
    writer.head(2, value.length);
    writer.raw(value);
  } else if (Array.isArray(value)) {
    writer.head(4, value.length);
    for (const item of value as readonly CborValue[]) writeValue(writer, item, depth + 1);
  } else {
    const entries: { readonly key: Bytes; readonly value: CborValue }[] = [];
    for (const [name, entry] of Object.entries(value as { readonly [key: string]: CborValue | undefined })) {
      if (entry === undefined) continue;
      const keyWriter = createWriter();
      const text = utf8(name);
      keyWriter.head(3, text.length);
      entries.push({ key: concatBytes(keyWriter.finish(), text), value: entry });
    }
    entries.sort((a, b) => compareBytes(a.key, b.key));
    writer.head(5, entries.length);
    for (const entry of entries) {
      writer.raw(entry.key);
      writeValue(writer, entry.value, depth + 1);
    }
  }
}

/** What decoding gives: integers beyond 2^53 arrive as bigint. Maps have no prototype. */
export type DecodedCbor =
  | number
  | bigint
  | string
  | boolean
  | null
  | Bytes
  | readonly DecodedCbor[]
  | { readonly [key: string]: DecodedCbor };

/**
 * Decodes exactly one item that fills `bytes`.
 * @throws CborError on anything that is not deterministic CBOR within the limits.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = CONTROL_CBOR_LIMITS): DecodedCbor {
  if (bytes.length > limits.maxBytes) throw new CborError('too long');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const need = (count: number): void => {
    if (count > bytes.length - offset) throw new CborError('ends too early');
  };
  const readArgument = (info: number): number | bigint => {
    if (info < 24) return info;
    switch (info) {
      case 24: {
        need(1);
        const value = view.getUint8(offset);
        offset += 1;
        if (value < 24) throw new CborError('head is not the shortest');
        return value;
      }
      case 25: {
        need(2);
        const value = view.getUint16(offset);
        offset += 2;
        if (value < 0x100) throw new CborError('head is not the shortest');
        return value;
      }
      case 26: {
        need(4);
        const value = view.getUint32(offset);
        offset += 4;
        if (value < 0x10000) throw new CborError('head is not the shortest');
        return value;
      }
      case 27: {
        need(8);
        const value = view.getBigUint64(offset);
        offset += 8;
        if (value < 0x100000000n) throw new CborError('head is not the shortest');
        return value <= 0x1fffffffffffffn ? Number(value) : value;
      }
      default:
        throw new CborError('indefinite lengths and reserved heads are not allowed');
    }
  };
  const readLength = (info: number): number => {
    const length = readArgument(info);
    // Every element takes at least one byte, so this also bounds what is allocated.
    if (typeof length === 'bigint' || length > bytes.length - offset)
      throw new CborError('length beyond the end');
    return length;
  };
  const readText = (info: number): string => {
    const length = readLength(info);
    const slice = bytes.subarray(offset, offset + length);
    offset += length;
    try {
      return fromUtf8(slice);
    } catch {
      throw new CborError('text is not UTF-8');
    }
  };
  const readValue = (depth: number): DecodedCbor => {
    need(1);
    const initial = view.getUint8(offset);
    offset += 1;
    const info = initial & 0x1f;
    switch (initial >> 5) {
      case 0:
        return readArgument(info);
      case 1: {
        const argument = readArgument(info);
        if (typeof argument === 'bigint' || argument === Number.MAX_SAFE_INTEGER)
          throw new CborError('negative integer out of range');
        return -1 - argument;
      }
      case 2: {
        const length = readLength(info);
        const slice = bytes.slice(offset, offset + length) as Bytes;
        offset += length;
        return slice;
      }
      case 3:
        return readText(info);
      case 4: {
        const length = readLength(info);
        if (depth >= limits.maxDepth) throw new CborError('nested too deeply');
        const items: DecodedCbor[] = [];
        for (let i = 0; i < length; i++) items.push(readValue(depth + 1));
        return items;
      }
      case 5: {
        const length = readLength(info);
        if (depth >= limits.maxDepth) throw new CborError('nested too deeply');
        const map = Object.create(null) as Record<string, DecodedCbor>;
        let previous: Uint8Array | undefined;
        for (let i = 0; i < length; i++) {
          const start = offset;
          need(1);
          const keyHead = view.getUint8(offset);
          offset += 1;
          if (keyHead >> 5 !== 3) throw new CborError('map keys must be text');
          const name = readText(keyHead & 0x1f);
          const key = bytes.subarray(start, offset);
          if (previous && compareBytes(previous, key) >= 0)
            throw new CborError('map keys must be sorted and unique');
          previous = key;
          map[name] = readValue(depth + 1);
        }
        return map;
      }
      case 7:
        switch (info) {
          case 20:
            return false;
          case 21:
            return true;
          case 22:
            return null;
          case 27: {
            need(8);
            const value = view.getFloat64(offset);
            offset += 8;
            if (!Number.isFinite(value)) throw new CborError('not a finite number');
            if (Number.isSafeInteger(value) && !Object.is(value, -0))
              throw new CborError('whole numbers must be integers');
            return value;
          }
          default:
            throw new CborError('simple value not allowed');
        }
      default:
        throw new CborError('tags are not allowed');
    }
  };
  const value = readValue(0);
  if (offset !== bytes.length) throw new CborError('bytes after the end');
  return value;
}
