import { connectRpc, messagePortAdapter, type RpcClient } from '../../../core/base/rpc/rpc.ts';
import { compareSpeech, type SpeechComparison } from '../../../core/media/speech-comparison.ts';
import type { BootMessage } from '../../../core/workers/boot.ts';
import type {
  AudioSettings,
  MediaPageEvents,
  MediaPageMethods,
  MediaSessionEvents,
  MediaSessionMethods,
  MediaStats,
} from '../../../core/workers/media-contract.ts';
import { createAudioEngine, type AudioEngineState } from '../../../renderer/audio/audio-engine.ts';

/** The page of the voice path trial: the page and the session worker in one, with everything else real. */
export interface MediaTrial {
  start(options: {
    readonly port: number;
    readonly certificateHash: readonly number[];
    readonly settings: AudioSettings;
    /** Echo cancellation and automatic gain, which change the signal so much that it cannot be compared. */
    readonly processing: boolean;
  }): Promise<AudioEngineState>;
  /** Sends bytes over the control stream and gives what came back. */
  echoControl(bytes: readonly number[]): Promise<readonly number[]>;
  stats(): Promise<MediaStats>;
  /** Resolves when so many frames of audio were received: audio time, so a slow machine only takes longer. */
  hear(frames: number): Promise<void>;
  /** Compares the last `seconds` of what was captured with what was played. */
  compare(seconds: number): Omit<SpeechComparison, 'windows'> & { readonly windows: readonly number[] };
  /** Opens the devices alone. */
  openDevices(): Promise<AudioEngineState>;
  /** Whether the far end was ever shown as speaking. */
  wasSpeaking(): boolean;
  talk(pressed: boolean): Promise<void>;
  /** Resolves when the far end is not shown as speaking any more. */
  silent(): Promise<void>;
  state(): AudioEngineState;
  /** Suspends the output as the browser does when devices change. */
  suspendOutput(): Promise<void>;
  /** Makes every getUserMedia fail as a busy device does, or lets them through again. */
  occupyMicrophone(busy: boolean): void;
  /** Ends the microphone's track as unplugging it does. */
  unplugMicrophone(): void;
  /** Tells the page that a device has come or gone. */
  changeDevices(): void;
  closeReason(): Promise<string>;
}

const SESSION = 7;
const SLOT = 3;

declare const trustedTypes: {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
};

function createTrial(): MediaTrial {
  // The engine's own devices are reached from outside, as the browser and the system reach them.
  const contexts: AudioContext[] = [];
  globalThis.AudioContext = class extends AudioContext {
    constructor(options?: AudioContextOptions) {
      super(options);
      contexts.push(this);
    }
  };
  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  let busy = false;
  let track: MediaStreamTrack | undefined;
  devices.getUserMedia = async (constraints) => {
    if (busy) throw new DOMException('in use', 'NotReadableError');
    const stream = await getUserMedia(constraints);
    [track] = stream.getAudioTracks();
    return stream;
  };
  const policy = trustedTypes.createPolicy('trial', { createScriptURL: (url) => url });
  const worker = new Worker(policy.createScriptURL('/media.worker.js'), { type: 'module' });
  const channel = new MessageChannel();
  worker.postMessage({ kind: 'port', name: 'session', port: channel.port2 } satisfies BootMessage, [
    channel.port2,
  ]);
  const page: RpcClient<MediaPageMethods, MediaPageEvents> = connectRpc(messagePortAdapter(worker as never));
  const session: RpcClient<MediaSessionMethods, MediaSessionEvents> = connectRpc(
    messagePortAdapter(channel.port1 as never),
  );
  const engine = createAudioEngine({
    media: page,
    worklets: { capture: '/worklets/capture.js', playback: '/worklets/playback.js' },
    diagnostics: true,
  });
  let transport = 0;
  let spoke = false;
  let speaks = false;
  page.on('audio.levels')((levels) => {
    speaks = levels.speaking.includes(SESSION);
    spoke ||= speaks;
  });
  const closed = new Promise<string>((resolve) =>
    session.on('transport.closed')(({ reason }) => resolve(reason)),
  );
  return {
    async start({ port, certificateHash, settings, processing }) {
      await page.call('audio.configure', settings);
      const opened = await session.call('transport.connect', {
        host: '127.0.0.1',
        endpoints: [{ kind: 'quic', port }],
        certificateHashes: [Uint8Array.from(certificateHash)],
      });
      transport = opened.transport;
      await engine.start({
        inputDevice: '',
        outputDevice: '',
        echoCancellation: processing,
        browserNoiseSuppression: false,
        autoGainControl: processing,
      });
      await session.call('call.start', { transport, slot: SLOT });
      const key = crypto.getRandomValues(new Uint8Array(32));
      // The echo brings our own frames back, so we are also the far end.
      await session.call('call.setEpoch', {
        epoch: 1,
        ownKey: key,
        senders: [{ session: SESSION, slot: SLOT, key: key.slice() }],
      });
      return engine.state;
    },
    async openDevices() {
      await engine.start({
        inputDevice: '',
        outputDevice: '',
        echoCancellation: true,
        browserNoiseSuppression: false,
        autoGainControl: true,
      });
      return engine.state;
    },
    async echoControl(bytes) {
      const received: number[] = [];
      const whole = new Promise<void>((resolve) => {
        const subscription = session.on('control.received')((event) => {
          received.push(...event.bytes);
          if (received.length < bytes.length) return;
          subscription.dispose();
          resolve();
        });
      });
      await session.call('control.send', { transport, bytes: Uint8Array.from(bytes) });
      await whole;
      return received;
    },
    stats: () => page.call('media.stats', {}),
    async hear(frames) {
      for (;;) {
        const { people } = await page.call('media.stats', {});
        if ((people[0]?.received ?? 0) >= frames) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    compare(seconds) {
      const taps = engine.taps?.read();
      if (!taps) throw new Error('The engine has no taps');
      const { capture, playback } = taps;
      const quanta = Math.min(playback.stamps.length, Math.floor((seconds * 48_000) / 128));
      const { correlation, delay, windows } = compareSpeech(capture, {
        samples: playback.samples.subarray(playback.samples.length - quanta * 128),
        stamps: playback.stamps.subarray(playback.stamps.length - quanta),
      });
      return { correlation, delay, windows: windows.map((window) => window.correlation) };
    },
    wasSpeaking: () => spoke,
    async talk(pressed) {
      await page.call('audio.talk', { pressed });
    },
    async silent() {
      while (speaks) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    state: () => engine.state,
    async suspendOutput() {
      await contexts.at(-1)?.suspend();
    },
    occupyMicrophone(next) {
      busy = next;
    },
    unplugMicrophone() {
      track?.stop();
      track?.dispatchEvent(new Event('ended'));
    },
    changeDevices() {
      devices.dispatchEvent(new Event('devicechange'));
    },
    closeReason: () => closed,
  };
}

(globalThis as unknown as { mediaTrial: MediaTrial }).mediaTrial = createTrial();
