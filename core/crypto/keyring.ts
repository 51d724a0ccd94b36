import { sha256 } from '@noble/hashes/sha2.js';
import type { Clock } from '../base/async.ts';
import { equalSecretBytes, toHex, wipe, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import type { Disposable } from '../base/disposable.ts';
import { DATAGRAM_KIND, readMediaHeader } from '../protocol/media-datagram.ts';
import { createFrameOpener, createFrameSealer, type FrameOpener, type FrameSealer } from './frame-cipher.ts';

/** How long the keys of an epoch open stragglers after the next one took over, in ms. */
export const EPOCH_RETENTION_MS = 10_000;

/** The audio keys of one epoch, from the MLS exporter. */
export interface FrameEpoch {
  /** The whole epoch number. */
  readonly epoch: number;
  readonly ownKey: Uint8Array;
  /** The slot the relay gave this client. */
  readonly slot: number;
  readonly senders: readonly { readonly session: number; readonly slot: number; readonly key: Uint8Array }[];
}

/** What became of a received datagram. Only `opened` may be heard; the rest is dropped and counted. */
export type ReceivedFrame =
  | { readonly status: 'opened'; readonly session: number; readonly epoch: number; readonly payload: Bytes }
  | { readonly status: DroppedFrame };
/** Why a datagram was dropped. */
export type DroppedFrame =
  'forged' | 'replayed' | 'uncommitted' | 'unknownEpoch' | 'unknownSender' | 'malformed';

/** How many datagrams met which end since the keyring was made. */
export type FrameCounters = Readonly<Record<DroppedFrame | 'opened' | 'sealed', number>>;

/** The frame keys in force in a call, and those of the epochs just before. */
export interface FrameKeyring {
  /**
   * Switches to an epoch, or replaces the senders of the one in force. The keys are copied.
   * @throws CodedError `epoch_went_back` for an epoch below the one in force.
   */
  setEpoch(epoch: FrameEpoch): void;
  /** The datagram for a payload; `undefined` while no epoch is set. @throws what FrameSealer.seal does. */
  seal(payload: Uint8Array): Bytes | undefined;
  open(datagram: Uint8Array): ReceivedFrame;
  /** Overwrites and drops every key. */
  clear(): void;
  readonly counters: FrameCounters;
  /** The epoch in force. */
  readonly epoch: number | undefined;
}

interface Sender {
  readonly session: number;
  readonly slot: number;
  readonly key: Bytes;
  readonly opener: FrameOpener;
}
interface Epoch {
  readonly epoch: number;
  readonly senders: ReadonlyMap<number, Sender>;
  readonly expiry: Disposable | undefined;
}

/** Bounds the memory of a call whose membership changes many times within the retention time. */
const MAX_RETAINED_EPOCHS = 64;
/** Own keys whose last counter is remembered after they were dropped. */
const MAX_REMEMBERED_KEYS = 1024;

/**
 * Makes a keyring without keys. It serves the audio kind, the only one that is exported in version 1.
 * Nothing is ever sent or heard in the clear: without an epoch there is simply no datagram.
 */
export function createFrameKeyring(clock: Clock): FrameKeyring {
  let epochs: readonly Epoch[] = [];
  let own:
    | { readonly epoch: number; readonly slot: number; readonly id: string; readonly sealer: FrameSealer }
    | undefined;
  // Hash of an own key to its next counter. A key may come again (the epoch is set anew after a pause); its
  // counters must go on, because a repeated nonce gives away both frames and the authentication key.
  const used = new Map<string, number>();
  const counters: Record<DroppedFrame | 'opened' | 'sealed', number> = {
    opened: 0,
    sealed: 0,
    forged: 0,
    replayed: 0,
    uncommitted: 0,
    unknownEpoch: 0,
    unknownSender: 0,
    malformed: 0,
  };
  const drop = (status: DroppedFrame): ReceivedFrame => {
    counters[status] += 1;
    return { status };
  };
  const dropSender = (sender: Sender): void => {
    sender.opener.dispose();
    wipe(sender.key);
  };
  const dropEpoch = (dropped: Epoch): void => {
    dropped.expiry?.dispose();
    for (const sender of dropped.senders.values()) dropSender(sender);
  };
  const retireSealer = (): void => {
    if (!own) return;
    used.delete(own.id);
    used.set(own.id, own.sealer.counter);
    for (const oldest of used.keys()) {
      if (used.size <= MAX_REMEMBERED_KEYS) break;
      used.delete(oldest);
    }
    own.sealer.dispose();
    own = undefined;
  };
  const retire = (epoch: number): Disposable =>
    clock.setTimer(EPOCH_RETENTION_MS, () => {
      for (const old of epochs) if (old.epoch === epoch) dropEpoch(old);
      epochs = epochs.filter((old) => old.epoch !== epoch);
    });

  return {
    counters,
    get epoch() {
      return own?.epoch;
    },
    setEpoch({ epoch, ownKey, slot, senders }) {
      const [current] = epochs;
      if (current && epoch < current.epoch)
        throw new CodedError('epoch_went_back', 'Frame keys of an older epoch came after newer ones');
      const same = current?.epoch === epoch ? current : undefined;
      const next = new Map<number, Sender>();
      const kept = new Set<Sender>();
      for (const { session, slot: senderSlot, key } of senders) {
        if (next.has(senderSlot)) throw new CodedError('slot_taken', 'Two senders have the same slot');
        const before = same?.senders.get(senderSlot);
        // The replay window belongs to the key: keep it when the same epoch is set again.
        if (before && before.session === session && equalSecretBytes(before.key, key)) {
          kept.add(before);
          next.set(senderSlot, before);
        } else {
          next.set(senderSlot, {
            session,
            slot: senderSlot,
            key: new Uint8Array(key),
            opener: createFrameOpener(key),
          });
        }
      }
      if (same) {
        for (const sender of same.senders.values()) if (!kept.has(sender)) dropSender(sender);
        epochs = [{ epoch, senders: next, expiry: undefined }, ...epochs.slice(1)];
      } else {
        const retired = current ? [{ ...current, expiry: retire(current.epoch) }, ...epochs.slice(1)] : [];
        for (const old of retired.slice(MAX_RETAINED_EPOCHS)) dropEpoch(old);
        epochs = [{ epoch, senders: next, expiry: undefined }, ...retired.slice(0, MAX_RETAINED_EPOCHS)];
      }
      const id = toHex(sha256(ownKey));
      if (own?.id === id && own.slot === slot && own.epoch === epoch) return;
      retireSealer();
      own = {
        epoch,
        slot,
        id,
        sealer: createFrameSealer({
          key: ownKey,
          kind: DATAGRAM_KIND.audio,
          epoch,
          slot,
          firstCounter: used.get(id) ?? 0,
        }),
      };
    },
    seal(payload) {
      if (!own) return undefined;
      const datagram = own.sealer.seal(payload);
      counters.sealed += 1;
      return datagram;
    },
    open(datagram) {
      const header = readMediaHeader(datagram);
      if (!header) return drop('malformed');
      // The header names the epoch, so a datagram is never tried under several keys.
      const epoch = epochs.find((candidate) => (candidate.epoch & 0xff) === header.epoch);
      if (!epoch) return drop('unknownEpoch');
      const sender = header.kind === DATAGRAM_KIND.audio ? epoch.senders.get(header.slot) : undefined;
      if (!sender) return drop('unknownSender');
      const frame = sender.opener.open(datagram, header);
      if (frame.status !== 'opened') return drop(frame.status);
      counters.opened += 1;
      return { status: 'opened', session: sender.session, epoch: epoch.epoch, payload: frame.payload };
    },
    clear() {
      for (const epoch of epochs) dropEpoch(epoch);
      epochs = [];
      retireSealer();
    },
  };
}
