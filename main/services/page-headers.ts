/**
 * The headers of everything a host serves: one policy for Electron's `app:` scheme and for the web host.
 * COOP and COEP make the page cross-origin isolated (SharedArrayBuffer); a worker script needs its own COEP
 * header, without it the worker fails with an error that has no message.
 */

/** What a policy depends on. */
export interface PolicyContext {
  /** Sources besides 'self' the page may connect to: the web host's own WebSocket. */
  readonly connect: readonly string[];
  /** Where the frames of sandboxed extensions are; none without it. */
  readonly frames?: string;
}

/** Names of the Trusted Types policies that may exist. */
const TRUSTED_TYPES = 'lit-html conclave dockview';

/** Content Security Policy of the page itself. */
export function pagePolicy(context: PolicyContext): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "font-src 'self'",
    "media-src 'self' blob:",
    `connect-src ${["'self'", ...context.connect].join(' ')}`,
    "worker-src 'self'",
    "manifest-src 'self'",
    `frame-src ${context.frames ?? "'none'"}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${TRUSTED_TYPES}`,
  ].join('; ');
}

/**
 * Policies of the workers, by path. A worker's policy is the one of its own script: only the media worker
 * reaches the network (WebTransport to any relay; over TCP, `wss:` to a pinned relay in Electron, and the web
 * host's own WebSocket, which goes on to the relay), and the worker that holds the identity cannot send
 * anything anywhere.
 */
const WORKER_POLICIES: Readonly<Record<string, (context: PolicyContext) => string>> = {
  '/media.worker.js': ({ connect }) =>
    `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src ${["'self' https: wss:", ...connect].join(' ')}; require-trusted-types-for 'script'; trusted-types 'none'`,
  '/session.worker.js': () =>
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
};

const NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'";

/** All headers of a response for `path`, except type and length. */
export function responseHeaders(path: string, context: PolicyContext): Readonly<Record<string, string>> {
  const policy =
    WORKER_POLICIES[path]?.(context) ??
    (path.endsWith('.html') || path === '/' ? pagePolicy(context) : NOTHING_ALLOWED);
  return {
    'Content-Security-Policy': policy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy':
      'microphone=(self), speaker-selection=(self), camera=(), geolocation=(), display-capture=(), usb=(), serial=(), hid=(), midi=(), payment=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  };
}
