import type { Bytes } from '../base/bytes.ts';
import type { Disposable } from '../base/disposable.ts';
import { encodeAudioPayload, MAX_REDUNDANT_FRAMES } from './audio-payload.ts';
import { levelDb } from './level-meter.ts';
import { createMediaClock } from './media-clock.ts';
import type { AudioSettings } from './media-contract.ts';
import type { NoiseSuppressor } from './noise-suppressor.ts';
import { SAMPLES_PER_MS, type OpusEncoder } from './opus-codec.ts';
import type { VoiceGate } from './voice-gate.ts';

/** The stages between the capture ring and the transport, in the order a block passes them. */
export interface VoiceSenderStages {
  readonly gate: VoiceGate;
  readonly suppressor: NoiseSuppressor;
  readonly encoder: OpusEncoder;
  /** The frame cipher; `undefined` while there are no keys. */
  readonly seal: (payload: Bytes) => Bytes | undefined;
  readonly send: (datagram: Bytes) => void;
}

/** What becomes of a block. */
export interface SentBlock {
  /** Level after gain, dB. */
  readonly levelDb: number;
  /** The gate is open and the block goes out. */
  readonly transmitting: boolean;
}

/** Turns captured blocks of 10 ms into sealed datagrams: gate, RNNoise, Opus, cipher. */
export interface VoiceSender extends Disposable {
  configure(settings: AudioSettings): void;
  /** Nothing is sent while false, be it for mute or for no call. */
  setEnabled(enabled: boolean): void;
  setTalking(pressed: boolean): void;
  /** Loss on the way, percent: decides FEC and redundancy. */
  setLoss(percent: number): void;
  /** Takes the next 480 samples, which it may change. `backlogMs` is captured audio not yet processed. */
  process(block: Float32Array, nowMs: number, backlogMs: number): SentBlock;
  /** Runs `frames` frames of noise through codec and suppressor, so that the first real one is not slow. */
  warmUp(frames: number): void;
  readonly framesSent: number;
}

/** From this much loss on each packet repeats the frame before (protocol.md §6). */
const REDUNDANCY_FROM_PERCENT = 3;
const REDUNDANCY_UNTIL_PERCENT = 1;
/** In-band FEC is always on; @evan/opus' encoder pays for a higher setting when nothing is lost. */
const EXPECTED_LOSS_CLEAN = 5;
const EXPECTED_LOSS_LOSSY = 10;
/** Below 32 kbit/s libopus makes no FEC at 5 %. */
const FEC_BITRATE = 32_000;

/**
 * What was said just before the gate opened goes along with the first frame of a spurt as redundant copies, so
 * that soft onsets are not cut: this long, besides what the first frame itself has of it. As copies they do not
 * look like packets that took long to come.
 */
const PRE_ROLL_MS = 20;

