import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/async.ts';
import { randomBytes } from '../../base/bytes.ts';
import { createDisposableStore } from '../../base/disposable.ts';
import { allocateAudioRing, openAudioRing } from '../../media/audio-ring.ts';
import type { AudioSettings, EpochKeys } from '../../media/media-contract.ts';
import { createNoiseSuppressor } from '../../media/noise-suppressor.ts';
import { createOpusCodec } from '../../media/opus-codec.ts';
import { opusSimdModule, rnnoiseModule } from '../../media/testing/codec-modules.ts';
import { rms, syntheticSpeech } from '../../media/testing/synthetic-speech.ts';
import { createMediaEngine, type MediaEngine } from './media-engine.ts';
import { createLoopbackRelay, type LoopbackRelay } from './testing/loopback-transport.ts';

const TARGET = {
  host: 'relay.example',
  endpoints: [{ kind: 'quic', port: 1 }],
  certificateHashes: [],
} as const;
const SETTINGS: AudioSettings = {
  mode: 'continuous',
  thresholdDb: -50,
  noiseSuppression: false,
  inputGain: 1,
  outputGain: 1,
  frameMs: 20,
  bitrate: 32_000,
};

const store = createDisposableStore();
afterEach(() => store.clear());

/** An engine with rings and a transport; the test is its audio device and its session worker. */
async function join(relay: LoopbackRelay) {
  const engine: MediaEngine = store.add(
    createMediaEngine({
      openers: { quic: relay.open },
      codec: createOpusCodec(opusSimdModule),
      suppressor: createNoiseSuppressor(rnnoiseModule),
      clock: systemClock,
    }),
  );
  const capture = allocateAudioRing(48_000);
  const playback = allocateAudioRing(48_000);
  await engine.page['audio.configure'](SETTINGS);
  await engine.page['audio.attach']({ capture, playback });
  const { transport } = await engine.session['transport.connect'](TARGET);
  return { engine, transport, microphone: openAudioRing(capture), loudspeaker: openAudioRing(playback) };
}

function epochFor(epoch: number, own: number, keys: ReadonlyMap<number, Uint8Array<ArrayBuffer>>): EpochKeys {
  return {
    epoch,
    ownKey: new Uint8Array(keys.get(own) as Uint8Array),
    senders: [...keys]
      .filter(([session]) => session !== own)
      .map(([session, key]) => ({ session, slot: session, key: new Uint8Array(key) })),
  };
}

