import { CodedError } from '../../base/coded-error.ts';
import { createNoiseSuppressor, type NoiseSuppressor } from '../../media/noise-suppressor.ts';
import { createOpusCodec, type OpusCodec } from '../../media/opus-codec.ts';
import { WASM_PATHS } from '../boot.ts';

/** A module that uses one SIMD instruction; engines without SIMD refuse it. */
const SIMD_PROBE = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  10,
  1,
  8,
  0,
  65,
  0,
  253,
  15,
  253,
  98,
  11,
);

/** Fetches and compiles the codecs from this worker's own origin. */
export async function loadCodecs(): Promise<{
  readonly codec: OpusCodec;
  readonly suppressor: NoiseSuppressor;
}> {
  const opusPath = WebAssembly.validate(SIMD_PROBE) ? WASM_PATHS.opusSimd : WASM_PATHS.opus;
  const [opus, rnnoise] = await Promise.all([compile(opusPath), compile(WASM_PATHS.rnnoise)]);
  return { codec: createOpusCodec(opus), suppressor: createNoiseSuppressor(rnnoise) };
}

async function compile(path: string): Promise<WebAssembly.Module> {
  const response = await fetch(new URL(path, self.location.href));
  if (!response.ok)
    throw new CodedError('codec_missing', 'The audio codec could not be loaded. Install the program again');
  return await WebAssembly.compile(await response.arrayBuffer());
}
