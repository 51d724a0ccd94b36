import { createMutex, systemClock, type Clock } from '../../core/base/async.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import { createDisposableStore, toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { RpcClient } from '../../core/base/rpc/rpc.ts';
import { allocateAudioRing, openAudioRing, type AudioRing } from '../../core/media/audio-ring.ts';
import type { MediaPageEvents, MediaPageMethods } from '../../core/workers/media-contract.ts';
import { createAudioTaps, type AudioTaps } from './audio-taps.ts';
import {
  microphoneConstraints,
  microphoneError,
  readMicrophoneError,
  type MicrophoneErrorCode,
  type MicrophoneSettings,
} from './microphone.ts';

/** Which devices are used and how. */
export interface AudioDeviceSettings extends MicrophoneSettings {
  /** Empty for the system's default. */
  readonly outputDevice: string;
}

/** What a person is told about their audio. */
export interface AudioEngineState {
  /** `blocked`: the browser plays nothing before the page is clicked or a key is pressed. */
  readonly output: 'stopped' | 'running' | 'blocked';
  readonly microphone:
    | { readonly state: 'off' | 'opening' | 'live' }
    | { readonly state: 'failed'; readonly code: MicrophoneErrorCode; readonly message: string };
}

/** The page's part of the voice path: devices, worklets, and the rings the media worker reads and fills. */
export interface AudioEngine extends Disposable {
  /**
   * Opens output and microphone. Resolves when the output is set up; a microphone that cannot be opened
   * does not fail this, since a person without one can still listen, and is told by the state.
   * @throws CodedError `audio_unsupported` or `audio_failed`.
   */
  start(settings: AudioDeviceSettings): Promise<void>;
  /** Changes devices or processing while running; opens the microphone again when it has to. */
  setDevices(settings: AudioDeviceSettings): Promise<void>;
  /** Closes the microphone and the output. */
  stop(): Promise<void>;
  readonly state: AudioEngineState;
  readonly onDidChangeState: Event<AudioEngineState>;
  /** Devices were connected or removed. */
  readonly onDidChangeDevices: Event<void>;
  /** Samples that were missing when they had to be played, since the engine was started. */
  readonly underruns: number;
  /** Present when diagnostics are on. */
  readonly taps: AudioTaps | undefined;
}

/** One second: the worker drops what is older than 100 ms anyway, this only survives a stall. */
const RING_SAMPLES = 48_000;
const TAP_SECONDS = 60;
/** Wait between attempts to get a lost microphone back (ms). */
const RETRY_MS = [250, 1000, 3000, 10_000] as const;

interface RunningGraph {
  readonly context: AudioContext;
  readonly capture: AudioWorkletNode;
  readonly playbackRing: AudioRing;
  readonly lifetime: Disposable;
}
interface OpenMicrophone {
  readonly stream: MediaStream;
  readonly source: MediaStreamAudioSourceNode;
}

/**
 * Makes a stopped engine.
 * @param options.worklets addresses of the two worklet scripts. @param options.diagnostics records both ends.
 */
