import type { Clock } from '../../base/async.ts';
import { CodedError } from '../../base/coded-error.ts';
import { wipe, type Bytes } from '../../base/bytes.ts';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import { createFrameKeyring } from '../../crypto/keyring.ts';
import type { EpochKeys, PersonMediaStats } from '../../media/media-contract.ts';
import { createMixer, type MixerInput } from '../../media/mixer.ts';
import type { OpusCodec } from '../../media/opus-codec.ts';
import { createVoiceReceiver, MIX_SAMPLES, type VoiceReceiver } from '../../media/voice-receiver.ts';
import { DATAGRAM_KIND, forEachBundled, readMediaHeader } from '../../protocol/media-datagram.ts';

/** Frames and datagrams of a call since it began. */
export interface CallCounters {
  readonly framesReceived: number;
  /** Datagrams that were not from a member of the call, or not intact, or came twice. */
  readonly rejected: number;
  /** Datagrams of an epoch there are no keys for. */
  readonly otherEpoch: number;
  readonly lost: number;
  /** Largest interarrival jitter of the people heard, ms. */
  readonly jitterMs: number;
}

/** The voices and the keys of one call. */
export interface CallMedia extends Disposable {
  setEpoch(keys: EpochKeys): void;
  /** `undefined` while there are no keys or they are used up. */
  seal(payload: Bytes): Bytes | undefined;
  /** Takes a media datagram or a bundle of them. */
  receive(datagram: Uint8Array): void;
  /** Writes the next 2.5 ms of everybody. */
  mix(target: Float32Array): void;
  setVolume(session: number, gain: number): void;
  setOutputGain(gain: number): void;
  speaking(): readonly number[];
  people(): readonly PersonMediaStats[];
  readonly counters: CallCounters;
}

/**
 * A member who has applied a commit already sends under keys that are still on their way to us: such datagrams
 * are kept this long (ms) and this many of them, so that a new epoch costs no frame.
 */
const HOLD_MS = 300;
const MAX_HELD = 256;

interface Person {
  readonly receiver: VoiceReceiver;
  readonly block: Float32Array;
}

/** Starts a call as the holder of `slot`. `volumes` are the gains chosen so far. */
export function createCallMedia(options: {
  readonly slot: number;
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly volumes: ReadonlyMap<number, number>;
  readonly outputGain: number;
}): CallMedia {
  const { slot, codec, clock } = options;
  const keyring = createFrameKeyring(clock);
  const volumes = new Map(options.volumes);
  const mixer = createMixer();
  mixer.setOutputGain(options.outputGain);
  let members: ReadonlySet<number> = new Set();
  const people = new Map<number, Person>();
  let malformed = 0;
  let held: readonly { readonly at: number; readonly datagram: Uint8Array }[] = [];
  let released = 0;

  const personOf = (session: number): Person => {
    let person = people.get(session);
    if (!person) {
      person = {
        receiver: createVoiceReceiver(codec.createDecoder(), () => clock.now()),
        block: new Float32Array(MIX_SAMPLES),
      };
      people.set(session, person);
    }
    return person;
  };
  const receiveOne = (datagram: Uint8Array, wasHeld = false): void => {
    const opened = keyring.open(datagram);
    // Before the first epoch there is nothing that a frame could be the continuation of.
    if (opened.status === 'unknownEpoch' && keyring.epoch !== undefined && held.length < MAX_HELD) {
      const now = clock.now();
      held = [...held.filter(({ at }) => now - at < HOLD_MS), { at: now, datagram: datagram.slice() }];
    }
    // A straggler of the epoch before may come from somebody who has left: nobody plays it.
    if (opened.status !== 'opened' || !members.has(opened.session)) return;
    if (personOf(opened.session).receiver.receive(opened.payload, wasHeld) !== undefined) malformed += 1;
  };
  const releaseHeld = (epoch: number): void => {
    const waiting = held;
    const now = clock.now();
    held = waiting.filter(({ datagram }) => readMediaHeader(datagram)?.epoch !== (epoch & 0xff));
    for (const { at, datagram } of waiting) {
      if (now - at >= HOLD_MS || readMediaHeader(datagram)?.epoch !== (epoch & 0xff)) continue;
      released += 1;
      receiveOne(datagram, true);
    }
  };
  const lifetime = toDisposable(() => {
    keyring.clear();
    held = [];
    for (const person of people.values()) person.receiver.dispose();
    people.clear();
  });

  return {
    setEpoch(keys) {
      keyring.setEpoch({ ...keys, slot });
      wipe(keys.ownKey, ...keys.senders.map((sender) => sender.key));
      members = new Set(keys.senders.map((sender) => sender.session));
      for (const [session, person] of people) {
        if (members.has(session)) continue;
        person.receiver.dispose();
        people.delete(session);
      }
      releaseHeld(keys.epoch);
    },
    seal(payload) {
      try {
        return keyring.seal(payload);
      } catch (error) {
        // Used-up keys: silence until the next epoch, never a frame that is less protected.
        if (error instanceof CodedError) return undefined;
        throw error;
      }
    },
    receive(datagram) {
      if (((datagram[0] ?? 0) & 0x0f) === DATAGRAM_KIND.bundle)
        forEachBundled(datagram, (each) => receiveOne(each));
      else receiveOne(datagram);
    },
    mix(target) {
      const inputs: MixerInput[] = [];
      for (const [session, { receiver, block }] of people)
        if (receiver.read(block)) inputs.push({ samples: block, gain: volumes.get(session) ?? 1 });
      mixer.mix(inputs, target);
    },
    setVolume(session, gain) {
      volumes.set(session, gain);
    },
    setOutputGain: (gain) => mixer.setOutputGain(gain),
    speaking() {
      const sessions: number[] = [];
      for (const [session, { receiver }] of people) if (receiver.speaking) sessions.push(session);
      return sessions;
    },
    people() {
      return [...people].map(([session, { receiver }]) => {
        const { received, lost, recovered, concealed, late, delayMs } = receiver.stats;
        return {
          session,
          received,
          lost,
          recoveredByFec: recovered,
          concealed,
          late,
          playoutDelayMs: delayMs,
        };
      });
    },
    get counters() {
      let framesReceived = 0;
      let lost = 0;
      let jitterMs = 0;
      for (const { receiver } of people.values()) {
        const { stats } = receiver;
        framesReceived += stats.received;
        lost += stats.lost;
        jitterMs = Math.max(jitterMs, stats.jitterMs);
      }
      const {
        forged,
        replayed,
        uncommitted,
        unknownEpoch,
        unknownSender,
        malformed: unreadable,
      } = keyring.counters;
      return {
        framesReceived,
        rejected: forged + replayed + uncommitted + unknownSender + unreadable + malformed,
        otherEpoch: unknownEpoch - released,
        lost,
        jitterMs,
      };
    },
    dispose: () => lifetime.dispose(),
  };
}
