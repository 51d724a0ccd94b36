import { describe, expect, it } from 'vitest';
import type { Bytes } from '../base/bytes.ts';
import { decodeAudioPayload } from './audio-payload.ts';
import type { AudioSettings } from './media-contract.ts';
import { createNoiseSuppressor } from './noise-suppressor.ts';
import { createOpusCodec } from './opus-codec.ts';
import { rnnoiseModule, opusSimdModule } from './testing/codec-modules.ts';
import { bestCorrelation, createRandom, rms, syntheticSpeech } from './testing/synthetic-speech.ts';
import { createVoiceGate } from './voice-gate.ts';
import { BLOCK_SAMPLES, createVoiceReceiver } from './voice-receiver.ts';
import { createVoiceSender } from './voice-sender.ts';

const SETTINGS: AudioSettings = {
  mode: 'continuous',
  thresholdDb: -50,
  noiseSuppression: false,
  inputGain: 1,
  outputGain: 1,
  frameMs: 20,
  bitrate: 32_000,
};

function createSender(
  settings: AudioSettings,
  send: (payload: Bytes) => void,
  stage: (name: string) => void = () => {},
) {
  const codec = createOpusCodec(opusSimdModule);
  const gate = createVoiceGate(settings);
  const suppressor = createNoiseSuppressor(rnnoiseModule);
  const encoder = codec.createEncoder({ bitrate: settings.bitrate, expectedLossPercent: 5 });
  const sender = createVoiceSender(
    {
      gate: { ...gate, update: (level) => (stage('gate'), gate.update(level)) },
      suppressor: { ...suppressor, process: (frame) => (stage('suppressor'), suppressor.process(frame)) },
      encoder: { ...encoder, encode: (frame) => (stage('opus'), encoder.encode(frame)) },
      seal: (payload) => (stage('cipher'), payload),
      send: (datagram) => {
        stage('send');
        send(datagram);
      },
    },
    settings,
  );
  return sender;
}

/** Feeds blocks of 10 ms in real order; calls `each` after every block. */
function speak(
  sender: ReturnType<typeof createSender>,
  samples: Float32Array,
  each: (index: number) => void = () => {},
): void {
  for (let i = 0; i * BLOCK_SAMPLES + BLOCK_SAMPLES <= samples.length; i++) {
    sender.process(samples.slice(i * BLOCK_SAMPLES, (i + 1) * BLOCK_SAMPLES), i * 10, 0);
    each(i);
  }
}

