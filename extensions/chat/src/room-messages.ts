import type { Conclave, Disposable, Failure, Message, TextGroup } from '../../api/conclave.d.ts';
import { identityOf, mergeMessages, oldestCursor } from './timeline.ts';

/** How many older messages are asked for at once. */
export const PAGE_SIZE = 50;

/** What is known of a room's messages. */
export type RoomMessagesState =
  | { readonly state: 'offline' | 'loading' | 'needsPassword' | 'gone' }
  | { readonly state: 'failed'; readonly error: Failure }
  | { readonly state: 'ready' };

/** The messages of one room, kept up to date while anybody looks at them. */
export interface RoomMessages extends Disposable {
  readonly room: number;
  readonly status: RoomMessagesState;
  readonly messages: readonly Message[];
  readonly group: TextGroup | undefined;
  /** There may be messages older than the first one. */
  readonly hasOlder: boolean;
  readonly loadingOlder: boolean;
  /** Opens the room's messages; does nothing while that is under way or done. */
  open(password?: string): Promise<void>;
  loadOlder(): Promise<void>;
  send(text: string): Promise<void>;
  /** Sends a failed message again and takes the failed one off the list. */
  retry(message: Message): Promise<void>;
  /** The listener is told which messages are new; an empty list stands for any other change. */
  onDidChange(listener: (added: readonly Message[]) => void): Disposable;
}

/** Starts to follow a room; call `open` to get its messages. */
export function createRoomMessages(
  api: Pick<Conclave, 'text' | 'connection' | 'rooms'>,
  room: number,
): RoomMessages {
  const listeners = new Set<(added: readonly Message[]) => void>();
  const discarded = new Set<string>();
  let status: RoomMessagesState = { state: 'offline' };
  let messages: readonly Message[] = [];
  let hasOlder = true;
  let loadingOlder = false;
  let disposed = false;
  const tell = (added: readonly Message[] = []): void => {
    for (const listener of [...listeners]) listener(added);
  };
  const add = (changes: readonly Message[], live: boolean): void => {
    const known = new Set(messages.map(identityOf));
    const wanted = changes.filter((message) => message.room === room && !discarded.has(identityOf(message)));
    if (wanted.length === 0) return;
    messages = mergeMessages(messages, wanted);
    tell(live ? wanted.filter((message) => !known.has(identityOf(message))) : []);
  };
  const isOnline = (): boolean => api.connection.state.state === 'connected';
  const exists = (): boolean => api.rooms.all.some(({ id }) => id === room);

  const open = async (password?: string): Promise<void> => {
    if (status.state === 'loading' || status.state === 'ready' || !isOnline()) return;
    if (!exists()) {
      status = { state: 'gone' };
      tell();
      return;
    }
    status = { state: 'loading' };
    tell();
    try {
      const opened = await api.text.open(room, password === undefined ? {} : { password });
      if (disposed) return;
      status = { state: 'ready' };
      hasOlder = opened.length > 0;
      add(opened, false);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === 'room_password_required' || failure.code === 'room_password_wrong')
        status = { state: 'needsPassword' };
      else if (failure.code === 'room_not_found') status = { state: 'gone' };
      else status = { state: 'failed', error: failure };
      tell();
      if (failure.code === 'room_password_wrong') throw error;
      return;
    }
    tell();
  };

  const subscriptions = [
    api.text.onDidChangeMessage((message) => add([message], true)),
    api.text.onDidChangeGroup((group) => {
      if (group.room === room) tell();
    }),
    api.rooms.onDidChange(() => {
      // The list of rooms arrives after the connection; a tab restored at start waits for it.
      if (isOnline() && exists() && (status.state === 'gone' || status.state === 'offline')) {
        status = { state: 'offline' };
        void open();
      }
    }),
    api.connection.onDidChange((connection) => {
      if (connection.state === 'disconnected') {
        // What was read stays on screen while reconnecting; another server may number its rooms alike.
        status = { state: 'offline' };
        messages = [];
        hasOlder = true;
      }
      tell();
    }),
  ];

  return {
    room,
    get status() {
      return status;
    },
    get messages() {
      return messages;
    },
    get group() {
      return api.text.groupOf(room);
    },
    get hasOlder() {
      return hasOlder && status.state === 'ready';
    },
    get loadingOlder() {
      return loadingOlder;
    },
    open,
    async loadOlder() {
      const before = oldestCursor(messages);
      if (loadingOlder || !hasOlder || status.state !== 'ready' || before === undefined) return;
      loadingOlder = true;
      tell();
      try {
        const older = await api.text.history(room, before, PAGE_SIZE);
        if (older.length === 0) hasOlder = false;
        add(older, false);
      } finally {
        loadingOlder = false;
        tell();
      }
    },
    async send(text) {
      add([await api.text.send(room, text)], true);
    },
    async retry(message) {
      const again = await api.text.send(room, message.text);
      discarded.add(identityOf(message));
      messages = messages.filter((other) => identityOf(other) !== identityOf(message));
      add([again], true);
      tell();
    },
    onDidChange(listener) {
      listeners.add(listener);
      return { dispose: () => void listeners.delete(listener) };
    },
    dispose() {
      disposed = true;
      for (const subscription of subscriptions) subscription.dispose();
      listeners.clear();
    },
  };
}

/** The code and text of an error of the API. */
export function failureOf(error: unknown): Failure {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return {
    code: typeof code === 'string' ? code : 'internal',
    message: typeof message === 'string' ? message : 'Something went wrong inside.',
  };
}
