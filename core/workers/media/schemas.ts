import {
  array,
  boolean,
  bytes,
  integer,
  number,
  object,
  oneOf,
  optional,
  string,
  type Schema,
} from '../../base/schema.ts';
import type { RpcSchemas } from '../../base/rpc/rpc.ts';
import type { AudioSettings, MediaPageMethods, MediaSessionMethods } from '../../media/media-contract.ts';
import { MAX_MESSAGE_BYTES } from '../../protocol/framing.ts';

const nothing = object({}) as Schema<Readonly<Record<string, never>>>;
const gain = number({ min: 0, max: 2 });
const transport = integer();
const slot = integer({ max: 0xffff });
const session = integer({ max: 0xffffffff });
const key = bytes({ length: 32 });

const sharedMemory: Schema<SharedArrayBuffer> = {
  check(value, path) {
    // A schema refuses by its own error, which `integer` raises for anything that is no number.
    if (!(value instanceof SharedArrayBuffer)) integer().check(undefined, path);
    return value as SharedArrayBuffer;
  },
};

const frameMs: Schema<10 | 20> = {
  check: (value, path) => (value === 10 ? 10 : (integer({ min: 20, max: 20 }).check(value, path) as 20)),
};

/** Settings as they come from the page. */
export const audioSettingsSchema: Schema<AudioSettings> = object({
  mode: oneOf(['voiceActivity', 'pushToTalk', 'continuous']),
  thresholdDb: number({ min: -100, max: 0 }),
  noiseSuppression: boolean,
  inputGain: number({ min: 0, max: 8 }),
  outputGain: gain,
  frameMs,
  bitrate: integer({ min: 16_000, max: 96_000 }),
});

/** Arguments of the page's methods. */
export const mediaPageSchemas: RpcSchemas<MediaPageMethods> = {
  'audio.attach': object({ capture: sharedMemory, playback: sharedMemory }),
  'audio.detach': nothing,
  'audio.configure': audioSettingsSchema,
  'audio.talk': object({ pressed: boolean }),
  'media.stats': nothing,
};

const target = object({
  host: string({ min: 1, max: 255 }),
  endpoints: array(object({ kind: oneOf(['quic', 'fallback']), port: integer({ min: 1, max: 65_535 }) }), {
    max: 8,
  }),
  certificateHashes: array(bytes({ length: 32 }), { max: 4 }),
  fallbackUrl: optional(string({ min: 1, max: 512 })),
});

/** Arguments of the session worker's methods. */
export const mediaSessionSchemas: RpcSchemas<MediaSessionMethods> = {
  'transport.connect': target,
  'transport.probeQuic': target,
  'transport.close': object({ transport }),
  // A whole message with the heads of its frames.
  'control.send': object({ transport, bytes: bytes({ min: 1, max: MAX_MESSAGE_BYTES + 4096 }) }),
  'call.start': object({ transport, slot }),
  'call.stop': nothing,
  'call.setEpoch': object({
    epoch: integer(),
    ownKey: key,
    senders: array(object({ session, slot, key }), { max: 4096 }),
  }),
  'call.setTransmission': object({ muted: boolean, deafened: boolean }),
  'call.setVolume': object({ session, gain }),
};