describe('voice sender', () => {
  it('passes capture, gate, noise suppression, Opus and cipher in this order', () => {
    const stages: string[] = [];
    const sender = createSender(
      { ...SETTINGS, noiseSuppression: true, frameMs: 10 },
      () => {},
      (name) => stages.push(name),
    );
    sender.setEnabled(true);
    sender.process(new Float32Array(480).fill(0.1), 0, 0);
    expect(stages).toEqual(['gate', 'suppressor', 'opus', 'cipher', 'send']);
    sender.dispose();
  });

  it('sends nothing while disabled and ends a spurt with silence when it is disabled', () => {
    const sent: Bytes[] = [];
    const sender = createSender(SETTINGS, (payload) => sent.push(payload));
    const speech = syntheticSpeech(0.4);
    speak(sender, speech);
    expect(sent).toEqual([]);
    sender.setEnabled(true);
    speak(sender, speech);
    sender.setEnabled(false);
    speak(sender, speech);
    const payloads = sent.map((bytes) => decodeAudioPayload(bytes));
    expect(payloads.every(({ ok }) => ok)).toBe(true);
    const last = payloads.at(-1);
    expect(payloads.filter((one) => one.ok && one.value.endOfSpurt).length).toBe(1);
    expect(last?.ok && last.value.endOfSpurt).toBe(true);
    expect(sender.framesSent).toBe(21);
    sender.dispose();
  });

  it('is quiet when nobody speaks and marks the end of each spurt', () => {
    const ends: number[] = [];
    const times: number[] = [];
    const sender = createSender({ ...SETTINGS, mode: 'voiceActivity' }, (bytes) => {
      const parsed = decodeAudioPayload(bytes);
      if (!parsed.ok) throw new Error(parsed.error);
      times.push(parsed.value.time);
      if (parsed.value.endOfSpurt) ends.push(parsed.value.time);
    });
    sender.setEnabled(true);
    const samples = new Float32Array(3 * 48_000);
    samples.set(syntheticSpeech(0.5, 1), 24_000);
    samples.set(syntheticSpeech(0.5, 3), 96_000);
    speak(sender, samples);
    expect(ends.length).toBe(2);
    expect(times[0]).toBeGreaterThanOrEqual(48);
    expect(times[0]).toBeLessThanOrEqual(60);
    expect(times.length).toBeLessThan(85);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    sender.dispose();
  });

  it.each([10, 20] as const)('sends what was said just before the gate opened along (%i ms)', (frameMs) => {
    const spurts: { readonly time: number; readonly copies: number }[] = [];
    let inSpurt = false;
    const sender = createSender(
      { ...SETTINGS, mode: 'voiceActivity', thresholdDb: -30, frameMs },
      (bytes) => {
        const parsed = decodeAudioPayload(bytes);
        if (!parsed.ok) throw new Error(parsed.error);
        const { time, redundant, endOfSpurt } = parsed.value;
        if (!inSpurt) spurts.push({ time, copies: redundant.length });
        else expect(redundant.length).toBe(0);
        inSpurt = !endOfSpurt;
      },
    );
    sender.setEnabled(true);
    // A soft onset of 30 ms at -40 dB before what opens the gate, from block 42 on.
    const samples = new Float32Array(48_000);
    for (let i = 39 * 480; i < 60 * 480; i++)
      samples[i] = (i < 42 * 480 ? 0.01 : 0.3) * Math.SQRT2 * Math.sin((2 * Math.PI * 300 * i) / 48_000);
    speak(sender, samples);
    expect(spurts).toEqual([{ time: 42, copies: 20 / frameMs }]);
    // Nothing of before goes out after a pause of the microphone, nor in push-to-talk.
    sender.setEnabled(false);
    speak(sender, new Float32Array(4800));
    sender.configure({ ...SETTINGS, mode: 'pushToTalk', frameMs });
    sender.setEnabled(true);
    speak(sender, new Float32Array(4800).fill(0.1));
    sender.setTalking(true);
    speak(sender, new Float32Array(960).fill(0.1));
    expect(spurts.length).toBe(2);
    expect(spurts[1]?.copies).toBe(0);
    sender.dispose();
  });

  it('repeats the frame before from 3 % loss on, but never across a spurt or a change of frame size', () => {
    const counts: number[] = [];
    const durations: number[] = [];
    const sender = createSender(SETTINGS, (bytes) => {
      const parsed = decodeAudioPayload(bytes);
      if (!parsed.ok) throw new Error(parsed.error);
      counts.push(parsed.value.redundant.length);
      durations.push(parsed.value.durationMs);
    });
    sender.setEnabled(true);
    sender.setLoss(2.9);
    speak(sender, syntheticSpeech(0.1));
    sender.setLoss(3);
    speak(sender, syntheticSpeech(0.1));
    sender.setLoss(1.5);
    speak(sender, syntheticSpeech(0.1));
    sender.configure({ ...SETTINGS, frameMs: 10 });
    speak(sender, syntheticSpeech(0.05));
    sender.setLoss(0);
    speak(sender, syntheticSpeech(0.05));
    expect(counts.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
    expect(counts.slice(5, 15).every((count) => count === 1)).toBe(true);
    expect(durations[15]).toBe(10);
    expect(counts[15]).toBe(0);
    expect(counts[16]).toBe(1);
    expect(counts.at(-1)).toBe(0);
    sender.dispose();
  });
});

describe('voice from sender to receiver', () => {
  /** Plays what a sender says through a network that delays by `network(index)` ms, or loses it. */
  function call(
    speech: Float32Array,
    network: (index: number) => number | undefined,
    settings: AudioSettings = SETTINGS,
    loss = 0,
  ) {
    let now = 0;
    const receiver = createVoiceReceiver(createOpusCodec(opusSimdModule).createDecoder(), () => now);
    const wire: { readonly at: number; readonly payload: Bytes }[] = [];
    let sentIndex = 0;
    const sender = createSender(settings, (payload) => {
      const delay = network(sentIndex++);
      if (delay !== undefined) wire.push({ at: now + delay, payload });
    });
    sender.setLoss(loss);
    const heard = new Float32Array(speech.length + 48_000);
    const block = new Float32Array(BLOCK_SAMPLES);
    for (let i = 0; (i + 1) * BLOCK_SAMPLES <= heard.length; i++) {
      now = i * 10;
      // At the end the microphone is muted, which ends the spurt.
      const start = i * BLOCK_SAMPLES;
      sender.setEnabled(start + BLOCK_SAMPLES <= speech.length);
      const captured = new Float32Array(BLOCK_SAMPLES);
      captured.set(speech.subarray(start, start + BLOCK_SAMPLES));
      sender.process(captured, now, 0);
      for (let w = wire.length - 1; w >= 0; w--) {
        const message = wire[w];
        if (!message || message.at > now) continue;
        wire.splice(w, 1);
        expect(receiver.receive(message.payload)).toBeUndefined();
      }
      if (receiver.read(block)) heard.set(block, i * BLOCK_SAMPLES);
    }
    const { stats } = receiver;
    sender.dispose();
    receiver.dispose();
    return { heard, stats };
  }

  it('is the same speech on a clean network', () => {
    const speech = syntheticSpeech(4, 2);
    const { heard, stats } = call(speech, () => 10);
    // The first second is while the delay still settles.
    const match = bestCorrelation(speech.subarray(72_000, 168_000), heard.subarray(72_000, 172_800), 4800);
    expect(match.value).toBeGreaterThan(0.9);
    expect(match.lag / 48).toBeLessThan(80);
    expect(stats.lost).toBe(0);
  });

  it.each([10, 20] as const)(
    'is understandable with %i ms frames when a tenth is lost and the rest jitters',
    (frameMs) => {
      const random = createRandom(11);
      const speech = syntheticSpeech(5, 3);
      const { heard, stats } = call(
        speech,
        () => (random() < 0.1 ? undefined : random() * 20),
        { ...SETTINGS, frameMs },
        10,
      );
      const match = bestCorrelation(
        speech.subarray(144_000, 216_000),
        heard.subarray(144_000, 220_800),
        6000,
      );
      expect(stats.recovered / stats.lost).toBeGreaterThan(0.6);
      expect(match.value).toBeGreaterThan(0.75);
    },
  );

  it('plays the soft beginning of a spurt and counts nothing as lost', () => {
    const speech = new Float32Array(96_000);
    const tone = (from: number, to: number, amplitude: number): void => {
      for (let i = from; i < to; i++) speech[i] = amplitude * Math.sin((2 * Math.PI * 300 * i) / 48_000);
    };
    tone(24_000 - 960, 24_000, 0.02);
    tone(24_000, 48_000, 0.3);
    const { heard, stats } = call(speech, () => 5, { ...SETTINGS, mode: 'voiceActivity', thresholdDb: -25 });
    const loud = heard.findIndex((sample) => Math.abs(sample) > 0.15);
    // Opus needs some milliseconds to begin; the rest of the 20 ms before is there.
    expect(rms(heard.subarray(loud - 600, loud - 120))).toBeGreaterThan(0.005);
    expect(stats).toMatchObject({ lost: 0, recovered: 0, late: 0 });
  });

  it('is silent for payloads that are no audio, and says why', () => {
    const receiver = createVoiceReceiver(createOpusCodec(opusSimdModule).createDecoder(), () => 0);
    expect(receiver.receive(Uint8Array.of(1, 2, 3))).toMatch(/^audio payload/);
    expect(receiver.read(new Float32Array(480))).toBe(false);
    expect(receiver.speaking).toBe(false);
    receiver.dispose();
  });

  it('keeps loudness', () => {
    const speech = syntheticSpeech(3, 2);
    const { heard } = call(speech, () => 0);
    expect(rms(heard.subarray(48_000, 140_000)) / rms(speech.subarray(48_000, 140_000))).toBeGreaterThan(0.8);
  });
});
