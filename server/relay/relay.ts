import type { Clock } from '../../core/base/async.ts';
import { toHex, type Bytes } from '../../core/base/bytes.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import { toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { logCode, type Logger } from '../../core/base/log.ts';
import {
  decodeClientRequest,
  type ClientRequest,
  type ServerEvent,
} from '../../core/protocol/control-message.ts';
import { decodeCbor } from '../../core/protocol/cbor.ts';
import { MAX_MESSAGE_BYTES } from '../../core/protocol/framing.ts';
import { wireError, type WireErrorCode } from '../../core/protocol/error-code.ts';
import type { ServerConfig } from '../config/server-config.ts';
import type { Counters } from '../metrics/metrics.ts';
import { createCallHandlers } from './call-requests.ts';
import { createGroupHandlers } from './group-requests.ts';
import { createMediaRouter } from './media-router.ts';
import { createRelayState, type RelayState } from './relay-state.ts';
import type { RelayStore } from './relay-store.ts';
import type { Handlers } from './request-handler.ts';
import { createRoomHandlers } from './room-requests.ts';
import { describePerson, type ClientLink, type Session } from './session.ts';
import { createTokenBucket } from './token-bucket.ts';

/** What the relay is made of. */
export interface RelayOptions {
  readonly config: ServerConfig;
  readonly store: RelayStore;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly passwords: RoomPasswords;
  /** First generation of groups made in this run; higher than any of an earlier run. */
  readonly firstGeneration: number;
  /** Session ids count up from here. */
  readonly firstSession: number;
  readonly bundling: boolean;
}

/** Hashing of room passwords, which needs the platform. */
export interface RoomPasswords {
  hash(password: string): Promise<{ readonly salt: Bytes; readonly hash: Bytes }>;
  check(stored: { readonly salt: Bytes; readonly hash: Bytes }, password: string): Promise<boolean>;
}

/** The relay without its transports: rooms, presence, calls, groups and the forwarding of media. */
export interface Relay extends Disposable {
  /** Lets an authenticated client in and tells it everything; one with the same identity is ended. */
  admit(person: { readonly identity: Bytes; readonly name: string }, link: ClientLink): Session;
  /** Takes one encoded request. */
  receive(session: Session, encoded: Bytes): void;
  /** Takes one datagram. */
  receiveDatagram(session: Session, datagram: Uint8Array): void;
  /** The link is gone. */
  disconnect(session: Session): void;
  /** Tells every session. */
  broadcast(event: ServerEvent): void;
  /** Ends a session with a reason. */
  end(session: Session, code: WireErrorCode, message: string): void;
  counts(): {
    readonly sessions: number;
    readonly rooms: number;
    readonly calls: number;
    readonly call_members: number;
  };
}

