import type { Bytes } from '../base/bytes.ts';
import { failure, success, type Result } from '../base/result.ts';
import {
  anything,
  array,
  boolean,
  bytes,
  integer,
  nullable,
  object,
  oneOf,
  optional,
  parse,
  string,
  variants,
  type Infer,
} from '../base/schema.ts';
import { CborError, decodeCbor, encodeCbor, type CborValue } from './cbor.ts';
import { WIRE_ERROR_CODES } from './error-code.ts';
import { MAX_MESSAGE_BYTES } from './framing.ts';
import { groupReferenceSchema } from './group-reference.ts';

/**
 * Every message of the control stream. The field `t` tells them apart. Requests carry `id` and get exactly
 * one `ok` or `error` with the same `id`; events carry none. Unknown fields are ignored, wrong types refused.
 */

/** Versions of the session protocol this program speaks, best first. */
export const PROTOCOL_VERSIONS: readonly number[] = [1];

/** Longest display name, in UTF-16 units. */
export const MAX_NAME_LENGTH = 32;
/** Longest text message ciphertext. */
export const MAX_TEXT_CIPHERTEXT_BYTES = 48 * 1024;
const MAX_HANDSHAKE_BYTES = MAX_MESSAGE_BYTES - 4096;

const session = integer({ min: 1, max: 0xffffffff });
const roomId = integer({ min: 1 });
const identity = bytes({ length: 32 });
const slot = integer({ min: 0, max: 0xffff });
const epoch = integer();
const cursor = integer();
const unixMs = integer();
const password = string({ min: 1, max: 256 });
const keyPackage = bytes({ min: 1, max: 16 * 1024 });
const messageId = bytes({ length: 16 });

const room = object({
  id: roomId,
  parent: nullable(roomId),
  name: string({ min: 1, max: 64 }),
  description: string({ max: 1024 }),
  /** Most people in the room at once; 0 for no limit. */
  limit: integer({ max: 100_000 }),
  /** Entering takes a password (a gate, not encryption). */
  gated: boolean,
  /** Temporary rooms go away after standing empty. */
  permanent: boolean,
});
/** A room as the relay describes it. */
export type Room = Infer<typeof room>;

const person = object({
  session,
  identity,
  name: string({ min: 1, max: MAX_NAME_LENGTH }),
  roles: array(oneOf(['admin', 'moderator']), { max: 4 }),
  verified: boolean,
  /** The room the person is in. */
  room: nullable(roomId),
  inCall: boolean,
  muted: boolean,
  deafened: boolean,
  away: boolean,
});
/** A connected person as the relay describes them: a claim, never proof of who is in a group. */
export type Person = Infer<typeof person>;

const callMember = object({ session, slot, identity });
/** Who has which slot in a call. */
export type CallMember = Infer<typeof callMember>;

const limits = object({
  /** Longest name of a room. */
  roomNameLength: integer(),
  /** Most rooms on the server. */
  rooms: integer(),
  /** Control messages per second. */
  messagesPerSecond: integer(),
});

/** Client to server, before the session exists. */
const clientHandshake = variants('t', {
  hello: object({
    versions: array(integer({ max: 0xffff }), { max: 16 }),
    nonce: bytes({ length: 32 }),
    identity,
    name: string({ min: 1, max: 64 }),
    capabilities: array(string({ max: 32 }), { max: 32 }),
  }),
  authenticate: object({ signature: bytes({ length: 64 }), password: optional(password) }),
});
/** `hello` or `authenticate`. */
export type ClientHandshakeMessage = Infer<typeof clientHandshake>;

const requestId = integer({ min: 1 });

