import { concatBytes, type Bytes } from '../base/bytes.ts';

/**
 * Control stream framing: `u32 head || bytes`, repeated. The low 31 bits of the head are the length of the
 * bytes that follow, at most 64 KiB; the top bit says that the message goes on in the next frame. A Welcome
 * for 50 members with the hybrid suite has 132 kB (measured), so single frames are not enough, and a bound
 * per frame keeps the reader's memory bounded before it knows who is talking: until then a message must fit
 * one frame.
 */
export const MAX_FRAME_BYTES = 64 * 1024;
/** Bound of a whole message of an authenticated session: a commit or Welcome of some 500 members. */
export const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;

const MORE = 0x80000000;

/** Thrown for frames that break the rules; the session must be closed. */
export class FramingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FramingError';
  }
}

/** Wraps one message into frames, ready to be written as they are. */
export function frameMessage(message: Uint8Array): Bytes {
  if (message.length > MAX_MESSAGE_BYTES) throw new FramingError('message too large');
  const parts: Uint8Array[] = [];
  let offset = 0;
  do {
    const end = Math.min(offset + MAX_FRAME_BYTES, message.length);
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, (end - offset) | (end < message.length ? MORE : 0));
    parts.push(head, message.subarray(offset, end));
    offset = end;
  } while (offset < message.length);
  return concatBytes(...parts);
}

/** Reassembles messages from chunks as they come off a stream. */
export interface FrameReader {
  /**
   * Takes the next chunk and gives the messages completed by it.
   * @throws FramingError when a frame or message is over its limit; the reader is unusable afterwards.
   */
  push(chunk: Uint8Array): readonly Bytes[];
  /** Raises the limit for whole messages once the sender is authenticated. */
  setMaxMessageBytes(limit: number): void;
}

/** Makes a reader with an empty buffer. */
export function createFrameReader(maxMessageBytes: number): FrameReader {
  let limit = maxMessageBytes;
  const head = new Uint8Array(4);
  let headFilled = 0;
  let frame: Bytes | undefined;
  let frameFilled = 0;
  let more = false;
  let parts: Bytes[] = [];
  let messageLength = 0;
  return {
    setMaxMessageBytes(next) {
      limit = next;
    },
    push(chunk) {
      const messages: Bytes[] = [];
      let offset = 0;
      while (offset < chunk.length || (frame && frameFilled === frame.length)) {
        if (!frame) {
          const take = Math.min(4 - headFilled, chunk.length - offset);
          head.set(chunk.subarray(offset, offset + take), headFilled);
          headFilled += take;
          offset += take;
          if (headFilled < 4) break;
          headFilled = 0;
          const value = new DataView(head.buffer).getUint32(0);
          more = value >= MORE;
          const length = more ? value - MORE : value;
          if (length > MAX_FRAME_BYTES) throw new FramingError('frame too large');
          if (more && length === 0) throw new FramingError('empty continuation');
          messageLength += length;
          if (messageLength > limit) throw new FramingError('message too large');
          frame = new Uint8Array(length);
          frameFilled = 0;
        }
        const take = Math.min(frame.length - frameFilled, chunk.length - offset);
        frame.set(chunk.subarray(offset, offset + take), frameFilled);
        frameFilled += take;
        offset += take;
        if (frameFilled < frame.length) break;
        parts.push(frame);
        frame = undefined;
        if (more) continue;
        messages.push(parts.length === 1 ? (parts[0] as Bytes) : concatBytes(...parts));
        parts = [];
        messageLength = 0;
      }
      return messages;
    },
  };
}
