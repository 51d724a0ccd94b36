/** The globals of an AudioWorkletGlobalScope that are used here; TypeScript has no library for them. */
declare class AudioWorkletProcessor {
  readonly port: { postMessage(message: unknown): void };
}
declare function registerProcessor(
  name: string,
  processor: new (options: { readonly processorOptions?: unknown }) => AudioWorkletProcessor,
): void;
