import { describe, expect, it } from 'vitest';
import type { Person, Room } from '../protocol/control-message.ts';
import type { Welcome } from './control-channel.ts';
import { createDirectoryStore } from './directory-store.ts';
import type { Directory } from './session-contract.ts';

const room = (id: number, name: string): Room => ({
  id,
  parent: null,
  name,
  description: '',
  limit: 0,
  gated: false,
  permanent: true,
});
const person = (session: number, name: string, changes: Partial<Person> = {}): Person => ({
  session,
  identity: new Uint8Array(32).fill(session),
  name,
  roles: [],
  verified: false,
  room: null,
  inCall: false,
  muted: false,
  deafened: false,
  away: false,
  ...changes,
});
const welcome: Welcome = {
  t: 'welcome',
  session: 1,
  roles: [],
  verified: false,
  serverName: 'Harbour',
  limits: { roomNameLength: 32, rooms: 50, messagesPerSecond: 50 },
  rooms: [room(1, 'Lobby')],
  people: [person(1, 'Ada'), person(2, 'Ben')],
  subscriptions: [1],
};

describe('directory', () => {
  it('shows what the server told, who oneself is and what one is subscribed to', () => {
    const directory = createDirectoryStore();
    directory.reset(welcome);
    expect(directory.snapshot.rooms).toEqual([{ ...room(1, 'Lobby'), subscribed: true }]);
    expect(directory.snapshot.people.map(({ name, self }) => [name, self])).toEqual([
      ['Ada', true],
      ['Ben', false],
    ]);
    expect(directory.snapshot.people[1]?.fingerprint).toMatch(/^([0-9a-f]{4} ){7}[0-9a-f]{4}$/);
    directory.dispose();
  });

  it('follows events and tells once for a burst of them', async () => {
    const directory = createDirectoryStore();
    directory.reset(welcome);
    await Promise.resolve();
    const told: Directory[] = [];
    const listening = directory.onDidChange((snapshot) => told.push(snapshot));
    directory.apply({ t: 'person.updated', person: person(2, 'Ben', { muted: true }) });
    directory.apply({ t: 'person.updated', person: person(3, 'Cleo') });
    directory.apply({ t: 'person.left', session: 1 });
    directory.apply({ t: 'room.updated', room: room(2, 'Deck') });
    directory.apply({ t: 'room.removed', room: 1 });
    directory.apply({ t: 'server.closing', restart: true });
    await Promise.resolve();
    expect(told).toHaveLength(1);
    expect(told[0]?.people.map(({ name, muted }) => [name, muted])).toEqual([
      ['Ben', true],
      ['Cleo', false],
    ]);
    expect(told[0]?.rooms.map(({ name }) => name)).toEqual(['Deck']);
    expect(directory.subscriptions.size).toBe(0);
    listening.dispose();
    directory.dispose();
  });

  it('is empty after the server is left', () => {
    const directory = createDirectoryStore();
    directory.reset(welcome);
    directory.clear();
    expect(directory.snapshot).toEqual({ rooms: [], people: [] });
    directory.dispose();
  });

  it('shows names so that they cannot imitate anything, and believes only so many', () => {
    const directory = createDirectoryStore();
    directory.reset({
      ...welcome,
      people: [person(1, 'A\u202Eda\n'), person(2, '\u200B')],
      rooms: [room(1, 'Lo\u0000bby')],
    });
    expect(directory.snapshot.people.map(({ name }) => name)).toEqual(['A\uFFFDda\uFFFD', '\uFFFD']);
    expect(directory.snapshot.rooms[0]?.name).toBe('Lo\uFFFDbby');
    for (let session = 3; session < 10_100; session++)
      directory.apply({ t: 'person.updated', person: person(session, 'Crowd') });
    expect(directory.snapshot.people).toHaveLength(10_000);
    directory.dispose();
  });
});
