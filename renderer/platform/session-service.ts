import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { RpcClient } from '../../core/base/rpc/rpc.ts';
import type {
  AudioLevels,
  MediaPageEvents,
  MediaPageMethods,
  MediaStats,
} from '../../core/workers/media-contract.ts';
import type {
  CallState,
  ConnectionState,
  Directory,
  NewRoom,
  Notice,
  RoomEdit,
  ServerAddress,
  ServerProfile,
  SessionEvents,
  SessionMethods,
  TextGroupState,
  TextMessage,
  VaultStatus,
} from '../../core/workers/session-contract.ts';

/** A value that is always there to read and tells when it changes. */
export interface Observed<T> {
  readonly current: T;
  readonly onDidChange: Event<T>;
}

/** Who is talking. */
export interface Speaking {
  /** Sessions that are heard now. */
  readonly sessions: ReadonlySet<number>;
  /** This client is sending. */
  readonly transmitting: boolean;
}

/**
 * The workbench's view of the two workers: what they tell is kept as snapshots, so that views read without
 * waiting, and what the user does becomes one call each. Every call rejects with a CodedError whose message
 * can be shown.
 */
export interface SessionService extends Disposable {
  /** Undefined until the worker has answered the first question. */
  readonly vault: Observed<VaultStatus | undefined>;
  readonly connection: Observed<ConnectionState>;
  readonly directory: Observed<Directory>;
  readonly call: Observed<CallState>;
  /** Fires only when the set or the flag changed, not for every meter update. */
  readonly speaking: Observed<Speaking>;
  readonly stats: Observed<MediaStats | undefined>;
  /** The microphone's level, 20 times a second while audio runs. */
  readonly onLevels: Event<AudioLevels>;
  readonly onDidChangeMessage: Event<TextMessage>;
  readonly onDidChangeTextGroup: Event<TextGroupState>;
  textGroup(room: number): TextGroupState | undefined;
  readonly onNotice: Event<Notice>;
  /** The session worker is gone; only starting again helps. */
  readonly onDidStop: Event<void>;

  /** Asks for the state of the vault; its answer is `vault.current` too. */
  readVault(): Promise<VaultStatus>;
  createVault(displayName: string, passphrase: string | undefined): Promise<VaultStatus>;
  unlockVault(passphrase: string | undefined): Promise<VaultStatus>;
  setDisplayName(displayName: string): Promise<void>;
  servers(): Promise<readonly ServerProfile[]>;
  connect(address: ServerAddress): Promise<void>;
  disconnect(): Promise<void>;
  forget(host: string, port: number): Promise<void>;
  retry(): Promise<void>;
  createRoom(room: NewRoom): Promise<number>;
  editRoom(edit: RoomEdit): Promise<void>;
  deleteRoom(room: number): Promise<void>;
  enterRoom(room: number, password: string | undefined): Promise<void>;
  leaveRoom(): Promise<void>;
  joinCall(room: number, password: string | undefined): Promise<void>;
  leaveCall(): Promise<void>;
  setMuted(muted: boolean): Promise<void>;
  setDeafened(deafened: boolean): Promise<void>;
  setVolume(identity: string, gain: number): Promise<void>;
  /** Push-to-talk. Never fails: a lost press is better than an error in the middle of a word. */
  setTalking(pressed: boolean): void;
  openText(room: number, password: string | undefined): Promise<readonly TextMessage[]>;
  textHistory(room: number, before: number, limit: number): Promise<readonly TextMessage[]>;
  sendText(room: number, text: string): Promise<TextMessage>;
  leaveText(room: number): Promise<void>;
}

const NO_ONE: Speaking = { sessions: new Set(), transmitting: false };