/** Client to server, in a session. The comment names the fields of the `ok` answer. */
const clientRequest = variants('t', {
  /** Liveness and round trip of the stream. ok {} */
  ping: object({ id: requestId }),
  /** ok { room } */
  'room.create': object({
    id: requestId,
    parent: nullable(roomId),
    name: string({ min: 1, max: 64 }),
    description: optional(string({ max: 1024 })),
    limit: optional(integer({ max: 100_000 })),
    password: optional(password),
    /** Admins only. */
    permanent: optional(boolean),
  }),
  /** Admins, or the maker of a temporary room. A `password` of null removes the gate. ok {} */
  'room.edit': object({
    id: requestId,
    room: roomId,
    name: optional(string({ min: 1, max: 64 })),
    description: optional(string({ max: 1024 })),
    limit: optional(integer({ max: 100_000 })),
    password: optional(nullable(password)),
  }),
  /** Refused while anybody is inside or rooms are below. ok {} */
  'room.delete': object({ id: requestId, room: roomId }),
  /** Moves into a room (leaving the one before, and its call). ok {} */
  'room.enter': object({ id: requestId, room: roomId, password: optional(password) }),
  /** Leaves the room and its call; text subscriptions stay. ok {} */
  'room.leave': object({ id: requestId }),
  /** ok {} */
  'presence.set': object({ id: requestId, muted: boolean, deafened: boolean, away: boolean }),
  /**
   * Joins the call of the room one is in. ok { slot, group, epoch, members }: `group` is the reference to
   * join, `epoch` null when it does not exist yet and the caller may create it.
   */
  'call.join': object({ id: requestId, room: roomId }),
  /** ok {} */
  'call.leave': object({ id: requestId }),
  /**
   * Subscribes to the messages of a room, for good: it holds while offline. ok { group, epoch, cursor,
   * subscribers } where `cursor` is the newest entry of the log and `subscribers` the identities.
   */
  'text.subscribe': object({ id: requestId, room: roomId, password: optional(password) }),
  /** ok {} */
  'text.unsubscribe': object({ id: requestId, room: roomId }),
  /** Asks the members to add this client; they hear `group.joinRequested`. ok {} */
  'group.requestJoin': object({ id: requestId, group: groupReferenceSchema, keyPackage }),
  /**
   * Publishes the first state of a group. Allowed when the reference has no state yet and is either the
   * current generation of its room, or for a call the next one and the caller alone in it. ok { cursor }
   */
  'group.create': object({
    id: requestId,
    group: groupReferenceSchema,
    groupInfo: bytes({ min: 1, max: MAX_HANDSHAKE_BYTES }),
  }),
  /**
   * One atomic bundle. Accepted only for the current epoch, first come first served, else `stale_epoch`.
   * `joins` names whom the Welcome is for: sessions in a call, identities in a text group. An external
   * commit has no Welcome. ok { cursor }
   */
  'group.commit': object({
    id: requestId,
    group: groupReferenceSchema,
    epoch,
    commit: bytes({ min: 1, max: MAX_HANDSHAKE_BYTES }),
    welcome: optional(
      object({
        message: bytes({ min: 1, max: MAX_HANDSHAKE_BYTES }),
        sessions: array(session, { max: 1000 }),
        identities: array(identity, { max: 1000 }),
      }),
    ),
    groupInfo: bytes({ min: 1, max: MAX_HANDSHAKE_BYTES }),
  }),
  /** Passed on to the members and kept for nobody. ok {} */
  'group.propose': object({
    id: requestId,
    group: groupReferenceSchema,
    epoch,
    proposal: bytes({ min: 1, max: 64 * 1024 }),
  }),
  /** For an external commit. ok { epoch, cursor, groupInfo } */
  'group.info': object({ id: requestId, group: groupReferenceSchema }),
  /** Entries after `since`, oldest first. ok { entries, more } */
  'group.log': object({
    id: requestId,
    group: groupReferenceSchema,
    since: cursor,
    limit: integer({ min: 1, max: 500 }),
  }),
  /**
   * Appends an application message; refused with `stale_epoch` unless encrypted in the current epoch, so
   * every entry of the log can be read in the order it stands. Repeating a `messageId` gives the first
   * answer again. ok { cursor, at }
   */
  'group.send': object({
    id: requestId,
    group: groupReferenceSchema,
    epoch,
    messageId,
    message: bytes({ min: 1, max: MAX_TEXT_CIPHERTEXT_BYTES }),
  }),
  /** Adds one-time key packages to the pool (at most 100 are kept). ok { stored } */
  'keyPackages.publish': object({ id: requestId, packages: array(keyPackage, { max: 20 }) }),
  /** Takes one package of somebody, each handed out once. ok { keyPackage } */
  'keyPackages.claim': object({ id: requestId, identity }),
});
/** A request of a client. */
export type ClientRequest = Infer<typeof clientRequest>;
/** The request with the given name. */
export type RequestOf<T extends ClientRequest['t']> = Extract<ClientRequest, { readonly t: T }>;

