import type { HostServices } from '../services/host-services.ts';
import type { ChannelParts } from '../electron/host-channel.ts';
import { connectHostChannel, HOST_CHANNEL } from '../electron/host-channel.ts';
import type { Disposable } from '../../core/base/disposable.ts';

type Listener = (...args: never[]) => void;

/** One window as far as the host channel can see, with the page's side of the bridge. */
export interface FakeWindow {
  readonly channel: Disposable;
  /** The page's `window.conclaveHost.send`, from its main frame unless another sender is given. */
  send(message: unknown, sender?: { readonly url: string } | null): void;
  /** Where messages to the page go. */
  onMessage: (bytes: Uint8Array) => void;
  /** An event of the WebContents. */
  emit(event: string): void;
  readonly ipcListeners: number;
}

/** Connects the host channel to a fake of the few Electron calls it makes. */
export function openFakeWindow(services: Pick<HostServices, 'connect' | 'logger'>): FakeWindow {
  const ipcListeners = new Map<string, Set<Listener>>();
  const contentsListeners = new Map<string, Listener[]>();
  const mainFrame = { url: 'app://conclave/index.html' };
  const parts = {
    ipc: {
      on: (name: string, listener: Listener) => {
        ipcListeners.set(name, (ipcListeners.get(name) ?? new Set()).add(listener));
      },
      removeListener: (name: string, listener: Listener) => {
        ipcListeners.get(name)?.delete(listener);
      },
    },
    contents: {
      mainFrame,
      isDestroyed: () => false,
      send: (name: string, bytes: Uint8Array) => {
        // Electron clones; a shared buffer would hide bugs.
        if (name === HOST_CHANNEL) queueMicrotask(() => fake.onMessage(structuredClone(bytes)));
      },
      on: (event: string, listener: Listener) => {
        contentsListeners.set(event, [...(contentsListeners.get(event) ?? []), listener]);
      },
    },
    services,
  };
  const fake: FakeWindow = {
    channel: connectHostChannel(parts as unknown as ChannelParts),
    send(message, sender = mainFrame) {
      for (const listener of ipcListeners.get(HOST_CHANNEL) ?? [])
        (listener as (event: unknown, message: unknown) => void)(
          { senderFrame: sender },
          structuredClone(message),
        );
    },
    onMessage: () => {},
    emit(event) {
      for (const listener of contentsListeners.get(event) ?? []) listener();
    },
    get ipcListeners() {
      return ipcListeners.get(HOST_CHANNEL)?.size ?? 0;
    },
  };
  return fake;
}
