/** Reading Opus packets without decoding them (RFC 6716 §3). */

/** The largest Opus frame has 1275 bytes (RFC 6716 §3.4); we never send more than one per packet. */
export const MAX_OPUS_PACKET_BYTES = 1275;

/** What the first bytes of a packet say. */
export interface OpusPacketInfo {
  /** Duration in ms: 2.5 to 120. */
  readonly durationMs: number;
  readonly mode: 'silk' | 'hybrid' | 'celt';
  readonly stereo: boolean;
  readonly frames: number;
}

const SILK_MS = [10, 20, 40, 60] as const;
const CELT_MS = [2.5, 5, 10, 20] as const;

/** Reads the table-of-contents byte (RFC 6716 §3.1); `undefined` for packets no decoder may see. */
export function readOpusPacket(packet: Uint8Array): OpusPacketInfo | undefined {
  if (packet.length === 0 || packet.length > MAX_OPUS_PACKET_BYTES) return undefined;
  const toc = packet[0] as number;
  const config = toc >> 3;
  const mode = config < 12 ? 'silk' : config < 16 ? 'hybrid' : 'celt';
  const frameMs =
    mode === 'celt'
      ? (CELT_MS[config & 3] as number)
      : mode === 'silk'
        ? (SILK_MS[config & 3] as number)
        : (SILK_MS[config & 1] as number);
  const code = toc & 3;
  let frames = code === 0 ? 1 : 2;
  if (code === 3) {
    if (packet.length < 2) return undefined;
    frames = (packet[1] as number) & 63;
    if (frames === 0) return undefined;
  }
  const durationMs = frames * frameMs;
  if (durationMs > 120) return undefined;
  return { durationMs, mode, stereo: (toc & 4) !== 0, frames };
}

/**
 * Whether a packet carries the low bit-rate copy of the frame before it (LBRR, RFC 6716 §4.2.4). Its flags
 * are coded with equal probabilities, so they are the first bits of the SILK data.
 */
export function hasInBandFec(packet: Uint8Array): boolean {
  const info = readOpusPacket(packet);
  if (!info || info.mode === 'celt' || ((packet[0] as number) & 3) !== 0 || packet.length < 2) return false;
  const silkFrames = Math.max(1, info.durationMs / 20);
  const data = packet[1] as number;
  const mid = (data >> (7 - silkFrames)) & 1;
  const side = info.stereo ? (data >> (6 - 2 * silkFrames)) & 1 : 0;
  return mid === 1 || side === 1;
}