/** Anything a client sends. */
export type ClientMessage = ClientHandshakeMessage | ClientRequest;

const logEntry = variants('kind', {
  commit: object({ cursor, epoch, at: unixMs, session, commit: bytes({ max: MAX_HANDSHAKE_BYTES }) }),
  message: object({
    cursor,
    epoch,
    at: unixMs,
    identity,
    messageId,
    message: bytes({ max: MAX_TEXT_CIPHERTEXT_BYTES }),
  }),
});
/** One entry of a group's log: a commit made in `epoch` (leading to the next) or a message of it. */
export type GroupLogEntry = Infer<typeof logEntry>;

const answerSchemas = {
  ping: object({}),
  'room.create': object({ room: roomId }),
  'room.edit': object({}),
  'room.delete': object({}),
  'room.enter': object({}),
  'room.leave': object({}),
  'presence.set': object({}),
  'call.join': object({
    slot,
    group: groupReferenceSchema,
    epoch: nullable(epoch),
    members: array(callMember, { max: 10_000 }),
  }),
  'call.leave': object({}),
  'text.subscribe': object({
    group: groupReferenceSchema,
    epoch: nullable(epoch),
    cursor,
    subscribers: array(identity, { max: 100_000 }),
  }),
  'text.unsubscribe': object({}),
  'group.requestJoin': object({}),
  'group.create': object({ cursor }),
  'group.commit': object({ cursor }),
  'group.propose': object({}),
  'group.info': object({ epoch, cursor, groupInfo: bytes({ max: MAX_HANDSHAKE_BYTES }) }),
  'group.log': object({ entries: array(logEntry, { max: 500 }), more: boolean }),
  'group.send': object({ cursor, at: unixMs }),
  'keyPackages.publish': object({ stored: integer() }),
  'keyPackages.claim': object({ keyPackage }),
} as const;
/** The fields of the `ok` answer to each request. */
export type AnswerOf<T extends ClientRequest['t']> = Infer<(typeof answerSchemas)[T]>;

const wireErrorCode = oneOf(WIRE_ERROR_CODES);

