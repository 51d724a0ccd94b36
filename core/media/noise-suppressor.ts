import { toDisposable, type Disposable } from '../base/disposable.ts';

/**
 * RNNoise (Valin 2018, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band Speech Enhancement") over
 * the WebAssembly file of @jitsi/rnnoise-wasm. Its generated loader expects a page, XMLHttpRequest and its own
 * URL, so the file is instantiated here; the short names are those its loader of release 0.2.1 uses.
 */

/** RNNoise works on 10 ms at 48 kHz. */
export const NOISE_FRAME_SAMPLES = 480;

/** Removes noise from one microphone. */
export interface NoiseSuppressor extends Disposable {
  /** Filters 480 samples in place; the signal comes out 10 ms later. @returns probability of speech, 0 to 1. */
  process(frame: Float32Array): number;
}

interface RnnoiseExports {
  readonly c: WebAssembly.Memory;
  /** Constructors. */
  d(): void;
  /** rnnoise_create(model); 0 is the built-in model. */
  f(model: number): number;
  /** malloc */
  g(bytes: number): number;
  /** rnnoise_destroy */
  h(state: number): void;
  /** free */
  i(pointer: number): void;
  /** rnnoise_process_frame(state, out, in) */
  j(state: number, out: number, input: number): number;
}

/** Instantiates the model. @throws Error when the module is not the expected build or memory runs out. */
export function createNoiseSuppressor(module: WebAssembly.Module): NoiseSuppressor {
  const rnnoise = new WebAssembly.Instance(module, {
    a: {
      // emscripten_resize_heap: the initial 16 MB hold one model many times over, so growth is refused.
      a: () => 0,
      // emscripten_memcpy_big
      b: (target: number, source: number, bytes: number) => {
        new Uint8Array(rnnoise.c.buffer).copyWithin(target, source, source + bytes);
      },
    },
  }).exports as unknown as RnnoiseExports;
  rnnoise.d();
  const state = rnnoise.f(0);
  const pointer = rnnoise.g(NOISE_FRAME_SAMPLES * 4);
  if (state === 0 || pointer === 0) throw new Error('RNNoise is out of memory');
  const samples = new Float32Array(rnnoise.c.buffer, pointer, NOISE_FRAME_SAMPLES);
  const lifetime = toDisposable(() => {
    rnnoise.h(state);
    rnnoise.i(pointer);
  });
  return {
    process(frame) {
      // The model was trained on samples at 16-bit scale.
      for (let i = 0; i < NOISE_FRAME_SAMPLES; i++) samples[i] = (frame[i] as number) * 32768;
      const speech = rnnoise.j(state, pointer, pointer);
      for (let i = 0; i < NOISE_FRAME_SAMPLES; i++) frame[i] = (samples[i] as number) / 32768;
      return speech;
    },
    dispose: () => lifetime.dispose(),
  };
}
