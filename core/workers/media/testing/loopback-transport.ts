import type { Bytes } from '../../../base/bytes.ts';
import { CodedError } from '../../../base/coded-error.ts';
import { createEmitter } from '../../../base/event.ts';
import type { TransportCloseReason } from '../../../media/media-contract.ts';
import type { OpenTransport, Transport } from '../transport.ts';

/** A relay in the same process: every transport gets what the others send, and its own probes back. */
export interface LoopbackRelay {
  readonly open: OpenTransport;
  /** Transports that are open now. */
  readonly size: number;
  /** Everything that passed, for looking at. */
  readonly datagrams: readonly Bytes[];
  /** Stops answering without closing anything. */
  goSilent(): void;
  /** Ends every connection. */
  drop(reason: TransportCloseReason): void;
  /** Sends bytes down everybody's control stream. */
  sendControl(bytes: Bytes): void;
  readonly control: readonly Bytes[];
}

/** Makes a relay without connections. */
export function createLoopbackRelay(): LoopbackRelay {
  interface Peer {
    receive(datagram: Bytes): void;
    control(bytes: Bytes): void;
    end(reason: TransportCloseReason): void;
  }
  const peers = new Set<Peer>();
  const datagrams: Bytes[] = [];
  const control: Bytes[] = [];
  let silent = false;
  return {
    open: async (): Promise<Transport> => {
      const onControl = createEmitter<Bytes>();
      const onDatagram = createEmitter<Bytes>();
      const onClose = createEmitter<TransportCloseReason>();
      const peer: Peer = {
        receive: (datagram) => onDatagram.fire(datagram),
        control: (bytes) => onControl.fire(bytes),
        end(reason) {
          if (peers.delete(peer)) onClose.fire(reason);
        },
      };
      peers.add(peer);
      return {
        kind: 'quic',
        onControl: onControl.event,
        onDatagram: onDatagram.event,
        onClose: onClose.event,
        async sendControl(bytes) {
          if (!peers.has(peer)) throw new CodedError('transport_closed', 'closed');
          control.push(bytes);
        },
        sendDatagram(datagram) {
          if (!peers.has(peer)) return false;
          if (silent) return true;
          if (datagram[0] === 14) queueMicrotask(() => peer.receive(datagram));
          else {
            datagrams.push(datagram);
            for (const other of peers) if (other !== peer) queueMicrotask(() => other.receive(datagram));
          }
          return true;
        },
        close: () => {
          peers.delete(peer);
        },
      };
    },
    get size() {
      return peers.size;
    },
    datagrams,
    control,
    goSilent() {
      silent = true;
    },
    drop(reason) {
      for (const peer of [...peers]) peer.end(reason);
    },
    sendControl(bytes) {
      for (const peer of peers) peer.control(bytes);
    },
  };
}