export function createAudioEngine(options: {
  readonly media: Pick<RpcClient<MediaPageMethods, MediaPageEvents>, 'call'>;
  readonly worklets: { readonly capture: string; readonly playback: string };
  readonly diagnostics: boolean;
  readonly clock?: Clock;
}): AudioEngine {
  const { media, worklets, diagnostics, clock = systemClock } = options;
  const store = createDisposableStore();
  const changed = store.add(createEmitter<AudioEngineState>());
  const devicesChanged = store.add(createEmitter<void>());
  const taps = diagnostics ? createAudioTaps(TAP_SECONDS) : undefined;
  const mutex = createMutex();
  let state: AudioEngineState = { output: 'stopped', microphone: { state: 'off' } };
  let settings: AudioDeviceSettings | undefined;
  let graph: RunningGraph | undefined;
  let microphone: OpenMicrophone | undefined;
  let retry: Disposable | undefined;
  let retries = 0;

  const setState = (next: Partial<AudioEngineState>): void => {
    state = { ...state, ...next };
    changed.fire(state);
  };

  const closeMicrophone = (): void => {
    retry?.dispose();
    retry = undefined;
    const closing = microphone;
    microphone = undefined;
    closing?.source.disconnect();
    for (const track of closing?.stream.getTracks() ?? []) track.stop();
  };
  const retryLater = (): void => {
    const waitMs = RETRY_MS[Math.min(retries, RETRY_MS.length - 1)] as number;
    retries += 1;
    retry?.dispose();
    retry = clock.setTimer(waitMs, () => void mutex.run(openMicrophone));
  };
  const openMicrophone = async (): Promise<void> => {
    const target = graph;
    const wanted = settings;
    if (!target || !wanted) return;
    closeMicrophone();
    setState({ microphone: { state: 'opening' } });
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(microphoneConstraints(wanted));
    } catch (error) {
      const { code, message } = readMicrophoneError(error);
      setState({ microphone: { state: 'failed', code, message } });
      // A refusal stays until the person changes it; a busy device may become free by itself.
      if (code === 'microphone_busy' || code === 'microphone_failed') retryLater();
      return;
    }
    const [track] = stream.getAudioTracks();
    if (graph !== target || !track) {
      for (const each of stream.getTracks()) each.stop();
      return;
    }
    const source = new MediaStreamAudioSourceNode(target.context, { mediaStream: stream });
    source.connect(target.capture);
    const opened: OpenMicrophone = { stream, source };
    microphone = opened;
    retries = 0;
    // Fired when the device is unplugged and when the browser's audio service dies, not by our own stop().
    track.addEventListener('ended', () => {
      if (microphone !== opened) return;
      closeMicrophone();
      const { code, message } = microphoneError('microphone_lost');
      setState({ microphone: { state: 'failed', code, message } });
      retryLater();
    });
    setState({ microphone: { state: 'live' } });
  };

  const setOutputDevice = async (context: AudioContext, device: string): Promise<void> => {
    const selectable = context as AudioContext & { setSinkId?(id: string): Promise<void>; sinkId?: string };
    if (!selectable.setSinkId || (selectable.sinkId ?? '') === device) return;
    try {
      await selectable.setSinkId(device);
    } catch {
      // The chosen loudspeaker is gone: hearing on the default one is better than not at all.
      await selectable.setSinkId('').catch(() => {});
    }
  };

  const buildGraph = async (wanted: AudioDeviceSettings): Promise<void> => {
    if (!globalThis.crossOriginIsolated || typeof AudioWorkletNode === 'undefined')
      throw new CodedError(
        'audio_unsupported',
        'This page may not use shared memory, which audio needs. Open it through the program',
      );
    const lifetime = createDisposableStore();
    try {
      const context = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
      lifetime.add(toDisposable(() => void context.close().catch(() => {})));
      await Promise.all([
        context.audioWorklet.addModule(worklets.capture),
        context.audioWorklet.addModule(worklets.playback),
      ]);
      const captureRing = allocateAudioRing(RING_SAMPLES);
      const playbackRing = allocateAudioRing(RING_SAMPLES);
      const mono = {
        channelCount: 1,
        channelCountMode: 'explicit',
        channelInterpretation: 'speakers',
      } as const;
      const capture = new AudioWorkletNode(context, 'conclave-capture', {
        ...mono,
        numberOfInputs: 1,
        outputChannelCount: [1],
        processorOptions: { ring: captureRing, ...(taps ? { tap: taps.captureMemory } : {}) },
      });
      const playback = new AudioWorkletNode(context, 'conclave-playback', {
        ...mono,
        numberOfInputs: 0,
        outputChannelCount: [1],
        processorOptions: { ring: playbackRing, ...(taps ? { tap: taps.playbackMemory } : {}) },
      });
      // The capture node's output is silence; connected, it is sure to be run.
      capture.connect(context.destination);
      playback.connect(context.destination);
      await setOutputDevice(context, wanted.outputDevice);
      await media.call('audio.attach', { capture: captureRing, playback: playbackRing });
      graph = { context, capture, playbackRing: openAudioRing(playbackRing), lifetime };

      const showOutput = (): void => {
        if (graph?.context !== context) return;
        setState({ output: context.state === 'running' ? 'running' : 'blocked' });
      };
      // The browser may refuse until there is a gesture, or suspend later when the device changes.
      const resume = (): void => {
        if (context.state !== 'running' && context.state !== 'closed')
          void context.resume().then(showOutput, () => {});
      };
      const onStateChange = (): void => {
        showOutput();
        resume();
      };
      context.addEventListener('statechange', onStateChange);
      for (const gesture of ['pointerdown', 'keydown'] as const) {
        globalThis.addEventListener(gesture, resume, { capture: true, passive: true });
        lifetime.add(toDisposable(() => globalThis.removeEventListener(gesture, resume, { capture: true })));
      }
      lifetime.add(toDisposable(() => context.removeEventListener('statechange', onStateChange)));
      showOutput();
      resume();
    } catch (error) {
      lifetime.dispose();
      if (error instanceof CodedError) throw error;
      throw new CodedError(
        'audio_failed',
        'The sound output could not be opened. Check that a sound device is present and not used exclusively',
      );
    }
  };
  const tearDown = async (): Promise<void> => {
    closeMicrophone();
    const closing = graph;
    graph = undefined;
    if (closing) {
      await media.call('audio.detach', {}).catch(() => {});
      closing.lifetime.dispose();
    }
    setState({ output: 'stopped', microphone: { state: 'off' } });
  };

  const onDeviceChange = (): void => {
    devicesChanged.fire();
    // A microphone that has come back, or the first one at all.
    if (graph && state.microphone.state === 'failed' && state.microphone.code !== 'microphone_denied')
      void mutex.run(openMicrophone);
  };
  navigator.mediaDevices?.addEventListener('devicechange', onDeviceChange);
  store.add(toDisposable(() => navigator.mediaDevices?.removeEventListener('devicechange', onDeviceChange)));

  return {
    start: (wanted) =>
      mutex.run(async () => {
        settings = wanted;
        if (graph) return;
        await buildGraph(wanted);
        await openMicrophone();
      }),
    setDevices: (wanted) =>
      mutex.run(async () => {
        const before = settings;
        settings = wanted;
        if (!graph) return;
        await setOutputDevice(graph.context, wanted.outputDevice);
        const same =
          before?.inputDevice === wanted.inputDevice &&
          before.echoCancellation === wanted.echoCancellation &&
          before.browserNoiseSuppression === wanted.browserNoiseSuppression &&
          before.autoGainControl === wanted.autoGainControl;
        if (!same || state.microphone.state === 'failed') await openMicrophone();
      }),
    stop: () => mutex.run(tearDown),
    get state() {
      return state;
    },
    onDidChangeState: changed.event,
    onDidChangeDevices: devicesChanged.event,
    get underruns() {
      return graph?.playbackRing.underruns ?? 0;
    },
    taps,
    dispose() {
      void mutex.run(tearDown).then(() => store.dispose());
    },
  };
}
