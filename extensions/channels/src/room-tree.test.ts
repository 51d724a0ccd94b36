import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Person, Room } from '../../api/conclave.d.ts';
import {
  childrenOf,
  connectionStatus,
  itemOf,
  personItem,
  type RoomNode,
  type RoomTreeInput,
} from './room-tree.ts';

function room(changes: Partial<Room>): Room {
  return {
    id: 1,
    parent: null,
    name: 'Lobby',
    description: '',
    limit: 0,
    gated: false,
    permanent: true,
    ...changes,
  };
}

function person(changes: Partial<Person>): Person {
  return {
    session: 1,
    key: 'ab',
    fingerprint: '0011 2233',
    name: 'Ada',
    roles: [],
    verified: false,
    room: 1,
    inCall: false,
    muted: false,
    deafened: false,
    away: false,
    self: false,
    ...changes,
  };
}

function input(changes: Partial<RoomTreeInput>): RoomTreeInput {
  return {
    rooms: [],
    people: [],
    speaking: new Set(),
    transmitting: false,
    isAdmin: false,
    callRoom: undefined,
    ...changes,
  };
}

const name = (node: RoomNode): string => (node.kind === 'room' ? node.room.name : node.person.name);

describe('the tree of rooms', () => {
  it('puts people before rooms, sorts people and keeps the order of rooms', () => {
    const tree = input({
      rooms: [
        room({ id: 1, name: 'Z' }),
        room({ id: 2, name: 'A' }),
        room({ id: 3, name: 'Inner', parent: 1 }),
      ],
      people: [person({ session: 1, name: 'Cleo' }), person({ session: 2, name: 'Ada' })],
    });
    const top = childrenOf(tree, undefined);
    expect(top.map(name)).toEqual(['Z', 'A']);
    expect(childrenOf(tree, top[0]).map(name)).toEqual(['Ada', 'Cleo', 'Inner']);
  });

  it('shows every room exactly once, whatever parents a server gives', () => {
    const arbitrary = fc.array(fc.option(fc.integer({ min: 0, max: 12 })), { maxLength: 12 });
    fc.assert(
      fc.property(arbitrary, (parents) => {
        const rooms = parents.map((parent, id) => room({ id, parent, name: String(id) }));
        const tree = input({ rooms });
        const seen: number[] = [];
        const walk = (node: RoomNode | undefined): void => {
          for (const child of childrenOf(tree, node)) {
            if (child.kind === 'room') seen.push(child.room.id);
            if (seen.length > rooms.length) throw new Error('shown twice');
            walk(child);
          }
        };
        walk(undefined);
        expect(seen.sort((a, b) => a - b)).toEqual(rooms.map(({ id }) => id));
      }),
    );
  });

  it('says everything it shows by an icon in words too', () => {
    const item = personItem(
      { rooms: [], speaking: new Set(), transmitting: true },
      person({ muted: true, deafened: true, verified: true, away: true, self: true }),
      true,
    );
    expect(item.decorations?.map(({ label }) => label)).toEqual([
      'Verified on this server',
      'Muted',
      'Deafened',
      'Talking',
      'Away',
    ]);
    expect(item.tooltip).toContain('0011 2233');
    expect(item.description).toBe('you');
  });

  it('shows limits, passwords and the room of the call', () => {
    const tree = input({ rooms: [room({ limit: 5, gated: true })], people: [person({})], callRoom: 1 });
    const item = itemOf(tree, { kind: 'room', room: tree.rooms[0] as Room });
    expect(item).toMatchObject({
      description: '1/5',
      collapsible: 'expanded',
      command: { id: 'rooms.join', args: [1] },
    });
    expect(item.decorations?.map(({ icon }) => icon)).toEqual(['lock', 'call-outgoing']);
  });

  it('has nothing to unfold in an empty room', () => {
    const tree = input({ rooms: [room({})] });
    expect(itemOf(tree, { kind: 'room', room: tree.rooms[0] as Room }).collapsible).toBeUndefined();
  });
});

describe('the status of the connection', () => {
  it('counts down to the next try', () => {
    const state = {
      state: 'reconnecting',
      address: 'h:1',
      nextTryAt: 5000,
      error: { code: 'unreachable', message: 'No answer.' },
    } as const;
    expect(connectionStatus(state, 1500)).toMatchObject({
      text: '$(sync~spin) Reconnecting in 4 s',
      command: 'rooms.retry',
    });
    expect(connectionStatus(state, 9000).text).toContain('now');
  });

  it('names the fallback transport', () => {
    const state = {
      state: 'connected',
      address: 'h:1',
      serverName: 'Harbour',
      transport: 'fallback',
      roles: [],
      rttMs: 12.4,
      lossPercent: 0,
    } as const;
    expect(connectionStatus(state, 0)).toMatchObject({
      text: '$(arrow-swap) Harbour 12 ms · fallback',
      kind: 'warning',
    });
    expect(connectionStatus({ ...state, transport: 'quic', rttMs: null }, 0).text).toBe(
      '$(arrow-swap) Harbour',
    );
  });

  it('keeps the reason of a lost connection within reach', () => {
    expect(
      connectionStatus({ state: 'disconnected', error: { code: 'x', message: 'Refused.' } }, 0).tooltip,
    ).toBe('Refused.');
  });
});
