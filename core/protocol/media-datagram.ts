/**
 * The clear header of a media datagram (protocol.md §5), all the relay ever reads:
 *
 *     byte 0      kind in the low nibble, flags (zero in version 1) in the high nibble
 *     byte 1      epoch, low 8 bits
 *     bytes 2-3   slot of the sender
 *     bytes 4-7   frame counter of this sender and kind in this epoch
 *     rest        sealed payload
 */
export const MEDIA_HEADER_BYTES = 8;
/** 16 zero bytes for key commitment and a 16-byte tag. */
export const MEDIA_SEAL_BYTES = 32;
/** Chromium reports 1024 as its datagram limit; 1000 also fits inside VPN tunnels. */
export const MAX_DATAGRAM_BYTES = 1000;
/** A media datagram without payload is useless, so anything shorter is dropped. */
export const MIN_MEDIA_DATAGRAM_BYTES = MEDIA_HEADER_BYTES + MEDIA_SEAL_BYTES + 1;

/** Kinds of datagrams. */
export const DATAGRAM_KIND = {
  audio: 1,
  extensionAudio: 2,
  video: 3,
  screenAudio: 4,
  /** Round trip probe: 0x0e and up to 16 opaque bytes, sent back by the relay to the sender only. */
  echo: 14,
  /** Several datagrams for one listener: 0x0f, u8 count, then (u16 length, datagram) each. */
  bundle: 15,
} as const;

/** A kind that carries media. */
export type MediaKind = 1 | 2 | 3 | 4;

/** The fields of the header. */
export interface MediaHeader {
  readonly kind: MediaKind;
  /** The low 8 bits of the MLS epoch. */
  readonly epoch: number;
  readonly slot: number;
  readonly counter: number;
}

/** Writes a header into the first 8 bytes of `target`. */
export function writeMediaHeader(target: Uint8Array, header: MediaHeader): void {
  target[0] = header.kind;
  target[1] = header.epoch & 0xff;
  target[2] = header.slot >>> 8;
  target[3] = header.slot & 0xff;
  target[4] = header.counter >>> 24;
  target[5] = (header.counter >>> 16) & 0xff;
  target[6] = (header.counter >>> 8) & 0xff;
  target[7] = header.counter & 0xff;
}

/** Reads a header; `undefined` for anything that is no media datagram of this version. */
export function readMediaHeader(datagram: Uint8Array): MediaHeader | undefined {
  if (datagram.length < MIN_MEDIA_DATAGRAM_BYTES || datagram.length > MAX_DATAGRAM_BYTES) return undefined;
  const kind = datagram[0] as number;
  if (kind < 1 || kind > 4) return undefined;
  return {
    kind: kind as MediaKind,
    epoch: datagram[1] as number,
    slot: ((datagram[2] as number) << 8) | (datagram[3] as number),
    counter:
      (((datagram[4] as number) << 24) |
        ((datagram[5] as number) << 16) |
        ((datagram[6] as number) << 8) |
        (datagram[7] as number)) >>>
      0,
  };
}

/**
 * Calls `visit` with each datagram of a bundle as a view into it; anything malformed ends the walk.
 * @returns how many were visited.
 */
export function forEachBundled(bundle: Uint8Array, visit: (datagram: Uint8Array) => void): number {
  if (bundle.length < 2 || bundle[0] !== DATAGRAM_KIND.bundle) return 0;
  const count = bundle[1] as number;
  let offset = 2;
  for (let i = 0; i < count; i++) {
    if (offset + 2 > bundle.length) return i;
    const length = ((bundle[offset] as number) << 8) | (bundle[offset + 1] as number);
    offset += 2;
    if (length === 0 || offset + length > bundle.length) return i;
    visit(bundle.subarray(offset, offset + length));
    offset += length;
  }
  return count;
}
