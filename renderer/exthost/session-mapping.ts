import type {
  Call,
  CallStats,
  Connection,
  Identity,
  Message,
  Person,
  Room,
  TextGroup,
} from '../../extensions/api/conclave.d.ts';
import type { MediaStats } from '../../core/workers/media-contract.ts';
import type {
  CallState,
  ConnectionState,
  PersonInfo,
  RoomInfo,
  TextGroupState,
  TextMessage,
  VaultStatus,
} from '../../core/workers/session-contract.ts';

/**
 * From what the session worker tells to what extensions see. Everything is a new frozen object with the
 * declared fields only, so that an extension can neither change what others see nor find more than the API
 * promises.
 */

/** Freezes a value made of plain objects and lists, all the way down. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const entry of Object.values(value)) deepFreeze(entry);
  }
  return value;
}

/** Whoever opened the vault. */
export function toIdentity(vault: VaultStatus | undefined): Identity | undefined {
  if (vault?.state !== 'open') return undefined;
  const { identity, fingerprint, displayName } = vault.identity;
  return deepFreeze({ key: identity, fingerprint, displayName });
}

/** The connection, without the number of the session and the server's key. */
export function toConnection(state: ConnectionState): Connection {
  switch (state.state) {
    case 'disconnected':
      return deepFreeze(
        state.error ? { state: 'disconnected', error: { ...state.error } } : { state: 'disconnected' },
      );
    case 'connecting':
      return deepFreeze({ state: 'connecting', address: addressOf(state) });
    case 'connected':
      return deepFreeze({
        state: 'connected',
        address: addressOf(state),
        serverName: state.serverName,
        transport: state.transport,
        roles: [...state.roles],
        rttMs: state.rttMs,
        lossPercent: state.lossPercent,
      });
    case 'reconnecting':
      return deepFreeze({
        state: 'reconnecting',
        address: addressOf(state),
        nextTryAt: state.nextTryAt,
        error: { code: state.error.code, message: state.error.message },
      });
  }
}

/** `host:port`, with an IPv6 address in brackets (RFC 3986 §3.2.2). */
export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A room. */
export function toRoom({ id, parent, name, description, limit, gated, permanent }: RoomInfo): Room {
  return Object.freeze({ id, parent, name, description, limit, gated, permanent });
}

/** A connected person. */
export function toPerson(person: PersonInfo): Person {
  const { session, identity, fingerprint, name, roles, verified, room, inCall, muted, deafened, away, self } =
    person;
  return deepFreeze({
    session,
    key: identity,
    fingerprint,
    name,
    roles: [...roles],
    verified,
    room,
    inCall,
    muted,
    deafened,
    away,
    self,
  });
}

/** The call. */
export function toCall(call: CallState): Call {
  const { muted, deafened } = call;
  if (call.state === 'none') return Object.freeze({ state: 'none', muted, deafened });
  return deepFreeze({
    state: call.state,
    room: call.room,
    muted,
    deafened,
    epoch: call.epoch,
    code: call.code,
    suite: call.suite,
    members: call.members.map(({ session, identity, name, self, leaving, volume, external }) => ({
      session,
      key: identity,
      name,
      self,
      leaving,
      volume,
      external,
    })),
    mismatch: call.mismatch,
  });
}

/** Numbers about the call. */
export function toCallStats(stats: MediaStats | undefined): CallStats | undefined {
  if (!stats) return undefined;
  const { rttMs, lossPercent, jitterMs, kbpsIn, kbpsOut, rejected } = stats;
  return Object.freeze({ rttMs, lossPercent, jitterMs, kbpsIn, kbpsOut, rejected });
}

/** A message. */
export function toMessage(message: TextMessage): Message {
  const { room, id, cursor, sender, senderName, own, text, at, state } = message;
  return Object.freeze({ room, id, cursor, senderKey: sender, senderName, own, text, at, state });
}

/** Encryption of a room's messages. */
export function toTextGroup({ room, state, epoch, members }: TextGroupState): TextGroup {
  return deepFreeze({
    room,
    state,
    epoch,
    members: members.map(({ identity, name }) => ({ key: identity, name })),
  });
}