async function until(isMet: () => boolean): Promise<void> {
  while (!isMet()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('media engine', () => {
  it('carries speech from one engine to another, encrypted on the way, also through a rekey', async () => {
    const relay = createLoopbackRelay();
    const alice = await join(relay);
    const bob = await join(relay);
    await alice.engine.session['call.start']({ transport: alice.transport, slot: 1 });
    await bob.engine.session['call.start']({ transport: bob.transport, slot: 2 });
    const rekey = async (epoch: number): Promise<void> => {
      const keys = new Map([
        [1, randomBytes(32)],
        [2, randomBytes(32)],
      ]);
      await bob.engine.session['call.setEpoch'](epochFor(epoch, 2, keys));
      await alice.engine.session['call.setEpoch'](epochFor(epoch, 1, keys));
    };
    await rekey(1);
    let bobHearsAlice = false;
    store.add(bob.engine.onLevels(({ speaking }) => (bobHearsAlice ||= speaking.includes(1))));

    const speech = syntheticSpeech(2, 2);
    const heard: Float32Array[] = [];
    const quantum = new Float32Array(128);
    for (let i = 0; (i + 1) * 480 <= speech.length; i++) {
      if (i === 100) await rekey(2);
      alice.microphone.write(speech.slice(i * 480, (i + 1) * 480));
      await until(() => alice.microphone.available() === 0);
      // Bob's device takes 10 ms for every 10 ms that Alice's gives.
      for (let taken = 0; taken < 480; taken += 128) {
        await until(() => bob.loudspeaker.available() >= 128);
        bob.loudspeaker.read(quantum);
        heard.push(quantum.slice());
      }
    }
    const all = new Float32Array(heard.length * 128);
    heard.forEach((part, index) => all.set(part, index * 128));
    const stats = bob.engine.page['media.stats']({});
    expect((await stats).framesReceived).toBeGreaterThan(90);
    expect((await stats).rejected).toBe(0);
    expect(rms(all) / rms(speech)).toBeGreaterThan(0.3);
    await until(() => bobHearsAlice);
    // Nothing of the audio is readable on the way: every datagram is header and ciphertext.
    for (const datagram of relay.datagrams) expect(datagram[0]).toBe(1);
  });

  it('sends nothing before there are keys, when muted, or after the call', async () => {
    const relay = createLoopbackRelay();
    const { engine, transport, microphone } = await join(relay);
    const speak = async (): Promise<number> => {
      const before = relay.datagrams.length;
      for (let i = 0; i < 8; i++) {
        microphone.write(new Float32Array(480).fill(0.1));
        await until(() => microphone.available() === 0);
      }
      return relay.datagrams.length - before;
    };
    expect(await speak()).toBe(0);
    await engine.session['call.start']({ transport, slot: 1 });
    expect(await speak()).toBe(0);
    await engine.session['call.setEpoch']({ epoch: 1, ownKey: randomBytes(32), senders: [] });
    expect(await speak()).toBeGreaterThan(2);
    await engine.session['call.setTransmission']({ muted: true, deafened: false });
    // One silent frame ends the spurt.
    expect(await speak()).toBeLessThanOrEqual(1);
    expect(await speak()).toBe(0);
    await engine.session['call.setTransmission']({ muted: false, deafened: false });
    expect(await speak()).toBeGreaterThan(2);
    await engine.session['call.stop']({});
    expect(await speak()).toBe(0);
    expect(() => engine.session['call.setEpoch']({ epoch: 2, ownKey: randomBytes(32), senders: [] })).toThrow(
      expect.objectContaining({ code: 'no_call' }),
    );
  });

  it('counts frames of an epoch it was not in apart from rejected ones', async () => {
    const relay = createLoopbackRelay();
    const alice = await join(relay);
    const bob = await join(relay);
    await alice.engine.session['call.start']({ transport: alice.transport, slot: 1 });
    await bob.engine.session['call.start']({ transport: bob.transport, slot: 2 });
    const keys = new Map([
      [1, randomBytes(32)],
      [2, randomBytes(32)],
    ]);
    const stats = async () => bob.engine.page['media.stats']({});
    const speak = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) {
        alice.microphone.write(new Float32Array(480).fill(0.1));
        await until(() => alice.microphone.available() === 0);
      }
    };
    await alice.engine.session['call.setEpoch'](epochFor(1, 1, keys));
    await speak();
    expect(await stats()).toMatchObject({ framesReceived: 0, rejected: 0, otherEpoch: 5 });
    await bob.engine.session['call.setEpoch'](epochFor(1, 2, keys));
    await speak();
    expect(await stats()).toMatchObject({ framesReceived: 5, rejected: 0, otherEpoch: 5 });
    // A member of the epoch whose key is not the one of its frames.
    keys.set(1, randomBytes(32));
    await bob.engine.session['call.setEpoch'](epochFor(2, 2, keys));
    keys.set(1, randomBytes(32));
    await alice.engine.session['call.setEpoch'](epochFor(2, 1, keys));
    await speak();
    expect(await stats()).toMatchObject({ framesReceived: 5, rejected: 5, otherEpoch: 5 });
  });

  it('loses no frame to an epoch that another member enters first', async () => {
    const relay = createLoopbackRelay();
    const alice = await join(relay);
    const bob = await join(relay);
    await alice.engine.session['call.start']({ transport: alice.transport, slot: 1 });
    await bob.engine.session['call.start']({ transport: bob.transport, slot: 2 });
    const speak = async (): Promise<void> => {
      for (let i = 0; i < 6; i++) {
        alice.microphone.write(new Float32Array(480).fill(0.1));
        await until(() => alice.microphone.available() === 0);
      }
    };
    for (let epoch = 1; epoch <= 20; epoch++) {
      const keys = new Map([
        [1, randomBytes(32)],
        [2, randomBytes(32)],
      ]);
      await alice.engine.session['call.setEpoch'](epochFor(epoch, 1, keys));
      if (epoch > 1) await speak();
      await bob.engine.session['call.setEpoch'](epochFor(epoch, 2, keys));
    }
    expect(await bob.engine.page['media.stats']({})).toMatchObject({
      framesReceived: 19 * 3,
      rejected: 0,
      otherEpoch: 0,
      jitterMs: 0,
    });
  });

  it('keeps one transport, passes control bytes and tells once that it is gone', async () => {
    const relay = createLoopbackRelay();
    const { engine, transport } = await join(relay);
    const control: number[] = [];
    const closed: string[] = [];
    store.add(engine.onControl(({ transport: id, bytes }) => control.push(id, ...bytes)));
    store.add(engine.onTransportClosed(({ transport: id, reason }) => closed.push(`${id} ${reason}`)));
    await engine.session['control.send']({ transport, bytes: Uint8Array.of(1, 2) });
    expect(relay.control).toEqual([Uint8Array.of(1, 2)]);
    relay.sendControl(Uint8Array.of(7));
    expect(control).toEqual([transport, 7]);

    const second = await engine.session['transport.connect'](TARGET);
    expect(second.transport).not.toBe(transport);
    expect(relay.size).toBe(1);
    expect(closed).toEqual([]);
    await expect(
      engine.session['control.send']({ transport, bytes: Uint8Array.of(1) }),
    ).rejects.toMatchObject({
      code: 'transport_closed',
    });
    relay.drop('failed');
    relay.drop('failed');
    expect(closed).toEqual([`${second.transport} failed`]);
    expect(() => engine.session['call.start']({ transport: second.transport, slot: 1 })).toThrow();
  });

  it('shows the level of the microphone outside of calls, too', async () => {
    const relay = createLoopbackRelay();
    const { engine, microphone } = await join(relay);
    let loudest = -100;
    store.add(
      engine.onLevels(({ inputDb, transmitting }) => {
        loudest = Math.max(loudest, inputDb);
        expect(transmitting).toBe(false);
      }),
    );
    while (loudest < -21) {
      microphone.write(new Float32Array(480).fill(0.1));
      await until(() => microphone.available() === 0);
    }
    expect(loudest).toBeCloseTo(-20, 0);
  });
});
