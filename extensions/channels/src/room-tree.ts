import type { Connection, Person, Room, TreeItem } from '../../api/conclave.d.ts';
import { strings } from './strings.ts';

/** A row of the rooms tree. */
export type RoomNode =
  { readonly kind: 'room'; readonly room: Room } | { readonly kind: 'person'; readonly person: Person };

/** What the tree is made of. */
export interface RoomTreeInput {
  readonly rooms: readonly Room[];
  readonly people: readonly Person[];
  readonly speaking: ReadonlySet<number>;
  /** This client is sending, so its own person is talking. */
  readonly transmitting: boolean;
  /** This person may change permanent rooms. */
  readonly isAdmin: boolean;
  /** The room whose call this client is in. */
  readonly callRoom: number | undefined;
}

/**
 * The rows below a room (or the top): people first, so that a deep tree does not push them out of sight,
 * then the rooms inside. Rooms keep the server's order, people are sorted by name.
 */
export function childrenOf(input: RoomTreeInput, parent: RoomNode | undefined): readonly RoomNode[] {
  if (parent?.kind === 'person') return [];
  if (!parent) {
    const known = new Set(input.rooms.map(({ id }) => id));
    // A room whose parent is not visible to us stands at the top rather than nowhere.
    return input.rooms
      .filter((room) => room.parent === null || !known.has(room.parent) || isInCycle(input.rooms, room))
      .map((room) => ({ kind: 'room', room }));
  }
  const people = input.people
    .filter((person) => person.room === parent.room.id)
    .sort(comparePeople)
    .map((person): RoomNode => ({ kind: 'person', person }));
  const rooms = input.rooms
    .filter((room) => room.parent === parent.room.id && !isInCycle(input.rooms, room))
    .map((room): RoomNode => ({ kind: 'room', room }));
  return [...people, ...rooms];
}

/** A server must not be able to hang the workbench with rooms that contain each other. */
function isInCycle(rooms: readonly Room[], room: Room): boolean {
  const parents = new Map(rooms.map(({ id, parent }) => [id, parent]));
  let at: number | null | undefined = room.parent;
  for (let steps = 0; at !== null && at !== undefined; steps++) {
    if (at === room.id || steps > rooms.length) return true;
    at = parents.get(at);
  }
  return false;
}

/** Sorts by name in the user's language, then by session, so that equal names do not swap places. */
export function comparePeople(a: Person, b: Person): number {
  return a.name.localeCompare(b.name) || a.session - b.session;
}

/** How a row looks. */
export function itemOf(input: RoomTreeInput, node: RoomNode): TreeItem {
  return node.kind === 'room' ? roomItem(input, node.room) : personItem(input, node.person, true);
}

function roomItem(input: RoomTreeInput, room: Room): TreeItem {
  const inside = input.people.filter((person) => person.room === room.id).length;
  const hasChildren = inside > 0 || input.rooms.some(({ parent }) => parent === room.id);
  const isCurrent = input.callRoom === room.id;
  const description = room.limit > 0 ? `${inside}/${room.limit}` : inside > 0 ? String(inside) : '';
  const decorations = [
    ...(room.gated ? [{ icon: 'lock', label: strings.gated }] : []),
    ...(isCurrent ? [{ icon: 'call-outgoing', label: strings.inThisCall, emphasis: 'active' as const }] : []),
  ];
  return {
    id: `room/${room.id}`,
    label: room.name,
    ...(description === '' ? {} : { description }),
    tooltip: roomTooltip(room, inside),
    icon: isCurrent ? 'unmute' : 'comment-discussion',
    ...(decorations.length > 0 ? { decorations } : {}),
    ...(hasChildren ? { collapsible: 'expanded' as const } : {}),
    // Whose a temporary room is, is not told: the server refuses where it must.
    contextValue: `room.${room.permanent ? 'permanent' : 'temporary'}.${input.isAdmin || !room.permanent ? 'editable' : 'fixed'}`,
    command: { id: 'rooms.join', args: [room.id] },
  };
}

