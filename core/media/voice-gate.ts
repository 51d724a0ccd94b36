/** When the microphone is sent. */
export type TransmitMode = 'voiceActivity' | 'pushToTalk' | 'continuous';

/** Below the opening threshold by this much the gate closes again, so that a level near it does not chatter. */
export const HYSTERESIS_DB = 6;
/** Stays open this long after speech, which carries over the gaps between words (Mumble's default too). */
export const HANG_OVER_MS = 200;
/** The gate works on blocks of 10 ms. */
const BLOCK_MS = 10;

/** Decides block by block whether the microphone is open. */
export interface VoiceGate {
  configure(settings: { readonly mode: TransmitMode; readonly thresholdDb: number }): void;
  /** Push-to-talk pressed or released; remembered, but without effect in the other modes. */
  setTalking(pressed: boolean): void;
  /** Takes the level of the next 10 ms. @returns whether they are to be sent. */
  update(levelDb: number): boolean;
  readonly isOpen: boolean;
}

/** Makes a closed gate. */
export function createVoiceGate(settings: {
  readonly mode: TransmitMode;
  readonly thresholdDb: number;
}): VoiceGate {
  let { mode, thresholdDb } = settings;
  let pressed = false;
  let open = false;
  let holdMs = 0;
  const voiceActive = (levelDb: number): boolean => {
    if (levelDb >= (open ? thresholdDb - HYSTERESIS_DB : thresholdDb)) {
      holdMs = HANG_OVER_MS;
      return true;
    }
    holdMs = Math.max(0, holdMs - BLOCK_MS);
    return holdMs > 0;
  };
  return {
    configure(next) {
      if (next.mode !== mode) holdMs = 0;
      ({ mode, thresholdDb } = next);
    },
    setTalking(next) {
      pressed = next;
    },
    update(levelDb) {
      open = mode === 'continuous' || (mode === 'pushToTalk' ? pressed : voiceActive(levelDb));
      return open;
    },
    get isOpen() {
      return open;
    },
  };
}
