/**
 * What the page posts to a fresh worker before anything else. Page and worker then talk over the worker's own
 * message channel (`messagePortAdapter`), whose RPC ignores these messages; the two workers talk over the
 * channel whose ends the page hands out here and keeps no hold of.
 */
export interface BootMessage {
  readonly kind: 'port';
  /** Who is at the other end of the port. */
  readonly name: 'session' | 'media' | 'page';
  readonly port: MessagePort;
}

/** Recognises a boot message among everything posted to a worker. */
export function readBootMessage(message: unknown): BootMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { kind, name, port } = message as Partial<Record<keyof BootMessage, unknown>>;
  if (kind !== 'port' || !(port instanceof MessagePort)) return undefined;
  if (name !== 'session' && name !== 'media' && name !== 'page') return undefined;
  return { kind, name, port };
}

/**
 * Where the worker fetches its WebAssembly, as paths on its own origin. Both hosts serve them as
 * `application/wasm` from these files of node_modules; the page's policy needs `'wasm-unsafe-eval'`, which
 * allows WebAssembly and nothing else. A worker that fetches for itself does not wait for a busy page.
 */
export const WASM_PATHS = {
  /** @evan/opus/wasm/simd.wasm */
  opusSimd: '/wasm/opus-simd.wasm',
  /** @evan/opus/wasm/opus.wasm, for processors without SIMD */
  opus: '/wasm/opus.wasm',
  /** @jitsi/rnnoise-wasm/dist/rnnoise.wasm */
  rnnoise: '/wasm/rnnoise.wasm',
} as const;

/** The one message that boots the session worker; it then serves session-contract on its own channel. */
export interface SessionBoot {
  readonly kind: 'boot';
  /** To the media worker, whose other end arrived there under the name `session`. */
  readonly media: MessagePort;
  /** The page serves `records.*`, `keychain.*`, `descriptor.fetch`, `fallback.prepare` and `log.write` of the host contract here. */
  readonly host: MessagePort;
}
