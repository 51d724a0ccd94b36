import { CodedError } from '../../core/base/coded-error.ts';

/** What can be wrong with a microphone. */
export type MicrophoneErrorCode =
  'microphone_denied' | 'microphone_missing' | 'microphone_busy' | 'microphone_lost' | 'microphone_failed';

/** How the browser treats the microphone's signal before we see it. */
export interface MicrophoneSettings {
  /** Empty for the system's default. */
  readonly inputDevice: string;
  readonly echoCancellation: boolean;
  /** The browser's own noise suppression; off while RNNoise is on, since both together harm speech. */
  readonly browserNoiseSuppression: boolean;
  readonly autoGainControl: boolean;
}

const TEXTS: Readonly<Record<MicrophoneErrorCode, string>> = {
  microphone_denied:
    'Access to the microphone is not allowed. Allow it in the settings of the system or the browser; until then you can listen',
  microphone_missing: 'No microphone was found. Connect one; until then you can listen',
  microphone_busy:
    'The microphone is in use by another program or does not answer. Close the other program and try again',
  microphone_lost: 'The microphone was disconnected. Connect it again or choose another one',
  microphone_failed: 'The microphone could not be opened. Choose another one in the audio settings',
};

/** Makes the error for a code, with a text a person can act on. */
export function microphoneError(code: MicrophoneErrorCode): CodedError<MicrophoneErrorCode> {
  return new CodedError(code, TEXTS[code]);
}

/** The constraints for getUserMedia. Everything is stated, because browsers' defaults differ. */
export function microphoneConstraints(settings: MicrophoneSettings): MediaStreamConstraints {
  return {
    video: false,
    audio: {
      ...(settings.inputDevice === '' ? {} : { deviceId: { exact: settings.inputDevice } }),
      channelCount: { ideal: 1 },
      sampleRate: { ideal: 48_000 },
      echoCancellation: settings.echoCancellation,
      noiseSuppression: settings.browserNoiseSuppression,
      autoGainControl: settings.autoGainControl,
    },
  };
}

/** Names what getUserMedia rejected with (Media Capture and Streams §10.2). */
export function readMicrophoneError(error: unknown): CodedError<MicrophoneErrorCode> {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return microphoneError('microphone_denied');
    case 'NotFoundError':
    case 'OverconstrainedError':
      return microphoneError('microphone_missing');
    case 'NotReadableError':
    case 'AbortError':
      return microphoneError('microphone_busy');
    default:
      return microphoneError('microphone_failed');
  }
}
