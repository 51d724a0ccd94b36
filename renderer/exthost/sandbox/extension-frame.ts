import { withTimeout, type Clock } from '../../../core/base/async.ts';
import type { Disposable } from '../../../core/base/disposable.ts';
import { toHex, utf8 } from '../../../core/base/bytes.ts';
import type { MessagePortLike } from '../../../core/base/rpc/rpc.ts';
import { extensionError } from '../extension-error.ts';

/** A running sandbox: the port to its worker. Disposing ends the worker whatever it is doing. */
export interface ExtensionFrame extends Disposable {
  readonly port: MessagePortLike;
}

const LOAD_TIMEOUT_MS = 5000;

/** Where the frame of an extension is: a host name of its own, so that it gets a process of its own. */
async function frameAddress(
  extensionId: string,
  page: { readonly protocol: string; readonly port: string },
): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(extensionId)));
  const label = `ext-${toHex(digest.subarray(0, 16))}`;
  return page.protocol === 'app:'
    ? `ext://${label}/host.html`
    : `http://${label}.localhost:${page.port}/host.html`;
}

/** Opens frames with the runtime the build put next to the page. */
export function createFrameOpener(
  clock: Clock,
): (extensionId: string, code: string) => Promise<ExtensionFrame> {
  let runtime: Promise<string> | undefined;
  const readRuntime = async (): Promise<string> => {
    const response = await fetch('/extension-runtime.js');
    if (!response.ok) {
      runtime = undefined;
      throw extensionError('not_an_extension', 'The runtime of extensions could not be read.');
    }
    return await response.text();
  };
  return async (extensionId, code) => {
    runtime ??= readRuntime();
    return await openExtensionFrame(extensionId, { runtime: await runtime, code }, clock);
  };
}

/**
 * Opens a hidden frame without an origin on the extension's host name and gives it the runtime, the code and one
 * end of a channel. Nothing else ever goes to the frame or is heard from it.
 */
async function openExtensionFrame(
  extensionId: string,
  parts: { readonly runtime: string; readonly code: string },
  clock: Clock,
): Promise<ExtensionFrame> {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.setAttribute('aria-hidden', 'true');
  frame.tabIndex = -1;
  frame.hidden = true;
  frame.title = extensionId;
  frame.src = await frameAddress(extensionId, location);
  const loaded = new Promise<void>((resolve) =>
    frame.addEventListener('load', () => resolve(), { once: true }),
  );
  document.body.append(frame);
  const channel = new MessageChannel();
  try {
    await withTimeout(clock, LOAD_TIMEOUT_MS, loaded, () =>
      extensionError('activation_timeout', 'Its sandbox could not be loaded.'),
    );
  } catch (error) {
    frame.remove();
    throw error;
  }
  // The frame's origin is opaque, so no origin can be named; the page's policy says what can be in it.
  frame.contentWindow?.postMessage(parts, '*', [channel.port2]);
  return {
    port: channel.port1 as MessagePortLike,
    dispose() {
      channel.port1.close();
      frame.remove();
    },
  };
}
