import { toHex } from '../base/bytes.ts';
import { createEmitter, type Event } from '../base/event.ts';
import type { Disposable } from '../base/disposable.ts';
import { fingerprint } from '../crypto/identity.ts';
import type { Person, Room, ServerEvent } from '../protocol/control-message.ts';
import type { Welcome } from './control-channel.ts';
import type { Directory, PersonInfo, RoomInfo } from './session-contract.ts';
import { shownName, shownText } from './shown-name.ts';

/** Rooms and people as the server tells them: claims, shown as such and never used to decide who can hear. */
export interface DirectoryStore extends Disposable {
  reset(welcome: Welcome): void;
  clear(): void;
  /** Takes note of an event; others are ignored. */
  apply(event: ServerEvent): void;
  setSubscribed(room: number, subscribed: boolean): void;
  readonly snapshot: Directory;
  readonly subscriptions: ReadonlySet<number>;
  person(session: number): Person | undefined;
  room(id: number): Room | undefined;
  readonly onDidChange: Event<Directory>;
}

/** A server that names more is not believed: the rest is left out. */
const MAX_PEOPLE = 10_000;
const MAX_ROOMS = 10_000;

/** Makes an empty directory. */
export function createDirectoryStore(): DirectoryStore {
  const changed = createEmitter<Directory>();
  const rooms = new Map<number, Room>();
  const people = new Map<number, Person>();
  const fingerprints = new Map<string, string>();
  let subscriptions = new Set<number>();
  let ownSession = 0;
  let cached: Directory | undefined;
  let scheduled = false;

  const fingerprintOf = (identity: string, key: Uint8Array): string => {
    let text = fingerprints.get(identity);
    if (text === undefined) {
      text = fingerprint(key);
      if (fingerprints.size >= MAX_PEOPLE) fingerprints.clear();
      fingerprints.set(identity, text);
    }
    return text;
  };
  const describePerson = (person: Person): PersonInfo => {
    const identity = toHex(person.identity);
    return {
      ...person,
      identity,
      fingerprint: fingerprintOf(identity, person.identity),
      self: person.session === ownSession,
    };
  };
  const snapshot = (): Directory => {
    cached ??= {
      rooms: [...rooms.values()].map((room): RoomInfo => ({
        ...room,
        subscribed: subscriptions.has(room.id),
      })),
      people: [...people.values()].map(describePerson),
    };
    return cached;
  };
  // A burst of events (twenty people joining) gives one snapshot.
  const touch = (): void => {
    cached = undefined;
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      changed.fire(snapshot());
    });
  };
  const setPerson = (person: Person): void => {
    if (!people.has(person.session) && people.size >= MAX_PEOPLE) return;
    people.set(person.session, { ...person, name: shownName(person.name, toHex(person.identity)) });
  };
  const setRoom = (room: Room): void => {
    if (!rooms.has(room.id) && rooms.size >= MAX_ROOMS) return;
    rooms.set(room.id, { ...room, name: shownText(room.name) });
  };

  return {
    reset(welcome) {
      rooms.clear();
      people.clear();
      for (const room of welcome.rooms) setRoom(room);
      for (const person of welcome.people) setPerson(person);
      subscriptions = new Set(welcome.subscriptions);
      ownSession = welcome.session;
      touch();
    },
    clear() {
      rooms.clear();
      people.clear();
      subscriptions = new Set();
      ownSession = 0;
      touch();
    },
    apply(event) {
      switch (event.t) {
        case 'room.updated':
          setRoom(event.room);
          break;
        case 'room.removed':
          rooms.delete(event.room);
          subscriptions.delete(event.room);
          break;
        case 'person.updated':
          setPerson(event.person);
          break;
        case 'person.left':
          people.delete(event.session);
          break;
        default:
          return;
      }
      touch();
    },
    setSubscribed(room, subscribed) {
      if (subscribed) subscriptions.add(room);
      else subscriptions.delete(room);
      touch();
    },
    get snapshot() {
      return snapshot();
    },
    get subscriptions() {
      return subscriptions;
    },
    person: (session) => people.get(session),
    room: (id) => rooms.get(id),
    onDidChange: changed.event,
    dispose: () => changed.dispose(),
  };
}
