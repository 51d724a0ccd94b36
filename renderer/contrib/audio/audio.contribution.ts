import { createDisposableStore, toDisposable, type Disposable } from '../../../core/base/disposable.ts';
import type { AudioSettings } from '../../../core/workers/media-contract.ts';
import { createAudioEngine, type AudioDeviceSettings } from '../../audio/audio-engine.ts';
import type { ConfigurationService } from '../../platform/configuration.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import type { SessionService } from '../../platform/session-service.ts';

const TEXTS = {
  blocked: 'The browser plays no sound yet. Click anywhere or press a key to hear the call.',
  settings: 'Open settings',
} as const;

const DEVICE_SETTINGS = [
  'voice.inputDevice',
  'voice.outputDevice',
  'voice.echoCancellation',
  'voice.autoGainControl',
];

/**
 * Ties the call to the sound devices: they are open exactly while a call is on, treated as the settings say,
 * and what goes wrong with them is told once.
 */
export function registerAudio(services: WorkbenchServices, session: SessionService): Disposable {
  const { configuration, notifications, media, host, contextKeys } = services;
  const store = createDisposableStore();
  const engine = store.add(
    createAudioEngine({
      media,
      worklets: { capture: '/worklets/capture.js', playback: '/worklets/playback.js' },
      diagnostics: host.info.diagnostics,
    }),
  );
  let running = false;
  let told = '';

  const configure = (): void => {
    media
      .call('audio.configure', readAudioSettings(configuration))
      .catch((error: unknown) => notifications.error(error));
  };
  const follow = (): void => {
    const wanted = session.call.current.state !== 'none';
    if (wanted === running) return;
    running = wanted;
    told = '';
    if (wanted) {
      configure();
      engine.start(readDeviceSettings(configuration)).catch((error: unknown) => {
        running = false;
        notifications.error(error);
      });
    } else engine.stop().catch((error: unknown) => notifications.error(error));
  };
  store.add(session.call.onDidChange(follow));
  store.add(
    configuration.onDidChange((change) => {
      if (!change.affects('voice')) return;
      configure();
      if (running && DEVICE_SETTINGS.some((key) => change.affects(key)))
        engine
          .setDevices(readDeviceSettings(configuration))
          .catch((error: unknown) => notifications.error(error));
    }),
  );
  store.add(
    engine.onDidChangeState(({ output, microphone }) => {
      contextKeys.setAll({ audioOutput: output, microphone: microphone.state });
      const problem =
        microphone.state === 'failed' ? microphone.code : output === 'blocked' ? 'audio_blocked' : '';
      if (problem === told) return;
      told = problem;
      if (microphone.state === 'failed')
        notifications.show({ severity: 'warning', message: `${microphone.message}.`, code: microphone.code });
      else if (problem !== '') notifications.show({ severity: 'info', message: TEXTS.blocked });
    }),
  );
  if (host.info.diagnostics) {
    const page = globalThis as { conclaveDiagnostics?: unknown };
    page.conclaveDiagnostics = {
      audio: engine,
      session,
      mediaStats: () => media.call('media.stats', {}),
    };
    store.add(toDisposable(() => delete page.conclaveDiagnostics));
  }
  follow();
  return store;
}

/** What the media worker is told, from the settings that the voice extension declares. */
export function readAudioSettings(configuration: Pick<ConfigurationService, 'get'>): AudioSettings {
  return {
    mode: configuration.get<AudioSettings['mode']>('voice.mode'),
    thresholdDb: configuration.get<number>('voice.threshold'),
    noiseSuppression: configuration.get<boolean>('voice.noiseSuppression'),
    inputGain: configuration.get<number>('voice.inputGain'),
    outputGain: configuration.get<number>('voice.outputVolume'),
    frameMs: configuration.get<AudioSettings['frameMs']>('voice.frameMs'),
    bitrate: configuration.get<number>('voice.bitrate'),
  };
}

function readDeviceSettings(configuration: Pick<ConfigurationService, 'get'>): AudioDeviceSettings {
  return {
    inputDevice: configuration.get<string>('voice.inputDevice'),
    outputDevice: configuration.get<string>('voice.outputDevice'),
    echoCancellation: configuration.get<boolean>('voice.echoCancellation'),
    // The browser's own noise suppression and RNNoise together harm speech, so ours alone does it.
    browserNoiseSuppression: false,
    autoGainControl: configuration.get<boolean>('voice.autoGainControl'),
  };
}
