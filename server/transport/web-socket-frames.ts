import { concatBytes, type Bytes } from '../../core/base/bytes.ts';

/** Cuts what a client sends into whole WebSocket frames. */
export interface FrameCutter {
  /**
   * Takes bytes and gives the frames that are complete now, heads included.
   * @throws WebSocketFrameError when the client does what no client of ours does.
   */
  push(chunk: Uint8Array): readonly Bytes[];
}

/** A frame this server does not take. */
export class WebSocketFrameError extends Error {
  override readonly name = 'WebSocketFrameError';
}

const OPCODE_BINARY = 0x2;
const OPCODE_CLOSE = 0x8;
const OPCODE_PONG = 0xa;
const FIN = 0x80;
const MASKED = 0x80;
const MASK_BYTES = 4;

/**
 * Makes a cutter that lets through what RFC 6455 §5 allows a client and a WebTransport session needs: masked,
 * unfragmented binary and control frames with a bounded payload. It copies, because the parser behind it
 * unmasks in place.
 */
export function createFrameCutter(maxPayloadBytes: number): FrameCutter {
  let rest = new Uint8Array(0);
  return {
    push(chunk) {
      // A copy also because Node's Buffer would not copy on slice().
      const buffered = concatBytes(rest, chunk);
      const frames: Bytes[] = [];
      let offset = 0;
      for (;;) {
        const length = frameLength(buffered.subarray(offset), maxPayloadBytes);
        if (length === undefined || buffered.length - offset < length) break;
        frames.push(buffered.slice(offset, offset + length));
        offset += length;
      }
      rest = buffered.slice(offset);
      return frames;
    },
  };
}

/** Bytes of the frame that starts here; undefined while its head is not complete. */
function frameLength(bytes: Uint8Array, maxPayloadBytes: number): number | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const opcode = first & 0x0f;
  // No extension is negotiated, so the three reserved bits are zero.
  if ((first & 0xf0) !== FIN) throw new WebSocketFrameError('fragmented or extended frame');
  if (opcode !== OPCODE_BINARY && (opcode < OPCODE_CLOSE || opcode > OPCODE_PONG))
    throw new WebSocketFrameError('unexpected kind of frame');
  if ((second & MASKED) === 0) throw new WebSocketFrameError('frame without mask');
  const short = second & 0x7f;
  if (opcode !== OPCODE_BINARY && short > 125) throw new WebSocketFrameError('control frame too long');
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (bytes.length < 2 + lengthBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const payload = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
  if (payload > maxPayloadBytes) throw new WebSocketFrameError('frame too long');
  return 2 + lengthBytes + MASK_BYTES + payload;
}
