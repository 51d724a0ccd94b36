import { createHash } from 'node:crypto';

/**
 * The frame each sandboxed extension lives in: one fixed page on a host name of its own. The page holds one
 * script, pinned by its hash, that takes code and a port from the workbench and starts a worker. Nothing in it
 * can be chosen by an extension, and nothing it may load comes from a network: the policy knows only `blob:`.
 */

/** Path of the page; the only thing served under an extension's host name. */
export const EXTENSION_FRAME_PATH = '/host.html';
/** Label of an extension's host name: `ext-` and the first 16 bytes of the hash of its id. */
const EXTENSION_LABEL = /^ext-[0-9a-f]{32}$/;

/**
 * Takes the one message that brings the runtime, the extension's code and the port. A classic worker, since
 * Chromium refuses module workers from blobs in an opaque origin. The port goes on to the worker, so that the
 * frame itself has no way to speak to the workbench afterwards.
 */
const BOOTSTRAP = `'use strict';
addEventListener('message', (event) => {
  if (event.source !== parent || event.ports.length !== 1) return;
  const { runtime, code } = event.data;
  const worker = new Worker(URL.createObjectURL(new Blob([runtime], { type: 'text/javascript' })));
  worker.postMessage({ code }, [event.ports[0]]);
}, { once: true });`;

/** The page. */
export const EXTENSION_FRAME_HTML = `<!doctype html><meta charset="utf-8"><title>Extension</title><script>${BOOTSTRAP}</script>\n`;

/** Whether a host name is the one of an extension: its label followed by `suffix`. */
export function isExtensionHost(name: string, suffix: string): boolean {
  return name.endsWith(suffix) && EXTENSION_LABEL.test(name.slice(0, name.length - suffix.length));
}

/**
 * Headers of the page. COEP and CORP let it be embedded while the workbench stays cross-origin isolated.
 * @param embedders origins of the workbench, which alone may embed it
 */
export function extensionFrameHeaders(embedders: readonly string[]): Readonly<Record<string, string>> {
  const pin = createHash('sha256').update(BOOTSTRAP).digest('base64');
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(EXTENSION_FRAME_HTML)),
    'Content-Security-Policy': [
      "default-src 'none'",
      `script-src 'sha256-${pin}' blob: 'wasm-unsafe-eval'`,
      'worker-src blob:',
      "connect-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      // Whoever opens the address itself gets an opaque origin too.
      'sandbox allow-scripts',
      `frame-ancestors ${embedders.join(' ')}`,
    ].join('; '),
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Permissions-Policy':
      'microphone=(), camera=(), display-capture=(), geolocation=(), clipboard-read=(), clipboard-write=(), usb=(), serial=(), hid=(), midi=(), payment=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  };
}
