import { afterEach, describe, expect, it } from 'vitest';
import { createDisposableStore } from '../../../core/base/disposable.ts';
import { createEmitter } from '../../../core/base/event.ts';
import type { CallState, ConnectionState } from '../../../core/workers/session-contract.ts';
import { announceSession } from './announcements.ts';

const store = createDisposableStore();
afterEach(() => store.clear());

function scene() {
  const said: string[] = [];
  const connections = store.add(createEmitter<ConnectionState>());
  const calls = store.add(createEmitter<CallState>());
  const session = {
    connection: { current: { state: 'disconnected' }, onDidChange: connections.event },
    call: { current: { state: 'none', muted: false, deafened: false }, onDidChange: calls.event },
    directory: { current: { rooms: [{ id: 1, name: 'Lobby' }], people: [] } },
  } as unknown as Parameters<typeof announceSession>[0];
  store.add(announceSession(session, (message) => said.push(message)));
  return {
    said,
    connection: (state: string) => connections.fire({ state, serverName: 'Harbour' } as ConnectionState),
    call: (state: string, ...names: readonly string[]) =>
      calls.fire({
        state,
        room: 1,
        members: ['Ada', ...names].map((name) => ({
          identity: name,
          name,
          self: name === 'Ada',
          leaving: false,
        })),
      } as unknown as CallState),
  };
}

describe('what is announced', () => {
  it('says who comes and who goes, once each', () => {
    const { said, call } = scene();
    call('joining');
    call('joined');
    call('joined', 'Ben');
    call('joined', 'Ben', 'Cleo');
    call('joined', 'Cleo');
    call('none');
    expect(said).toEqual([
      'You are in the call of Lobby. Nobody else is there yet.',
      'Ben joined the call.',
      'Cleo joined the call.',
      'Ben left the call.',
      'You left the call.',
    ]);
  });

  it('says that the connection is lost and back, and nobody twice', () => {
    const { said, connection, call } = scene();
    connection('connecting');
    connection('connected');
    connection('connected');
    call('joined', 'Ben');
    connection('reconnecting');
    call('joining', 'Ben');
    connection('connected');
    call('joined', 'Ben');
    expect(said).toEqual([
      'Connected to Harbour.',
      'You are in the call of Lobby with Ben.',
      'The connection is lost. It is being made again.',
      'The connection is back.',
    ]);
  });
});