/** Makes the service on the ports of the session worker and of the media worker's page side. */
export function createSessionService(
  session: RpcClient<SessionMethods, SessionEvents>,
  media: RpcClient<MediaPageMethods, MediaPageEvents>,
): SessionService {
  const store = createDisposableStore();
  const observe = <T>(initial: T): Observed<T> & { set(value: T): void } => {
    const changed = store.add(createEmitter<T>());
    let current = initial;
    return {
      get current() {
        return current;
      },
      onDidChange: changed.event,
      set(value) {
        current = value;
        changed.fire(value);
      },
    };
  };
  const vault = observe<VaultStatus | undefined>(undefined);
  const connection = observe<ConnectionState>({ state: 'disconnected' });
  const directory = observe<Directory>({ rooms: [], people: [] });
  const call = observe<CallState>({ state: 'none', muted: false, deafened: false });
  const speaking = observe<Speaking>(NO_ONE);
  const stats = observe<MediaStats | undefined>(undefined);
  const groups = new Map<number, TextGroupState>();
  const groupChanged = store.add(createEmitter<TextGroupState>());

  store.add(session.on('vault.changed')((status) => vault.set(status)));
  store.add(
    session.on('connection.changed')((next) => {
      connection.set(next);
      // What the server told is worth nothing without it; the call keeps its last words until it ends.
      if (next.state === 'disconnected') {
        groups.clear();
        directory.set({ rooms: [], people: [] });
      }
    }),
  );
  store.add(session.on('directory.changed')((next) => directory.set(next)));
  store.add(
    session.on('call.changed')((next) => {
      call.set(next);
      if (next.state !== 'none') return;
      if (speaking.current.transmitting || speaking.current.sessions.size > 0) speaking.set(NO_ONE);
      stats.set(undefined);
    }),
  );
  store.add(
    session.on('text.group')((group) => {
      if (group.state === 'left') groups.delete(group.room);
      else groups.set(group.room, group);
      groupChanged.fire(group);
    }),
  );
  store.add(
    media.on('audio.levels')((levels) => {
      if (call.current.state !== 'none' && differs(speaking.current, levels))
        speaking.set({ sessions: new Set(levels.speaking), transmitting: levels.transmitting });
    }),
  );
  store.add(media.on('media.stats')((next) => stats.set(next)));

  const tellVault = (status: VaultStatus): VaultStatus => {
    vault.set(status);
    return status;
  };
  const withPassword = (room: number, password: string | undefined): { room: number; password?: string } =>
    password === undefined ? { room } : { room, password };

  return {
    vault,
    connection,
    directory,
    call,
    speaking,
    stats,
    onLevels: media.on('audio.levels'),
    onDidChangeMessage: session.on('text.changed'),
    onDidChangeTextGroup: groupChanged.event,
    textGroup: (room) => groups.get(room),
    onNotice: session.on('notice'),
    onDidStop: session.onClose,
    async readVault() {
      return tellVault(await session.call('vault.status', {}));
    },
    async createVault(displayName, passphrase) {
      return tellVault(
        await session.call(
          'vault.create',
          passphrase === undefined ? { displayName } : { displayName, passphrase },
        ),
      );
    },
    async unlockVault(passphrase) {
      return tellVault(await session.call('vault.unlock', passphrase === undefined ? {} : { passphrase }));
    },
    async setDisplayName(displayName) {
      await session.call('identity.setDisplayName', { displayName });
    },
    servers: () => session.call('server.list', {}),
    async connect(address) {
      await session.call('server.connect', address);
    },
    async disconnect() {
      await session.call('server.disconnect', {});
    },
    async forget(host, port) {
      await session.call('server.forget', { host, port });
    },
    async retry() {
      await session.call('server.retry', {});
    },
    async createRoom(room) {
      return (await session.call('room.create', room)).room;
    },
    async editRoom(edit) {
      await session.call('room.edit', edit);
    },
    async deleteRoom(room) {
      await session.call('room.delete', { room });
    },
    async enterRoom(room, password) {
      await session.call('room.enter', withPassword(room, password));
    },
    async leaveRoom() {
      await session.call('room.leave', {});
    },
    async joinCall(room, password) {
      await session.call('call.join', withPassword(room, password));
    },
    async leaveCall() {
      await session.call('call.leave', {});
    },
    async setMuted(muted) {
      await session.call('call.setMuted', { muted });
    },
    async setDeafened(deafened) {
      await session.call('call.setDeafened', { deafened });
    },
    async setVolume(identity, gain) {
      await session.call('person.setVolume', { identity, gain });
    },
    setTalking(pressed) {
      media.call('audio.talk', { pressed }).catch(() => {});
    },
    openText: (room, password) => session.call('text.open', withPassword(room, password)),
    textHistory: (room, before, limit) => session.call('text.history', { room, before, limit }),
    sendText: (room, text) => session.call('text.send', { room, text }),
    async leaveText(room) {
      await session.call('text.leave', { room });
    },
    dispose: () => store.dispose(),
  };
}

function differs(before: Speaking, levels: AudioLevels): boolean {
  return (
    before.transmitting !== levels.transmitting ||
    before.sessions.size !== levels.speaking.length ||
    levels.speaking.some((session) => !before.sessions.has(session))
  );
}