/** Makes a sender that is disabled. It owns the encoder and the suppressor. */
export function createVoiceSender(stages: VoiceSenderStages, initial: AudioSettings): VoiceSender {
  const { gate, suppressor, encoder, seal, send } = stages;
  const clock = createMediaClock();
  let settings = initial;
  let enabled = false;
  let redundancy = 0;
  let inSpurt = false;
  let framesSent = 0;
  let frame = new Float32Array(settings.frameMs * SAMPLES_PER_MS);
  let filled = 0;
  let frameTime = 0;
  let frameOpen = false;
  let recent: readonly Bytes[] = [];
  /** Whole frames the gate kept back, oldest first. */
  let preRoll: readonly { readonly time: number; readonly samples: Float32Array }[] = [];

  const configureEncoder = (): void => {
    const lossy = redundancy > 0 || settings.bitrate < FEC_BITRATE;
    encoder.configure({
      bitrate: settings.bitrate,
      expectedLossPercent: lossy ? EXPECTED_LOSS_LOSSY : EXPECTED_LOSS_CLEAN,
    });
  };
  const dropFrame = (): void => {
    filled = 0;
    frameOpen = false;
    const samples = settings.frameMs * SAMPLES_PER_MS;
    if (frame.length !== samples) frame = new Float32Array(samples);
  };
  const frameUnits = (): number => settings.frameMs / 10;
  const holdFrame = (): void => {
    // Push-to-talk means what it says, and continuous sending has nothing before.
    const kept = settings.mode === 'voiceActivity' && enabled ? PRE_ROLL_MS / settings.frameMs : 0;
    preRoll = kept === 0 ? [] : [...preRoll, { time: frameTime, samples: frame.slice() }].slice(-kept);
  };
  /** Encodes the held frames that end where the first frame begins. */
  const encodePreRoll = (): void => {
    const last = preRoll.length;
    for (const [index, { time, samples }] of preRoll.entries())
      if (time === (frameTime - (last - index) * frameUnits()) >>> 0)
        recent = [encoder.encode(samples), ...recent];
    preRoll = [];
  };
  const sendFrame = (endOfSpurt: boolean): void => {
    let copies = redundancy;
    if (!inSpurt) {
      encoder.reset();
      recent = [];
      encodePreRoll();
      copies = recent.length;
      inSpurt = true;
    }
    const packet = encoder.encode(frame);
    const redundant = recent.slice(0, copies);
    const datagram = seal(
      encodeAudioPayload({ time: frameTime, durationMs: settings.frameMs, endOfSpurt, packet, redundant }),
    );
    recent = [packet, ...recent].slice(0, MAX_REDUNDANT_FRAMES);
    if (endOfSpurt) inSpurt = false;
    if (!datagram) return;
    framesSent += 1;
    send(datagram);
  };
  configureEncoder();

  return {
    configure(next) {
      const sameFrames = next.frameMs === settings.frameMs;
      settings = next;
      gate.configure(next);
      configureEncoder();
      if (next.mode !== 'voiceActivity') preRoll = [];
      if (sameFrames) return;
      // Redundant copies must have the duration of the frame that carries them.
      recent = [];
      preRoll = [];
      dropFrame();
    },
    setEnabled(next) {
      enabled = next;
      if (!enabled) preRoll = [];
    },
    setTalking: (pressed) => gate.setTalking(pressed),
    setLoss(percent) {
      const next =
        percent >= REDUNDANCY_FROM_PERCENT ? 1 : percent < REDUNDANCY_UNTIL_PERCENT ? 0 : redundancy;
      if (next === redundancy) return;
      redundancy = next;
      configureEncoder();
    },
    process(block, nowMs, backlogMs) {
      const { inputGain } = settings;
      if (inputGain !== 1)
        for (let i = 0; i < block.length; i++)
          block[i] = Math.min(1, Math.max(-1, (block[i] as number) * inputGain));
      const level = levelDb(block);
      const time = clock.next(nowMs, backlogMs, !inSpurt) >>> 0;
      const open = gate.update(level) && enabled;
      // Muting in the middle of a spurt ends it with silence, not with what was said after the click.
      if (!enabled) block.fill(0);
      // The suppressor also hears what is not sent: its estimate of the noise is ready when speech begins.
      if (settings.noiseSuppression && enabled) suppressor.process(block);
      // A jump of the media clock inside a frame: its first half belongs to another time.
      if (filled > 0 && time !== (frameTime + filled / block.length) >>> 0) dropFrame();
      if (filled === 0) frameTime = time;
      frame.set(block, filled);
      filled += block.length;
      frameOpen ||= open;
      if (filled === frame.length) {
        if (frameOpen || inSpurt) sendFrame(!open);
        else holdFrame();
        dropFrame();
      }
      return { levelDb: level, transmitting: open };
    },
    warmUp(frames) {
      const noise = new Float32Array(frame.length);
      for (let n = 0; n < frames; n++) {
        for (let i = 0; i < noise.length; i++) noise[i] = (Math.random() - 0.5) * 0.1;
        suppressor.process(noise.subarray(0, 480));
        encoder.encode(noise);
      }
      encoder.reset();
    },
    get framesSent() {
      return framesSent;
    },
    dispose() {
      encoder.dispose();
      suppressor.dispose();
    },
  };
}
