import { concatBytes, utf8, type Bytes } from '../base/bytes.ts';
import { string, type Schema } from '../base/schema.ts';

/**
 * The relay's name for one incarnation of a group: `call:<room>:<generation>` or `text:<room>:<generation>`.
 * A group that is made anew (last member alone, relay restarted with an empty call) gets the next generation,
 * so nothing of the old one can be taken for the new one.
 */
export interface GroupReference {
  readonly kind: GroupKind;
  readonly room: number;
  readonly generation: number;
}

/** Call groups hold the media keys, text groups the messages. */
export type GroupKind = 'call' | 'text';

const PATTERN = /^(call|text):([0-9]{1,15}):([0-9]{1,15})$/;

/** A group reference on the wire. */
export const groupReferenceSchema: Schema<string> = string({ min: 8, max: 40, pattern: PATTERN });

/** Renders a reference. */
export function formatGroupReference(reference: GroupReference): string {
  return `${reference.kind}:${reference.room}:${reference.generation}`;
}

/** Parses a reference; `undefined` when malformed. */
export function parseGroupReference(text: string): GroupReference | undefined {
  const match = PATTERN.exec(text);
  if (!match) return undefined;
  const room = Number(match[2]);
  const generation = Number(match[3]);
  const reference: GroupReference = { kind: match[1] as GroupKind, room, generation };
  return formatGroupReference(reference) === text ? reference : undefined;
}

/** The MLS group id: bound to the server, so that a group cannot be replayed on another one. */
export function mlsGroupId(serverId: Uint8Array, reference: string): Bytes {
  return concatBytes(utf8('conclave/group/v1'), serverId, utf8(reference));
}
