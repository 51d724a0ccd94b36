/** What the page hands to a worklet at construction. */
export interface WorkletOptions {
  /** The ring to fill or to empty (core/media/audio-ring). */
  readonly ring: SharedArrayBuffer;
  /** Where to record everything, for diagnostics only (audio-tap-ring). */
  readonly tap?: SharedArrayBuffer;
}
