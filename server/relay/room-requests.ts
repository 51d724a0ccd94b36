import type { Disposable } from '../../core/base/disposable.ts';
import { equalBytes } from '../../core/base/bytes.ts';
import type { Room } from '../../core/protocol/control-message.ts';
import { wireError } from '../../core/protocol/error-code.ts';
import { createCallHandlers } from './call-requests.ts';
import { updateListeners } from './call.ts';
import type { RelayState } from './relay-state.ts';
import type { StoredRoom } from './relay-store.ts';
import type { Handlers } from './request-handler.ts';
import { checkRoomGate } from './room-gate.ts';
import { describePerson, type Session } from './session.ts';

type RoomRequests =
  'room.create' | 'room.edit' | 'room.delete' | 'room.enter' | 'room.leave' | 'presence.set';

/** Rooms and presence. */
export interface RoomHandlers {
  readonly handlers: Pick<Handlers, RoomRequests>;
  describeAll(): readonly Room[];
  /** Somebody left this room: a temporary one goes away when it stays empty. */
  noteEmpty(room: number): void;
  startTimers(): void;
  stopTimers(): void;
}

const MAX_DEPTH = 8;

/** What everybody is told about a room. */
export function describeRoom(room: StoredRoom): Room {
  const { id, parent, name, description, limit, permanent } = room;
  return { id, parent, name, description, limit, gated: room.password !== null, permanent };
}

