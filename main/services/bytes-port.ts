import { createDisposableStore } from '../../core/base/disposable.ts';
import { createEmitter } from '../../core/base/event.ts';
import type { RpcPort } from '../../core/base/rpc/rpc.ts';
import {
  CborError,
  decodeCbor,
  encodeCbor,
  type CborLimits,
  type CborValue,
} from '../../core/protocol/cbor.ts';

/** Bounds of one message between workbench and host: a few records of 8 MiB each. */
export const HOST_MESSAGE_LIMITS: CborLimits = { maxBytes: 32 * 1024 * 1024, maxDepth: 8 };

/** An RpcPort over something that carries byte strings: a WebSocket, Electron's IPC. */
export interface BytesPort extends RpcPort {
  /** Call with every message received. @returns false when it is not acceptable; close the channel then. */
  receive(bytes: Uint8Array): boolean;
  /** Call once when the other side is gone. */
  closed(): void;
}

/** Makes a port whose messages are deterministic CBOR (core/protocol/cbor). */
export function createBytesPort(carrier: {
  readonly send: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly close: () => void;
}): BytesPort {
  const store = createDisposableStore();
  const messages = store.add(createEmitter<unknown>());
  const closed = store.add(createEmitter<void>());
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    closed.fire();
  };
  return {
    send(message) {
      if (open) carrier.send(encodeCbor(message as CborValue));
    },
    onMessage: messages.event,
    onClose: closed.event,
    receive(bytes) {
      if (!open) return true;
      let message: unknown;
      try {
        // A Node Buffer's own `slice` shares memory, which the reader does not expect.
        const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
        message = decodeCbor(plain, HOST_MESSAGE_LIMITS);
      } catch (error) {
        if (error instanceof CborError) return false;
        throw error;
      }
      messages.fire(message);
      return true;
    },
    closed: end,
    dispose() {
      if (open) carrier.close();
      end();
      store.dispose();
    },
  };
}
