import type { Bytes } from '../../base/bytes.ts';
import { DATAGRAM_KIND } from '../../protocol/media-datagram.ts';

/** Keeps voice from piling up in front of a connection that is stuck. */
export interface DelayBound {
  /** Call for every datagram to be sent. @returns false when it should be dropped. */
  admits(datagram: Bytes): boolean;
  /** Call for every datagram received. */
  received(datagram: Bytes): void;
}

/** A voice frame that would arrive later than this is of no use to anybody (ms). */
const MAX_DELAY_MS = 500;

/**
 * Over TCP a datagram cannot be lost, it is late, and everything after it too: the system buffers many seconds
 * of voice before a write blocks. The round trip probes show it: answers come in the order of the probes, so as
 * long as the oldest unanswered probe is old, voice is dropped here instead of being added to the queue.
 */
export function createDelayBound(now: () => number): DelayBound {
  let unanswered: readonly { readonly sequence: number; readonly sentAt: number }[] = [];
  return {
    admits(datagram) {
      const sequence = probeSequence(datagram);
      if (sequence === undefined) {
        const [oldest] = unanswered;
        return oldest === undefined || now() - oldest.sentAt <= MAX_DELAY_MS;
      }
      unanswered = [...unanswered, { sequence, sentAt: now() }];
      return true;
    },
    received(datagram) {
      const sequence = probeSequence(datagram);
      if (sequence === undefined) return;
      const index = unanswered.findIndex((probe) => probe.sequence === sequence);
      unanswered = unanswered.slice(index + 1);
    },
  };
}

function probeSequence(datagram: Bytes): number | undefined {
  if (datagram.length !== 5 || datagram[0] !== DATAGRAM_KIND.echo) return undefined;
  return new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength).getUint32(1);
}
