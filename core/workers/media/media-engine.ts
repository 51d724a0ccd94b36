import type { Clock } from '../../base/async.ts';
import { CodedError } from '../../base/coded-error.ts';
import { createDisposableStore, type Disposable, type DisposableStore } from '../../base/disposable.ts';
import { createEmitter, type Event } from '../../base/event.ts';
import type { RpcHandlers } from '../../base/rpc/rpc.ts';
import { createLevelMeter, SILENCE_DB } from '../../media/level-meter.ts';
import type {
  AudioLevels,
  AudioSettings,
  MediaPageMethods,
  MediaSessionEvents,
  MediaSessionMethods,
  MediaStats,
} from '../../media/media-contract.ts';
import type { NoiseSuppressor } from '../../media/noise-suppressor.ts';
import type { OpusCodec } from '../../media/opus-codec.ts';
import { createVoiceGate } from '../../media/voice-gate.ts';
import { createVoiceSender } from '../../media/voice-sender.ts';
import { DATAGRAM_KIND } from '../../protocol/media-datagram.ts';
import { createPlaybackLoop, startCaptureLoop, type PlaybackLoop } from './audio-loops.ts';
import { createCallMedia, type CallMedia } from './call-media.ts';
import { connectTransport, type TransportOpeners } from './connect-transport.ts';
import { createRoundTripMonitor, type RoundTripMonitor } from './round-trip-monitor.ts';
import type { Transport } from './transport.ts';
import { warmUpCipher } from './warm-up.ts';

/** The media worker without its ports: the transport, the call and the audio loops. */
export interface MediaEngine extends Disposable {
  readonly page: RpcHandlers<MediaPageMethods>;
  readonly session: RpcHandlers<MediaSessionMethods>;
  readonly onLevels: Event<AudioLevels>;
  readonly onStats: Event<MediaStats>;
  readonly onControl: Event<MediaSessionEvents['control.received']>;
  readonly onTransportClosed: Event<MediaSessionEvents['transport.closed']>;
}

/** In force until the page configures otherwise. */
export const DEFAULT_AUDIO_SETTINGS: AudioSettings = {
  mode: 'voiceActivity',
  thresholdDb: -50,
  noiseSuppression: true,
  inputGain: 1,
  outputGain: 1,
  frameMs: 20,
  bitrate: 32_000,
};

const LEVELS_INTERVAL_MS = 50;
const STATS_INTERVAL_MS = 1000;
/** Loss is stated over this many statistics intervals. */
const LOSS_INTERVALS = 10;
/** The first cold frame costs 13 to 47 ms (measured): codec and cipher are run in beforehand. */
const WARM_UP_FRAMES = 40;

interface OpenConnection {
  readonly id: number;
  readonly transport: Transport;
  readonly monitor: RoundTripMonitor;
  readonly store: DisposableStore;
}

interface RunningCall {
  readonly connection: OpenConnection;
  readonly media: CallMedia;
}