/** Makes a relay from what the store holds. */
export function createRelay(options: RelayOptions): Relay {
  const { config, clock, counters, logger } = options;
  const state: RelayState = createRelayState(options);
  const router = createMediaRouter(clock, counters, options.bundling);
  const rooms = createRoomHandlers(state);
  const calls = createCallHandlers(state);
  const groups = createGroupHandlers(state);
  const handlers: Handlers = {
    ping: (_session, _request, reply) => reply({}),
    ...rooms.handlers,
    ...calls.handlers,
    ...groups.handlers,
  };
  let nextSession = options.firstSession;

  const sendError = (session: Session, id: number, error: unknown): void => {
    counters.requests_refused++;
    if (error instanceof CodedError) {
      session.link.send({
        t: 'error',
        id,
        code: error.code as WireErrorCode,
        message: error.message,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      });
      return;
    }
    const storage = (error as { code?: unknown } | undefined)?.code === 'ERR_SQLITE_ERROR';
    logger.log('error', 'request.failed', { kind: logCode(storage ? 'storage' : 'internal') });
    session.link.send(
      storage
        ? {
            t: 'error',
            id,
            code: 'storage_failed',
            message: 'The server could not store this. Try again later.',
          }
        : { t: 'error', id, code: 'internal', message: 'The server failed. Try again later.' },
    );
  };

  const handle = (session: Session, request: ClientRequest): void => {
    let replied = false;
    const reply = (value: unknown): void => {
      if (replied) throw new Error('replied twice');
      replied = true;
      session.link.send({ t: 'ok', id: request.id, value });
    };
    const fail = (error: unknown): void => {
      if (replied) logger.log('error', 'request.failedAfterReply');
      else if (!session.closed) sendError(session, request.id, error);
    };
    try {
      const handler = handlers[request.t] as (
        session: Session,
        request: ClientRequest,
        reply: (value: unknown) => void,
      ) => void | Promise<void>;
      handler(session, request, reply)?.catch(fail);
    } catch (error) {
      fail(error);
    }
  };

  const end = (session: Session, code: WireErrorCode, message: string): void => {
    if (session.closed) return;
    session.link.send({ t: 'session.ended', code, message });
    session.link.close();
    disconnect(session);
  };

  const disconnect = (session: Session): void => {
    if (session.closed) return;
    session.closed = true;
    state.sessions.delete(session.id);
    if (state.byIdentity.get(session.key) === session) state.byIdentity.delete(session.key);
    calls.leave(session, false);
    const room = session.room;
    session.room = null;
    if (room !== null) rooms.noteEmpty(room);
    state.broadcast({ t: 'person.left', session: session.id });
  };

  rooms.startTimers();
  return {
    admit({ identity, name }, link) {
      const key = toHex(identity);
      const previous = state.byIdentity.get(key);
      if (previous) end(previous, 'identity_in_use', 'This identity connected again from somewhere else.');
      const now = clock.now();
      const perSecond = config['limits.messages_per_second'];
      const voice = config['limits.voice_frames_per_second'];
      const video = config['limits.video_frames_per_second'];
      const text = config['limits.text_messages_per_second'];
      const createInterval = config['limits.room_create_interval_secs'];
      const { roles, verified } = options.store.people.describe(identity);
      const session: Session = {
        id: nextSession,
        identity,
        key,
        name,
        link,
        limits: {
          messages: createTokenBucket(perSecond, perSecond * 2, now),
          text: createTokenBucket(text, text * 2, now),
          passwords: createTokenBucket(
            config['limits.password_attempts_per_second'],
            config['limits.password_burst'],
            now,
          ),
          roomCreate:
            createInterval === 0
              ? createTokenBucket(1e9, 1e9, now)
              : createTokenBucket(1 / createInterval, 1, now),
          voice: createTokenBucket(voice, voice, now),
          video: createTokenBucket(video, video, now),
          echo: createTokenBucket(20, 40, now),
        },
        roles,
        verified,
        room: null,
        muted: false,
        deafened: false,
        away: false,
        call: null,
        slot: 0,
        spokeIn: 0,
        closed: false,
      };
      nextSession = nextSession >= 0xffffffff ? 1 : nextSession + 1;
      state.sessions.set(session.id, session);
      state.byIdentity.set(key, session);
      link.send({
        t: 'welcome',
        session: session.id,
        roles,
        verified,
        serverName: config['server.name'],
        limits: {
          roomNameLength: config['rooms.max_room_name_length'],
          rooms: config['rooms.max_rooms'],
          messagesPerSecond: perSecond,
        },
        rooms: rooms.describeAll(),
        people: [...state.sessions.values()].map(describePerson),
        subscriptions: state.subscriptionsOf(key),
      });
      state.broadcast({ t: 'person.updated', person: describePerson(session) }, session);
      groups.deliverWaiting(session);
      return session;
    },
    receive(session, encoded) {
      if (session.closed) return;
      counters.control_messages_in++;
      counters.control_bytes_in += encoded.length;
      const decoded = decodeClientRequest(encoded);
      if (!decoded.ok) {
        const id = unknownRequestId(encoded, decoded.error);
        if (id !== undefined) {
          sendError(
            session,
            id,
            wireError('unknown_request', 'This server does not know that request. Update it.'),
          );
          return;
        }
        counters.protocol_errors++;
        logger.log('warn', 'session.protocolError');
        end(session, 'protocol_error', `Malformed message: ${decoded.error}`.slice(0, 512));
        return;
      }
      const request = decoded.value;
      const now = clock.now();
      if (!session.limits.messages.take(now)) {
        const wait = session.limits.messages.waitFor(now);
        sendError(session, request.id, wireError('rate_limited', 'Too many messages. Wait a moment.', wait));
        return;
      }
      handle(session, request);
    },
    receiveDatagram: (session, datagram) => {
      if (!session.closed) router.receive(session, datagram);
    },
    disconnect,
    broadcast: (event) => state.broadcast(event),
    end,
    counts: () => ({
      sessions: state.sessions.size,
      rooms: state.rooms.size,
      calls: state.calls.size,
      call_members: [...state.calls.values()].reduce((sum, call) => sum + call.members.size, 0),
    }),
    ...disposal(() => {
      for (const session of [...state.sessions.values()]) session.closed = true;
      rooms.stopTimers();
    }),
  };
}

function disposal(run: () => void): Disposable {
  const disposable = toDisposable(run);
  return { dispose: () => disposable.dispose() };
}

/** The id of a well-formed request whose name is from a newer version; anything else is malformed. */
function unknownRequestId(encoded: Bytes, error: string): number | undefined {
  if (!error.startsWith('t: expected one of')) return undefined;
  const message = decodeCbor(encoded, { maxBytes: MAX_MESSAGE_BYTES, maxDepth: 8 });
  const { id, t } = message as { readonly id?: unknown; readonly t?: unknown };
  return typeof t === 'string' &&
    /^[a-zA-Z.]{1,64}$/.test(t) &&
    Number.isSafeInteger(id) &&
    (id as number) >= 1
    ? (id as number)
    : undefined;
}
