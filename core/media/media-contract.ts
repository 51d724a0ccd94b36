import type { Bytes } from '../base/bytes.ts';

/**
 * The media worker serves two callers on two ports: the page, which owns the audio devices, and the session
 * worker, which owns the keys' source (MLS) and decides who is in the call. Frame keys travel only on the
 * port between the two workers; the page never sees that port after it has handed over its ends.
 */

/** Page to media worker. */
export type MediaPageMethods = {
  /** Hands over the rings (see core/media/audio-ring). Sending starts with an empty capture ring. */
  'audio.attach': (argument: {
    readonly capture: SharedArrayBuffer;
    readonly playback: SharedArrayBuffer;
  }) => null;
  'audio.detach': (argument: Readonly<Record<string, never>>) => null;
  'audio.configure': (argument: AudioSettings) => null;
  /** Push-to-talk pressed or released. Ignored in other modes. */
  'audio.talk': (argument: { readonly pressed: boolean }) => null;
  /** Counters since the call began. */
  'media.stats': (argument: Readonly<Record<string, never>>) => MediaStats;
};

/** Media worker to page, at most 20 times a second. */
export type MediaPageEvents = {
  'audio.levels': AudioLevels;
  'media.stats': MediaStats;
};

/** How the microphone's signal is treated. */
export interface AudioSettings {
  readonly mode: 'voiceActivity' | 'pushToTalk' | 'continuous';
  /** Opens the gate at this level, in dB full scale. */
  readonly thresholdDb: number;
  /** RNNoise on or off. */
  readonly noiseSuppression: boolean;
  /** Linear gain on the microphone. */
  readonly inputGain: number;
  /** Linear gain on everything heard, 0 to 2. */
  readonly outputGain: number;
  readonly frameMs: 10 | 20;
  /** Opus bit rate in bit/s, 16,000 to 96,000. */
  readonly bitrate: number;
}

/** What the meters and the talking lights show. */
export interface AudioLevels {
  /** dB full scale of the microphone after gain; -100 for silence. */
  readonly inputDb: number;
  /** The gate is open: this client is sending. */
  readonly transmitting: boolean;
  /** Sessions whose jitter buffer is playing speech now. */
  readonly speaking: readonly number[];
}

/** Numbers about the call and its connection. */
export interface MediaStats {
  /** Datagram round trip to the relay, ms; null before the first answer. */
  readonly rttMs: number | null;
  /** Share of sent round trip probes and received frames that got lost in the last seconds. */
  readonly lossPercent: number;
  readonly jitterMs: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  /** Datagrams of epochs there are keys for that failed authentication or were replayed, or unreadable ones. */
  readonly rejected: number;
  /**
   * Datagrams of an epoch this client has no keys of: from before it was a member, from a commit that has not
   * arrived yet, or from more than 10 s ago. They cannot be told from forged ones, and none is heard.
   */
  readonly otherEpoch: number;
  readonly kbpsIn: number;
  readonly kbpsOut: number;
  readonly people: readonly PersonMediaStats[];
}

/** Numbers about what is heard of one person. */
export interface PersonMediaStats {
  readonly session: number;
  /** Frames that came, late and repeated ones included. */
  readonly received: number;
  /** Frames that were not there when speech went on without them. */
  readonly lost: number;
  /** Of the lost ones, made good from in-band FEC or a redundant copy. */
  readonly recoveredByFec: number;
  /** Stretches of 10 ms or a frame that were made up, for a lost frame or while waiting for one. */
  readonly concealed: number;
  /** Frames that came after their place had been passed, or were given up to catch up with a delay. */
  readonly late: number;
  /** How long the next frame is held beyond the quickest transit of the last seconds, ms. */
  readonly playoutDelayMs: number;
}

/** Session worker to media worker. */
export type MediaSessionMethods = {
  /**
   * Opens the transport: QUIC first, the fallback when that gives no session within 3 s. Resolves when the
   * control stream is open. Only one transport exists; connecting again closes the one before.
   */
  'transport.connect': (argument: TransportOptions) => TransportOpened;
  /** Whether QUIC works now. Opens and closes a second connection; the transport in use is not touched. */
  'transport.probeQuic': (argument: TransportOptions) => boolean;
  'transport.close': (argument: { readonly transport: number }) => null;
  /** Bytes for the control stream, already framed. */
  'control.send': (argument: { readonly transport: number; readonly bytes: Bytes }) => null;
  /** Joins a call as the holder of a slot. Media flows once an epoch is set. */
  'call.start': (argument: { readonly transport: number; readonly slot: number }) => null;
  'call.stop': (argument: Readonly<Record<string, never>>) => null;
  /** New frame keys. The previous epoch's keys open stragglers for 10 s more. */
  'call.setEpoch': (argument: EpochKeys) => null;
  /** Whether this client may send, and whether it wants to hear. */
  'call.setTransmission': (argument: { readonly muted: boolean; readonly deafened: boolean }) => null;
  /** Gain on one person, 0 to 2, kept until changed. */
  'call.setVolume': (argument: { readonly session: number; readonly gain: number }) => null;
};

/** Media worker to session worker. */
export type MediaSessionEvents = {
  /** Bytes as they came off the control stream. */
  'control.received': { readonly transport: number; readonly bytes: Bytes };
  /** The transport is gone; fired once per opened transport, not after `transport.close`. */
  'transport.closed': { readonly transport: number; readonly reason: TransportCloseReason };
  /** Also sent while no call is on, for the connection indicator. */
  'media.stats': MediaStats;
};

/** Why a transport ended. `unresponsive`: no answer to round trip probes for 2 s in a call, 6 s otherwise. */
export type TransportCloseReason = 'closed' | 'failed' | 'unresponsive';

/** Where and how to connect. */
export interface TransportOptions {
  readonly host: string;
  readonly endpoints: readonly { readonly kind: 'quic' | 'fallback'; readonly port: number }[];
  /** SHA-256 of the certificates that are acceptable; the signed descriptor lists them. */
  readonly certificateHashes: readonly Bytes[];
  /**
   * Address of a WebSocket through which the host reaches the fallback endpoint and nothing else, having checked
   * the certificate; relative to the worker's own address, or absolute. Without it there is no fallback.
   */
  readonly fallbackUrl?: string;
}

/** An open transport. */
export interface TransportOpened {
  readonly transport: number;
  readonly kind: 'quic' | 'fallback';
}

/** The frame keys of one epoch. */
export interface EpochKeys {
  /** The whole epoch number; the datagrams carry its low 8 bits. */
  readonly epoch: number;
  /** The key this client seals audio with. */
  readonly ownKey: Bytes;
  /** Everybody else in the group who has a slot. */
  readonly senders: readonly { readonly session: number; readonly slot: number; readonly key: Bytes }[];
}