/** Makes an engine with nothing connected. It owns codec state and warms it up. */
export function createMediaEngine(options: {
  readonly openers: TransportOpeners;
  readonly codec: OpusCodec;
  readonly suppressor: NoiseSuppressor;
  readonly clock: Clock;
}): MediaEngine {
  const { openers, codec, suppressor, clock } = options;
  const store = createDisposableStore();
  const levels = store.add(createEmitter<AudioLevels>());
  const statistics = store.add(createEmitter<MediaStats>());
  const control = store.add(createEmitter<MediaSessionEvents['control.received']>());
  const transportClosed = store.add(createEmitter<MediaSessionEvents['transport.closed']>());

  let settings = DEFAULT_AUDIO_SETTINGS;
  let nextTransport = 1;
  let attempt: AbortController | undefined;
  let connection: OpenConnection | undefined;
  let call: RunningCall | undefined;
  let muted = false;
  let deafened = false;
  const volumes = new Map<number, number>();
  const audio = store.add(createDisposableStore());
  let playback: PlaybackLoop | undefined;

  const inputMeter = createLevelMeter();
  let transmitting = false;
  let lastLevels: AudioLevels | undefined;

  let datagramsSent = 0;
  let datagramsReceived = 0;
  let framesSentBefore = 0;
  let bytesIn = 0;
  let bytesOut = 0;
  let kbpsIn = 0;
  let kbpsOut = 0;
  let lossHistory: readonly { readonly received: number; readonly lost: number }[] = [];

  const sendDatagram = (datagram: Uint8Array<ArrayBuffer>): void => {
    if (!connection?.transport.sendDatagram(datagram)) return;
    datagramsSent += 1;
    bytesOut += datagram.length;
  };
  const sender = store.add(
    createVoiceSender(
      {
        gate: createVoiceGate(settings),
        suppressor,
        encoder: codec.createEncoder({ bitrate: settings.bitrate, expectedLossPercent: 5 }),
        seal: (payload) => call?.media.seal(payload),
        send: sendDatagram,
      },
      settings,
    ),
  );
  sender.warmUp(WARM_UP_FRAMES);
  warmUpCipher(WARM_UP_FRAMES, clock);

  const applyTransmission = (): void => {
    sender.setEnabled(call !== undefined && !muted && !deafened);
    playback?.setActive(call !== undefined && !deafened);
  };
  const stopCall = (): void => {
    if (!call) return;
    const { media, connection: over } = call;
    call = undefined;
    over.monitor.setInCall(false);
    applyTransmission();
    media.dispose();
  };
  const closeConnection = (): void => {
    const closing = connection;
    if (!closing) return;
    if (call?.connection === closing) stopCall();
    connection = undefined;
    closing.store.dispose();
  };
  const requireConnection = (id: number): OpenConnection => {
    if (connection?.id !== id)
      throw new CodedError('transport_closed', 'The connection to the server is gone');
    return connection;
  };
  const handleDatagram = (monitor: RoundTripMonitor, datagram: Uint8Array): void => {
    datagramsReceived += 1;
    bytesIn += datagram.length;
    monitor.signOfLife();
    if (((datagram[0] ?? 0) & 0x0f) === DATAGRAM_KIND.echo) monitor.handle(datagram);
    else if (!deafened) call?.media.receive(datagram);
  };

  const currentLoss = (): { readonly received: number; readonly lost: number } => {
    const counters = call?.media.counters;
    return { received: counters?.framesReceived ?? 0, lost: counters?.lost ?? 0 };
  };
  const lossPercent = (): number => {
    const now = currentLoss();
    const before = lossHistory[0] ?? { received: 0, lost: 0 };
    const lost = Math.max(0, now.lost - before.lost);
    const probes = connection?.monitor.window ?? { sent: 0, lost: 0 };
    const total = Math.max(0, now.received - before.received) + lost + probes.sent;
    return total === 0 ? 0 : (100 * (lost + probes.lost)) / total;
  };
  const stats = (): MediaStats => {
    const counters = call?.media.counters;
    return {
      rttMs: connection?.monitor.rttMs ?? null,
      lossPercent: lossPercent(),
      jitterMs: counters?.jitterMs ?? 0,
      framesSent: sender.framesSent - framesSentBefore,
      framesReceived: counters?.framesReceived ?? 0,
      datagramsSent,
      datagramsReceived,
      rejected: counters?.rejected ?? 0,
      otherEpoch: counters?.otherEpoch ?? 0,
      kbpsIn,
      kbpsOut,
      people: call?.media.people() ?? [],
    };
  };

  const everySecond = (): void => {
    kbpsIn = (bytesIn * 8) / STATS_INTERVAL_MS;
    kbpsOut = (bytesOut * 8) / STATS_INTERVAL_MS;
    bytesIn = 0;
    bytesOut = 0;
    lossHistory = [...lossHistory, currentLoss()].slice(-LOSS_INTERVALS);
    sender.setLoss(connection?.monitor.lossPercent ?? 0);
    if (connection) statistics.fire(stats());
  };
  const fireLevels = (): void => {
    const next: AudioLevels = {
      inputDb: Math.round(inputMeter.db * 10) / 10,
      transmitting,
      speaking: call?.media.speaking() ?? [],
    };
    const same =
      lastLevels?.inputDb === next.inputDb &&
      lastLevels.transmitting === next.transmitting &&
      lastLevels.speaking.length === next.speaking.length &&
      lastLevels.speaking.every((session, index) => session === next.speaking[index]);
    if (same) return;
    lastLevels = next;
    levels.fire(next);
  };
  const repeat = (milliseconds: number, run: () => void): Disposable => {
    let timer = clock.setTimer(milliseconds, tick);
    function tick(): void {
      timer = clock.setTimer(milliseconds, tick);
      run();
    }
    return { dispose: () => timer.dispose() };
  };
  store.add(repeat(STATS_INTERVAL_MS, everySecond));
  store.add(repeat(LEVELS_INTERVAL_MS, fireLevels));

  return {
    onLevels: levels.event,
    onStats: statistics.event,
    onControl: control.event,
    onTransportClosed: transportClosed.event,
    page: {
      'audio.attach'({ capture, playback: playbackMemory }) {
        audio.clear();
        playback = audio.add(
          createPlaybackLoop(playbackMemory, (block) => {
            if (call) call.media.mix(block);
            else block.fill(0);
          }),
        );
        audio.add(
          startCaptureLoop(capture, (block, backlogMs) => {
            const sent = sender.process(block, clock.now(), backlogMs);
            inputMeter.update(sent.levelDb);
            transmitting = sent.transmitting;
          }),
        );
        applyTransmission();
        return null;
      },
      'audio.detach'() {
        audio.clear();
        playback = undefined;
        transmitting = false;
        while (inputMeter.db > SILENCE_DB) inputMeter.update(SILENCE_DB);
        return null;
      },
      'audio.configure'(next) {
        settings = next;
        sender.configure(next);
        call?.media.setOutputGain(next.outputGain);
        return null;
      },
      'audio.talk'({ pressed }) {
        sender.setTalking(pressed);
        return null;
      },
      'media.stats': () => stats(),
    },
    session: {
      async 'transport.connect'(target) {
        attempt?.abort();
        closeConnection();
        const mine = new AbortController();
        attempt = mine;
        const transport = await connectTransport(openers, target, clock, mine.signal);
        if (mine.signal.aborted) {
          transport.close();
          throw new CodedError('aborted', 'Another connection was asked for');
        }
        attempt = undefined;
        const id = nextTransport++;
        const open = createDisposableStore();
        open.add({ dispose: () => transport.close() });
        const lost = (reason: MediaSessionEvents['transport.closed']['reason']): void => {
          if (connection?.id !== id) return;
          closeConnection();
          transportClosed.fire({ transport: id, reason });
        };
        const monitor = open.add(
          createRoundTripMonitor(
            clock,
            (probe) => transport.sendDatagram(probe),
            () => lost('unresponsive'),
          ),
        );
        open.add(transport.onControl((bytes) => control.fire({ transport: id, bytes })));
        open.add(transport.onDatagram((datagram) => handleDatagram(monitor, datagram)));
        open.add(transport.onClose(lost));
        connection = { id, transport, monitor, store: open };
        return { transport: id, kind: transport.kind };
      },
      async 'transport.probeQuic'(target) {
        if (!openers.quic) return false;
        try {
          const probe = await connectTransport(
            { quic: openers.quic },
            target,
            clock,
            new AbortController().signal,
          );
          probe.close();
          return true;
        } catch {
          return false;
        }
      },
      'transport.close'({ transport }) {
        if (connection?.id === transport) closeConnection();
        return null;
      },
      async 'control.send'({ transport, bytes }) {
        await requireConnection(transport).transport.sendControl(bytes);
        return null;
      },
      'call.start'({ transport, slot }) {
        const owner = requireConnection(transport);
        stopCall();
        framesSentBefore = sender.framesSent;
        datagramsSent = 0;
        datagramsReceived = 0;
        lossHistory = [];
        call = {
          connection: owner,
          media: createCallMedia({ slot, codec, clock, volumes, outputGain: settings.outputGain }),
        };
        owner.monitor.setInCall(true);
        applyTransmission();
        return null;
      },
      'call.stop'() {
        stopCall();
        return null;
      },
      'call.setEpoch'(keys) {
        if (!call) throw new CodedError('no_call', 'Frame keys came while no call is on');
        call.media.setEpoch(keys);
        return null;
      },
      'call.setTransmission'(next) {
        ({ muted, deafened } = next);
        applyTransmission();
        return null;
      },
      'call.setVolume'({ session, gain }) {
        volumes.set(session, gain);
        call?.media.setVolume(session, gain);
        return null;
      },
    },
    dispose() {
      attempt?.abort();
      closeConnection();
      store.dispose();
    },
  };
}
