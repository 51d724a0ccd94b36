import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { createFrameCutter } from './web-socket-frames.ts';

/**
 * The socket as the package's WebSocket parser sees it. The parser trusts its input: a frame announced with a
 * gigabyte is collected, and a truncated integer throws out of a stream's event, which would end the relay.
 * So it never sees the socket itself. It gets whole frames of bounded size, one at a time, and what it throws
 * ends this connection only.
 */
export interface ParserSocket {
  on(event: string, listener: (argument?: unknown) => void): void;
  read(): Buffer | null;
  write(bytes: Uint8Array): boolean;
  end(): void;
  destroy(): void;
  setTimeout(): void;
}

/** A parser's socket and the way to feed it. */
export interface GuardedSocket {
  readonly parserSide: ParserSocket;
  /** Lets the bytes in, beginning with `head`. Call once the parser listens. */
  start(head: Uint8Array): void;
}

/** The longest message our clients send is one chunk of the control stream. */
const MAX_FRAME_BYTES = 128 * 1024;

/**
 * Puts the guard around a socket.
 * @param onReceived called for everything that arrives.
 */
export function guardSocket(socket: Duplex, onReceived: () => void): GuardedSocket {
  const listeners = new Map<string, ((argument?: unknown) => void)[]>();
  const cutter = createFrameCutter(MAX_FRAME_BYTES);
  let frame: Buffer | null = null;
  const emit = (event: string, argument?: unknown): void => {
    try {
      for (const listener of listeners.get(event) ?? []) listener(argument);
    } catch {
      socket.destroy();
    }
  };
  const take = (chunk: Uint8Array): void => {
    onReceived();
    try {
      for (const next of cutter.push(chunk)) {
        if (socket.destroyed) return;
        frame = Buffer.from(next.buffer);
        emit('readable');
      }
    } catch {
      socket.destroy();
    }
  };
  // An error is always followed by 'close', which is all the parser needs to know.
  socket.on('error', () => socket.destroy());
  return {
    parserSide: {
      on(event, listener) {
        listeners.set(event, [...(listeners.get(event) ?? []), listener]);
      },
      read() {
        const next = frame;
        frame = null;
        return next;
      },
      write: (bytes) => !socket.destroyed && socket.writable && socket.write(bytes),
      end: () => void socket.end(),
      destroy: () => void socket.destroy(),
      setTimeout() {},
    },
    start(head) {
      socket.on('drain', () => emit('drain'));
      socket.on('end', () => socket.destroy());
      socket.on('close', () => emit('close'));
      if (head.length > 0) take(head);
      socket.on('data', take);
    },
  };
}
