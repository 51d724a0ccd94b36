import { toHex, type Bytes } from '../../core/base/bytes.ts';
import { encodeMessage, type ServerEvent } from '../../core/protocol/control-message.ts';
import { formatGroupReference } from '../../core/protocol/group-reference.ts';
import type { Call } from './call.ts';
import type { RelayOptions } from './relay.ts';
import type { GroupStorage, StoredRoom } from './relay-store.ts';
import type { Session } from './session.ts';

/** The text group of a room. */
export interface TextGroup {
  readonly room: number;
  readonly generation: number;
  readonly reference: string;
  readonly storage: GroupStorage;
}

/** What the request handlers work on together. */
export interface RelayState {
  readonly options: RelayOptions;
  readonly sessions: Map<number, Session>;
  readonly byIdentity: Map<string, Session>;
  readonly rooms: Map<number, StoredRoom>;
  readonly calls: Map<number, Call>;
  readonly textGroups: Map<number, TextGroup>;
  /** By room, then hex identity. */
  readonly subscriptions: Map<number, Map<string, Bytes>>;
  /** The next generation of a room's call group; never one it had before. */
  takeCallGeneration(room: number): number;
  /** The text group of a room, made when missing. */
  textGroup(room: number): TextGroup;
  subscriptionsOf(key: string): readonly number[];
  /** Sends an event to every session but one. */
  broadcast(event: ServerEvent, except?: Session): void;
  /** Sends an event to some sessions, encoding it once. */
  multicast(sessions: Iterable<Session>, event: ServerEvent, except?: Session): void;
}

/** Loads the state from the store. */
export function createRelayState(options: RelayOptions): RelayState {
  const { store } = options;
  const sessions = new Map<number, Session>();
  const textGroups = new Map<number, TextGroup>();
  const subscriptions = new Map<number, Map<string, Bytes>>();
  const callGenerations = new Map<number, number>();
  let nextTextGeneration = options.firstGeneration;
  const makeTextGroup = (room: number, generation: number, storage: GroupStorage): TextGroup => ({
    room,
    generation,
    reference: formatGroupReference({ kind: 'text', room, generation }),
    storage,
  });
  for (const { room, generation } of store.textGroups.list())
    textGroups.set(room, makeTextGroup(room, generation, store.textGroups.open(room)));
  for (const { room, identity } of store.subscriptions.list()) {
    const people = subscriptions.get(room) ?? new Map<string, Bytes>();
    people.set(toHex(identity), identity);
    subscriptions.set(room, people);
  }
  const multicast = (targets: Iterable<Session>, event: ServerEvent, except?: Session): void => {
    let encoded: Bytes | undefined;
    for (const session of targets) {
      if (session === except) continue;
      encoded ??= encodeMessage(event);
      session.link.sendEncoded(encoded);
    }
  };
  return {
    options,
    sessions,
    byIdentity: new Map(),
    rooms: new Map(store.rooms.list().map((room) => [room.id, room])),
    calls: new Map(),
    textGroups,
    subscriptions,
    takeCallGeneration(room) {
      const generation = callGenerations.get(room) ?? options.firstGeneration;
      callGenerations.set(room, generation + 1);
      return generation;
    },
    textGroup(room) {
      let group = textGroups.get(room);
      if (!group) {
        const generation = nextTextGeneration++;
        group = makeTextGroup(room, generation, store.textGroups.create(room, generation));
        textGroups.set(room, group);
      }
      return group;
    },
    subscriptionsOf: (key) =>
      [...subscriptions].filter(([, people]) => people.has(key)).map(([room]) => room),
    broadcast: (event, except) => multicast(sessions.values(), event, except),
    multicast,
  };
}
