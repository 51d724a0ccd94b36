import { createDisposableStore } from '../../../core/base/disposable.ts';
import { createEmitter } from '../../../core/base/event.ts';
import type { MessagePortLike, RpcPort } from '../../../core/base/rpc/rpc.ts';

/**
 * Sends and receives JSON text over a MessagePort, so that a message's length can be judged before anything is
 * built from it.
 *
 * @param accept asked for every message before it is parsed, with its number of characters, or undefined for
 *   what is no JSON text; what it refuses is dropped
 */
export function createJsonPort(
  port: MessagePortLike,
  accept: (characters: number | undefined) => boolean = () => true,
): RpcPort {
  const store = createDisposableStore();
  const messages = store.add(createEmitter<unknown>());
  const closed = store.add(createEmitter<void>());
  const listener = ({ data }: { readonly data: unknown }): void => {
    if (typeof data !== 'string') {
      accept(undefined);
      return;
    }
    if (!accept(data.length)) return;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      accept(undefined);
      return;
    }
    messages.fire(message);
  };
  port.addEventListener('message', listener);
  port.start?.();
  return {
    send: (message) => port.postMessage(JSON.stringify(message), []),
    onMessage: messages.event,
    onClose: closed.event,
    dispose() {
      if (store.isDisposed) return;
      port.removeEventListener('message', listener);
      port.close?.();
      closed.fire();
      store.dispose();
    },
  };
}
