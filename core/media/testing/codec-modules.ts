import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

function compileFile(name: string): WebAssembly.Module {
  return new WebAssembly.Module(new Uint8Array(readFileSync(require.resolve(name))));
}

/** The codec with SIMD, as tests get it. */
export const opusSimdModule = compileFile('@evan/opus/wasm/simd.wasm');
/** The codec without SIMD. */
export const opusModule = compileFile('@evan/opus/wasm/opus.wasm');
/** The noise suppressor. */
export const rnnoiseModule = compileFile('@jitsi/rnnoise-wasm/dist/rnnoise.wasm');
