import { afterEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../core/base/coded-error.ts';
import { createDisposableStore } from '../../core/base/disposable.ts';
import { createEmitter } from '../../core/base/event.ts';
import { connectRpc, serveRpc, type RpcHandlers, type RpcPort } from '../../core/base/rpc/rpc.ts';
import type { MediaPageEvents, MediaPageMethods } from '../../core/workers/media-contract.ts';
import type { SessionEvents, SessionMethods, TextMessage } from '../../core/workers/session-contract.ts';
import { createSessionService } from './session-service.ts';

const store = createDisposableStore();
afterEach(() => store.clear());

/** Two ends of a wire; messages arrive in order, cloned, in the same turn. */
function portPair(): readonly [RpcPort, RpcPort] {
  const messages = [store.add(createEmitter<unknown>()), store.add(createEmitter<unknown>())] as const;
  const closed = store.add(createEmitter<void>());
  const end = (own: 0 | 1): RpcPort => ({
    send: (message) => messages[own === 0 ? 1 : 0].fire(structuredClone(message)),
    onMessage: messages[own].event,
    onClose: closed.event,
    dispose: () => closed.fire(),
  });
  return [end(0), end(1)];
}

const message: TextMessage = {
  room: 1,
  id: 'aa',
  cursor: 5,
  sender: 'ab',
  senderName: 'Ada',
  own: false,
  text: 'hello',
  at: 1,
  state: 'received',
};

function start() {
  const asked: { readonly name: string; readonly argument: unknown }[] = [];
  const answers: Record<string, unknown> = {
    'vault.status': { state: 'absent', keychain: { available: false, reason: 'none' } },
    'room.create': { room: 9 },
    'text.open': [message],
  };
  const handlers = new Proxy(
    {},
    {
      getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: undefined }),
      get: (_target, name: string) => (argument: unknown) => {
        asked.push({ name, argument });
        if (name === 'call.join') throw new CodedError('room_full', 'The room is full. Try later.');
        return answers[name] ?? null;
      },
    },
  );
  const [sessionPage, sessionWorker] = portPair();
  const [mediaPage, mediaWorker] = portPair();
  const session = store.add(
    serveRpc<SessionMethods, SessionEvents>(sessionWorker, handlers as RpcHandlers<SessionMethods>),
  );
  const media = store.add(
    serveRpc<MediaPageMethods, MediaPageEvents>(mediaWorker, handlers as RpcHandlers<MediaPageMethods>),
  );
  const service = store.add(
    createSessionService(store.add(connectRpc(sessionPage)), store.add(connectRpc(mediaPage))),
  );
  return { asked, session, media, service, sessionWorker };
}

const joined = {
  state: 'joined',
  room: 1,
  muted: false,
  deafened: false,
  epoch: 3,
  code: '',
  suite: 'x',
  members: [],
  mismatch: false,
} as const;

describe('the session service', () => {
  it('keeps what the worker tells and announces it', () => {
    const { session, service } = start();
    const seen: string[] = [];
    store.add(service.connection.onDidChange((state) => seen.push(state.state)));
    session.emit('connection.changed', { state: 'connecting', host: 'h', port: 1 });
    expect(service.connection.current.state).toBe('connecting');
    expect(seen).toEqual(['connecting']);
  });

  it('remembers the vault from the answer to a question', async () => {
    const { service } = start();
    expect(service.vault.current).toBeUndefined();
    await service.readVault();
    expect(service.vault.current?.state).toBe('absent');
  });

  it('passes passwords only when there are any', async () => {
    const { service, asked } = start();
    await service.enterRoom(4, undefined);
    await service.enterRoom(4, 'x');
    expect(asked).toEqual([
      { name: 'room.enter', argument: { room: 4 } },
      { name: 'room.enter', argument: { room: 4, password: 'x' } },
    ]);
  });

  it('gives the coded error of a refused call', async () => {
    const { service } = start();
    await expect(service.joinCall(1, undefined)).rejects.toMatchObject({ code: 'room_full' });
  });

  it('announces talking only when it changes', () => {
    const { media, session, service } = start();
    session.emit('call.changed', joined);
    let changes = 0;
    store.add(service.speaking.onDidChange(() => changes++));
    const level = (inputDb: number, speaking: readonly number[]) =>
      media.emit('audio.levels', { inputDb, transmitting: false, speaking });
    level(-20, [2]);
    level(-30, [2]);
    level(-30, [3]);
    level(-30, []);
    level(-30, []);
    expect(changes).toBe(3);
    expect([...service.speaking.current.sessions]).toEqual([]);
  });

  it('shows nobody talking after the call has ended', () => {
    const { media, session, service } = start();
    session.emit('call.changed', joined);
    media.emit('audio.levels', { inputDb: -20, transmitting: true, speaking: [2] });
    expect(service.speaking.current.transmitting).toBe(true);
    session.emit('call.changed', { state: 'none', muted: true, deafened: false });
    media.emit('audio.levels', { inputDb: -20, transmitting: true, speaking: [2] });
    expect(service.speaking.current).toEqual({ sessions: new Set(), transmitting: false });
    expect(service.call.current.muted).toBe(true);
  });

  it('forgets rooms, people and groups when disconnected, and keeps them while reconnecting', () => {
    const { session, service } = start();
    session.emit('directory.changed', {
      rooms: [
        {
          id: 1,
          parent: null,
          name: 'Lobby',
          description: '',
          limit: 0,
          gated: false,
          permanent: true,
          subscribed: true,
        },
      ],
      people: [],
    });
    session.emit('text.group', { room: 1, state: 'ready', epoch: 2, members: [] });
    const error = { code: 'unreachable', message: 'm' };
    session.emit('connection.changed', {
      state: 'reconnecting',
      host: 'h',
      port: 1,
      nextTryAt: 0,
      attempt: 1,
      error,
    });
    expect(service.directory.current.rooms).toHaveLength(1);
    expect(service.textGroup(1)?.epoch).toBe(2);
    session.emit('connection.changed', { state: 'disconnected' });
    expect(service.directory.current.rooms).toHaveLength(0);
    expect(service.textGroup(1)).toBeUndefined();
  });

  it('tells when the worker is gone and refuses calls from then on', async () => {
    const { service, sessionWorker } = start();
    let stopped = 0;
    store.add(service.onDidStop(() => stopped++));
    sessionWorker.dispose();
    expect(stopped).toBe(1);
    await expect(service.retry()).rejects.toMatchObject({ code: 'port_closed' });
    // Push-to-talk must not raise an unhandled rejection either.
    service.setTalking(true);
  });

  it('sends text operations as they are', async () => {
    const { service, asked } = start();
    expect(await service.openText(1, undefined)).toEqual([message]);
    expect(await service.createRoom({ parent: null, name: 'Deck' })).toBe(9);
    expect(asked.map(({ name }) => name)).toEqual(['text.open', 'room.create']);
  });
});
