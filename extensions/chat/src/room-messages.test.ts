import { describe, expect, it } from 'vitest';
import type { Connection, Conclave, Message, Room, TextGroup } from '../../api/conclave.d.ts';
import { createRoomMessages } from './room-messages.ts';

const connected: Connection = {
  state: 'connected',
  address: 'h:1',
  serverName: 'Harbour',
  transport: 'quic',
  roles: [],
  rttMs: null,
  lossPercent: 0,
};
const lobby: Room = {
  id: 1,
  parent: null,
  name: 'Lobby',
  description: '',
  limit: 0,
  gated: false,
  permanent: true,
};

function message(changes: Partial<Message>): Message {
  return {
    room: 1,
    id: '01',
    cursor: 1,
    senderKey: 'ada',
    senderName: 'Ada',
    own: false,
    text: 'hello',
    at: 0,
    state: 'received',
    ...changes,
  };
}

function signal<T>() {
  const listeners = new Set<(value: T) => void>();
  return {
    event: (listener: (value: T) => void) => {
      listeners.add(listener);
      return { dispose: () => void listeners.delete(listener) };
    },
    fire: (value: T) => [...listeners].forEach((listener) => listener(value)),
    count: () => listeners.size,
  };
}

/** The API, answering from a table that the test fills. */
function fakeApi() {
  const changed = signal<Message>();
  const groups = signal<TextGroup>();
  const rooms = signal<void>();
  const connection = signal<Connection>();
  const state = {
    connection: connected,
    rooms: [lobby] as readonly Room[],
    open: async (_options: unknown): Promise<readonly Message[]> => [],
    history: async (_before: number): Promise<readonly Message[]> => [],
    sent: [] as string[],
  };
  const api = {
    connection: {
      get state() {
        return state.connection;
      },
      onDidChange: connection.event,
    },
    rooms: {
      get all() {
        return state.rooms;
      },
      onDidChange: rooms.event,
    },
    text: {
      open: (_room: number, options: unknown) => state.open(options),
      history: (_room: number, before: number) => state.history(before),
      send: async (_room: number, text: string) => {
        state.sent.push(text);
        return message({
          id: `s${state.sent.length}`,
          cursor: null,
          own: true,
          senderKey: 'me',
          text,
          state: 'queued',
        });
      },
      groupOf: () => undefined,
      onDidChangeMessage: changed.event,
      onDidChangeGroup: groups.event,
    },
  } as unknown as Conclave;
  return { api, state, changed, rooms, connection };
}

describe('the messages of a room', () => {
  it('are opened once, and new ones are told apart from old ones', async () => {
    const { api, state, changed } = fakeApi();
    let opens = 0;
    state.open = async () => {
      opens++;
      return [message({ id: 'a', cursor: 1 })];
    };
    const messages = createRoomMessages(api, 1);
    const added: string[] = [];
    messages.onDidChange((list) => added.push(...list.map(({ id }) => id)));
    await Promise.all([messages.open(), messages.open()]);
    expect(opens).toBe(1);
    expect(added).toEqual([]);
    changed.fire(message({ id: 'b', cursor: 2 }));
    changed.fire(message({ id: 'b', cursor: 2 }));
    changed.fire(message({ id: 'c', cursor: 3, room: 2 }));
    expect(added).toEqual(['b']);
    expect(messages.messages.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('wait for the connection and for the room', async () => {
    const { api, state, rooms } = fakeApi();
    state.connection = { state: 'disconnected' };
    const messages = createRoomMessages(api, 1);
    await messages.open();
    expect(messages.status.state).toBe('offline');
    state.connection = connected;
    state.rooms = [];
    rooms.fire();
    expect(messages.status.state).toBe('offline');
    state.rooms = [lobby];
    rooms.fire();
    await expect.poll(() => messages.status.state).toBe('ready');
  });

  it('ask for a password and say when it was wrong', async () => {
    const { api, state } = fakeApi();
    state.open = async (options) => {
      const { password } = options as { readonly password?: string };
      if (password === 'right') return [];
      throw Object.assign(new Error('x'), {
        code: password === undefined ? 'room_password_required' : 'room_password_wrong',
      });
    };
    const messages = createRoomMessages(api, 1);
    await messages.open();
    expect(messages.status.state).toBe('needsPassword');
    await expect(messages.open('wrong')).rejects.toMatchObject({ code: 'room_password_wrong' });
    expect(messages.status.state).toBe('needsPassword');
    await messages.open('right');
    expect(messages.status.state).toBe('ready');
  });

  it('go back in pages from the oldest cursor until there is nothing older', async () => {
    const { api, state } = fakeApi();
    const asked: number[] = [];
    state.open = async () => [message({ id: 'c', cursor: 30 })];
    state.history = async (before) => {
      asked.push(before);
      return before === 30 ? [message({ id: 'b', cursor: 20 })] : [];
    };
    const messages = createRoomMessages(api, 1);
    await messages.open();
    await Promise.all([messages.loadOlder(), messages.loadOlder()]);
    expect(messages.hasOlder).toBe(true);
    await messages.loadOlder();
    expect(messages.hasOlder).toBe(false);
    await messages.loadOlder();
    expect(asked).toEqual([30, 20]);
    expect(messages.messages.map(({ id }) => id)).toEqual(['b', 'c']);
  });

  it('replace a failed message by the new try, for good', async () => {
    const { api, changed, state } = fakeApi();
    const messages = createRoomMessages(api, 1);
    await messages.open();
    const failed = message({
      id: 'f',
      cursor: null,
      own: true,
      senderKey: 'me',
      state: 'failed',
      text: 'again',
    });
    changed.fire(failed);
    await messages.retry(failed);
    expect(state.sent).toEqual(['again']);
    changed.fire(failed);
    expect(messages.messages.map(({ id, state: at }) => [id, at])).toEqual([['s1', 'queued']]);
  });

  it('stay on screen while reconnecting and go with the server', async () => {
    const { api, state, connection } = fakeApi();
    state.open = async () => [message({})];
    const messages = createRoomMessages(api, 1);
    await messages.open();
    connection.fire({
      state: 'reconnecting',
      address: 'h:1',
      nextTryAt: 0,
      error: { code: 'x', message: 'x' },
    });
    expect(messages.messages).toHaveLength(1);
    connection.fire({ state: 'disconnected' });
    expect(messages.messages).toHaveLength(0);
    expect(messages.status.state).toBe('offline');
  });

  it('listen to nothing any more after their end', async () => {
    const { api, changed, rooms, connection } = fakeApi();
    const messages = createRoomMessages(api, 1);
    messages.dispose();
    expect([changed.count(), rooms.count(), connection.count()]).toEqual([0, 0, 0]);
  });
});
