import { contextBridge, ipcRenderer } from 'electron';

/** As in main/electron/host-channel.ts, which this script cannot import: it runs inside the sandbox. */
const HOST_CHANNEL = 'conclave:host';

/**
 * The one bridge: byte strings to the host and back. What they mean is checked on the other side; the page
 * never sees Electron's own objects, and a listener is never given an Electron event.
 */
contextBridge.exposeInMainWorld('conclaveHost', {
  send(bytes: unknown): void {
    if (bytes instanceof Uint8Array) ipcRenderer.send(HOST_CHANNEL, bytes);
  },
  onMessage(callback: unknown): void {
    if (typeof callback !== 'function') return;
    ipcRenderer.on(HOST_CHANNEL, (_event, bytes: unknown) => {
      if (bytes instanceof Uint8Array) callback(bytes);
    });
  },
});