/** Server to client. */
const serverMessage = variants('t', {
  challenge: object({
    version: integer({ min: 1, max: 0xffff }),
    serverId: bytes({ length: 32 }),
    nonce: bytes({ length: 32 }),
    signature: bytes({ length: 64 }),
  }),
  welcome: object({
    session,
    roles: array(oneOf(['admin', 'moderator']), { max: 4 }),
    verified: boolean,
    serverName: string({ max: 64 }),
    limits,
    rooms: array(room, { max: 10_000 }),
    people: array(person, { max: 100_000 }),
    /** Rooms whose messages this identity is subscribed to. */
    subscriptions: array(roomId, { max: 10_000 }),
  }),
  refused: object({ code: wireErrorCode, message: string({ max: 1024 }), retryAfterMs: optional(integer()) }),
  /** `value` is checked against the schema of the request it answers. */
  ok: object({ id: requestId, value: anything }),
  error: object({
    id: requestId,
    code: wireErrorCode,
    message: string({ max: 1024 }),
    retryAfterMs: optional(integer()),
  }),
  'room.updated': object({ room }),
  'room.removed': object({ room: roomId }),
  /** New or changed. */
  'person.updated': object({ person }),
  'person.left': object({ session }),
  /** To the members of a call, whenever they change. Replaces what was known. */
  'call.members': object({
    room: roomId,
    group: groupReferenceSchema,
    members: array(callMember, { max: 10_000 }),
  }),
  /** The server took this client out of its call. */
  'call.ended': object({ room: roomId, code: wireErrorCode }),
  /** To the online subscribers of a text group, whenever they change. */
  'text.subscribers': object({
    room: roomId,
    group: groupReferenceSchema,
    subscribers: array(identity, { max: 100_000 }),
  }),
  /** To the members of a group: somebody waits to be added. Repeated to members who come online later. */
  'group.joinRequested': object({ group: groupReferenceSchema, session, identity, keyPackage }),
  'group.commit': object({
    group: groupReferenceSchema,
    cursor,
    epoch,
    at: unixMs,
    session,
    commit: bytes({ max: MAX_HANDSHAKE_BYTES }),
  }),
  /** Only after the commit was accepted; `epoch` is the one the Welcome leads into. */
  'group.welcome': object({
    group: groupReferenceSchema,
    cursor,
    epoch,
    welcome: bytes({ max: MAX_HANDSHAKE_BYTES }),
  }),
  'group.proposal': object({
    group: groupReferenceSchema,
    epoch,
    session,
    proposal: bytes({ max: 64 * 1024 }),
  }),
  'group.message': object({
    group: groupReferenceSchema,
    cursor,
    epoch,
    at: unixMs,
    identity,
    messageId,
    message: bytes({ max: MAX_TEXT_CIPHERTEXT_BYTES }),
  }),
  /** A new signed descriptor (next certificate). */
  'server.descriptor': object({ descriptor: bytes({ max: 16 * 1024 }) }),
  /** The relay is about to stop. */
  'server.closing': object({ restart: boolean }),
  /** The relay ends this session, for this reason; the stream closes next. */
  'session.ended': object({ code: wireErrorCode, message: string({ max: 1024 }) }),
});
/** Anything a relay sends. */
export type ServerMessage = Infer<typeof serverMessage>;
/** A message that answers no request. */
export type ServerEvent = Exclude<
  ServerMessage,
  { readonly t: 'ok' | 'error' | 'challenge' | 'welcome' | 'refused' }
>;

/** Encodes a message of either direction (without the frame around it). */
export function encodeMessage(message: ClientMessage | ServerMessage): Bytes {
  return encodeCbor(message as unknown as CborValue);
}

const DEPTH = 8;

function decodeWith<T>(
  schema: { check(value: unknown, path: string): T },
  encoded: Uint8Array,
): Result<T, string> {
  try {
    const parsed = parse(schema, decodeCbor(encoded, { maxBytes: MAX_MESSAGE_BYTES, maxDepth: DEPTH }));
    return parsed.ok
      ? success(parsed.value)
      : failure(
          parsed.error.path === '' ? parsed.error.message : `${parsed.error.path}: ${parsed.error.message}`,
        );
  } catch (error) {
    if (error instanceof CborError) return failure(error.message);
    throw error;
  }
}

/** Decodes `hello` or `authenticate`; the error says what was wrong. */
export function decodeClientHandshake(encoded: Uint8Array): Result<ClientHandshakeMessage, string> {
  return decodeWith(clientHandshake, encoded);
}

/** Decodes a request of a session; the error says what was wrong. */
export function decodeClientRequest(encoded: Uint8Array): Result<ClientRequest, string> {
  return decodeWith(clientRequest, encoded);
}

/** Decodes a message of the relay; the error says what was wrong. */
export function decodeServerMessage(encoded: Uint8Array): Result<ServerMessage, string> {
  return decodeWith(serverMessage, encoded);
}

/** Checks the value of an `ok` against the request it answers. */
export function checkAnswer<T extends ClientRequest['t']>(
  request: T,
  value: unknown,
): Result<AnswerOf<T>, string> {
  const parsed = parse(answerSchemas[request] as never, value);
  return parsed.ok
    ? success(parsed.value as AnswerOf<T>)
    : failure(`${parsed.error.path}: ${parsed.error.message}`);
}