/** Makes the handlers. */
export function createRoomHandlers(state: RelayState): RoomHandlers {
  const { config, store, clock, passwords } = state.options;
  const calls = createCallHandlers(state);
  const timers = new Map<number, Disposable>();

  const find = (id: number): StoredRoom => {
    const room = state.rooms.get(id);
    if (!room) throw wireError('room_not_found', 'This room does not exist any more.');
    return room;
  };
  const peopleIn = (id: number): number => {
    let count = 0;
    for (const session of state.sessions.values()) if (session.room === id) count++;
    return count;
  };
  const hasChildren = (id: number): boolean => [...state.rooms.values()].some((room) => room.parent === id);
  const depthOf = (id: number | null): number => {
    let depth = 0;
    for (let next = id; next !== null; next = state.rooms.get(next)?.parent ?? null) depth++;
    return depth;
  };
  const isAdmin = (session: Session): boolean => session.roles.includes('admin');
  const mayChange = (session: Session, room: StoredRoom): boolean =>
    isAdmin(session) || (!room.permanent && room.owner !== null && equalBytes(room.owner, session.identity));
  const checkName = (raw: string, parent: number | null, self?: number): string => {
    const name = raw.normalize('NFKC').trim();
    const longest = config['rooms.max_room_name_length'];
    if (name.length < 1 || name.length > longest || /\p{C}/u.test(name))
      throw wireError('name_invalid', `A room name has 1 to ${longest} characters, none of them invisible.`);
    const folded = name.toLowerCase();
    for (const other of state.rooms.values())
      if (other.id !== self && other.parent === parent && other.name.toLowerCase() === folded)
        throw wireError('room_name_taken', 'A room here has this name already. Choose another one.');
    return name;
  };
  const checkDescription = (raw: string): string => {
    if (/[^\P{C}\n\t]/u.test(raw))
      throw wireError('name_invalid', 'The description contains invisible characters. Remove them.');
    return raw;
  };

  const remove = (id: number): void => {
    store.rooms.remove(id);
    const parent = state.rooms.get(id)?.parent ?? null;
    state.rooms.delete(id);
    state.textGroups.delete(id);
    state.subscriptions.delete(id);
    timers.get(id)?.dispose();
    timers.delete(id);
    state.broadcast({ t: 'room.removed', room: id });
    if (parent !== null) noteEmpty(parent);
  };

  const noteEmpty = (id: number): void => {
    const room = state.rooms.get(id);
    if (!room || room.permanent || timers.has(id) || peopleIn(id) > 0 || hasChildren(id)) return;
    timers.set(
      id,
      clock.setTimer(config['rooms.empty_room_timeout'] * 1000, () => {
        timers.delete(id);
        if (peopleIn(id) === 0 && !hasChildren(id)) remove(id);
      }),
    );
  };
  const noteUsed = (id: number | null): void => {
    if (id === null) return;
    timers.get(id)?.dispose();
    timers.delete(id);
  };

  const leaveRoom = (session: Session): void => {
    calls.leave(session, false);
    const room = session.room;
    session.room = null;
    if (room !== null) noteEmpty(room);
  };

  return {
    describeAll: () => [...state.rooms.values()].map(describeRoom),
    noteEmpty,
    startTimers() {
      for (const id of state.rooms.keys()) noteEmpty(id);
    },
    stopTimers() {
      for (const timer of timers.values()) timer.dispose();
      timers.clear();
    },
    handlers: {
      async 'room.create'(session, request, reply) {
        const permanent = request.permanent === true;
        if (permanent && !isAdmin(session))
          throw wireError('not_allowed', 'Only admins make permanent rooms.');
        const check = (): { readonly name: string; readonly description: string } => {
          if (state.rooms.size >= config['rooms.max_rooms'])
            throw wireError('room_limit_reached', 'This server has no place for more rooms.');
          if (request.parent !== null) find(request.parent);
          if (depthOf(request.parent) >= MAX_DEPTH)
            throw wireError('not_allowed', `Rooms are nested at most ${MAX_DEPTH} deep.`);
          return {
            name: checkName(request.name, request.parent),
            description: checkDescription(request.description ?? ''),
          };
        };
        check();
        const now = clock.now();
        if (!session.limits.roomCreate.take(now))
          throw wireError(
            'rate_limited',
            'Wait a moment before making another room.',
            session.limits.roomCreate.waitFor(now),
          );
        const password = request.password === undefined ? null : await passwords.hash(request.password);
        // The hash took a while; others may have been faster.
        const { name, description } = check();
        const fields = {
          parent: request.parent,
          name,
          description,
          limit: request.limit ?? 0,
          permanent,
          owner: permanent ? null : session.identity,
          password,
        };
        const room: StoredRoom = { id: store.rooms.insert(fields), ...fields };
        state.rooms.set(room.id, room);
        noteUsed(room.parent);
        reply({ room: room.id });
        state.broadcast({ t: 'room.updated', room: describeRoom(room) });
        noteEmpty(room.id);
      },
      async 'room.edit'(session, request, reply) {
        if (!mayChange(session, find(request.room)))
          throw wireError('not_allowed', 'Only admins and the maker of a temporary room may change it.');
        const password =
          request.password === undefined
            ? undefined
            : request.password === null
              ? null
              : await passwords.hash(request.password);
        const room = find(request.room);
        const next: StoredRoom = {
          ...room,
          name: request.name === undefined ? room.name : checkName(request.name, room.parent, room.id),
          description:
            request.description === undefined ? room.description : checkDescription(request.description),
          limit: request.limit ?? room.limit,
          password: password === undefined ? room.password : password,
        };
        store.rooms.update(next);
        state.rooms.set(next.id, next);
        reply({});
        state.broadcast({ t: 'room.updated', room: describeRoom(next) });
      },
      'room.delete'(session, request, reply) {
        const room = find(request.room);
        if (!mayChange(session, room))
          throw wireError('not_allowed', 'Only admins and the maker of a temporary room may delete it.');
        if (peopleIn(room.id) > 0 || hasChildren(room.id))
          throw wireError('room_not_empty', 'People or rooms are still inside. Move them first.');
        remove(room.id);
        reply({});
      },
      async 'room.enter'(session, request, reply) {
        const room = find(request.room);
        if (session.room === room.id) {
          reply({});
          return;
        }
        if (room.password) await checkRoomGate(state, session, room, request.password);
        const current = find(request.room);
        if (current.limit > 0 && peopleIn(current.id) >= current.limit)
          throw wireError('room_full', 'This room is full.');
        leaveRoom(session);
        session.room = current.id;
        noteUsed(current.id);
        reply({});
        state.broadcast({ t: 'person.updated', person: describePerson(session) });
      },
      'room.leave'(session, _request, reply) {
        leaveRoom(session);
        reply({});
        state.broadcast({ t: 'person.updated', person: describePerson(session) });
      },
      'presence.set'(session, request, reply) {
        session.muted = request.muted;
        session.deafened = request.deafened;
        session.away = request.away;
        if (session.call) updateListeners(session.call);
        reply({});
        state.broadcast({ t: 'person.updated', person: describePerson(session) });
      },
    },
  };
}