function roomTooltip(room: Room, inside: number): string {
  const lines = [room.name];
  if (room.description !== '') lines.push(room.description);
  lines.push(strings.peopleInside(inside, room.limit));
  if (room.gated) lines.push(strings.gated);
  if (!room.permanent) lines.push(strings.temporary);
  return lines.join('\n');
}

/** How a person looks, in the tree of rooms and in the list of people. */
export function personItem(
  input: Pick<RoomTreeInput, 'speaking' | 'transmitting' | 'rooms'>,
  person: Person,
  isInRoomTree: boolean,
): TreeItem {
  const talking = person.self ? input.transmitting : input.speaking.has(person.session);
  const decorations = [
    ...(person.verified ? [{ icon: 'verified-filled', label: strings.verified }] : []),
    ...(person.muted ? [{ icon: 'mic~off', label: strings.muted, emphasis: 'warning' as const }] : []),
    ...(person.deafened ? [{ icon: 'mute', label: strings.deafened, emphasis: 'warning' as const }] : []),
    ...(talking ? [{ icon: 'record', label: strings.talking, emphasis: 'active' as const }] : []),
    ...(person.away ? [{ icon: 'clock', label: strings.away }] : []),
  ];
  const room = input.rooms.find(({ id }) => id === person.room);
  const notes = [
    ...(person.self ? [strings.you] : []),
    ...person.roles,
    ...(!isInRoomTree && room ? [room.name] : []),
  ];
  return {
    id: `person/${person.session}`,
    label: person.name,
    ...(notes.length > 0 ? { description: notes.join(' · ') } : {}),
    tooltip: [
      person.name,
      strings.fingerprint(person.fingerprint),
      ...(person.verified ? [strings.verified] : []),
    ].join('\n'),
    icon: talking ? 'circle-large-filled' : person.inCall ? 'circle-large' : 'account',
    ...(decorations.length > 0 ? { decorations } : {}),
    contextValue: person.self ? 'person.self' : 'person',
  };
}

/** What the status bar says about the connection. */
export interface ConnectionStatus {
  readonly text: string;
  readonly tooltip: string;
  readonly command: string;
  readonly kind: 'normal' | 'warning' | 'error';
}

/** Renders the connection for the status bar; `now` is the wall clock, ms. */
export function connectionStatus(connection: Connection, now: number): ConnectionStatus {
  switch (connection.state) {
    case 'disconnected':
      return {
        text: `$(debug-disconnect) ${strings.notConnected}`,
        tooltip: connection.error ? connection.error.message : strings.clickToConnect,
        command: 'server.connect',
        kind: connection.error ? 'warning' : 'normal',
      };
    case 'connecting':
      return {
        text: `$(loading~spin) ${strings.connectingTo(connection.address)}`,
        tooltip: strings.connectingTo(connection.address),
        command: 'server.disconnect',
        kind: 'normal',
      };
    case 'connected': {
      const numbers = connection.rttMs === null ? '' : ` ${Math.round(connection.rttMs)} ms`;
      const fallback = connection.transport === 'fallback' ? ` · ${strings.fallbackShort}` : '';
      return {
        text: `$(arrow-swap) ${connection.serverName}${numbers}${fallback}`,
        tooltip: [
          connection.address,
          connection.transport === 'fallback' ? strings.fallbackLong : strings.quicLong,
          strings.roundTrip(connection.rttMs),
          strings.loss(connection.lossPercent),
        ].join('\n'),
        command: 'rooms.showConnection',
        kind: connection.transport === 'fallback' ? 'warning' : 'normal',
      };
    }
    case 'reconnecting': {
      const seconds = Math.max(0, Math.ceil((connection.nextTryAt - now) / 1000));
      return {
        text: `$(sync~spin) ${strings.reconnecting(seconds)}`,
        tooltip: `${connection.error.message}\n${strings.clickToRetry}`,
        command: 'rooms.retry',
        kind: 'warning',
      };
    }
  }
}
