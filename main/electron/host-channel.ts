import type { IpcMain, WebContents, WebFrameMain } from 'electron';
import { createDisposableStore, toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createBytesPort, HOST_MESSAGE_LIMITS, type BytesPort } from '../services/bytes-port.ts';
import type { HostServices } from '../services/host-services.ts';
import { isAppUrl } from './app-scheme.ts';

/** The only IPC channel there is; the preload script uses the same name. */
export const HOST_CHANNEL = 'conclave:host';

/** What is used of Electron here. */
export interface ChannelParts {
  readonly ipc: Pick<IpcMain, 'on' | 'removeListener'>;
  readonly contents: Pick<WebContents, 'mainFrame' | 'send' | 'isDestroyed'> & {
    on(event: string, listener: (...args: never[]) => void): unknown;
  };
  readonly services: Pick<HostServices, 'connect' | 'logger'>;
}

// #region Security: ask for a review before changing anything below.

/**
 * Connects the page of one window to the host services. A message counts only when it comes from the main
 * frame of that window while it shows our page; the contract's schemas check what is in it. Loading the page
 * anew starts a fresh connection, so that answers never reach a page that did not ask.
 */
export function connectHostChannel({ ipc, contents, services }: ChannelParts): Disposable {
  const store = createDisposableStore();
  let current: { readonly port: BytesPort; readonly connection: Disposable } | undefined;

  const end = (): void => {
    const ending = current;
    current = undefined;
    ending?.port.closed();
    ending?.connection.dispose();
    ending?.port.dispose();
  };
  const begin = (): BytesPort => {
    const port = createBytesPort({
      send: (bytes) => {
        if (!contents.isDestroyed()) contents.send(HOST_CHANNEL, bytes);
      },
      close: () => {},
    });
    current = { port, connection: services.connect(port) };
    return port;
  };
  const onMessage = (event: { readonly senderFrame: WebFrameMain | null }, message: unknown): void => {
    const frame = event.senderFrame;
    if (frame === null || frame !== contents.mainFrame || !isAppUrl(frame.url)) {
      services.logger.log('warn', 'ipc.foreign_sender', {});
      return;
    }
    if (!(message instanceof Uint8Array) || message.length > HOST_MESSAGE_LIMITS.maxBytes) {
      services.logger.log('warn', 'ipc.bad_message', {});
      return;
    }
    const port = current?.port ?? begin();
    if (!port.receive(message)) {
      services.logger.log('warn', 'ipc.bad_message', {});
      end();
    }
  };
  ipc.on(HOST_CHANNEL, onMessage);
  contents.on('did-navigate', end);
  contents.on('render-process-gone', end);
  contents.on('destroyed', end);
  store.add(
    toDisposable(() => {
      ipc.removeListener(HOST_CHANNEL, onMessage);
      end();
    }),
  );
  return store;
}

// #endregion
