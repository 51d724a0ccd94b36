import { createDisposableStore, type Disposable } from '../../../core/base/disposable.ts';
import type { CallState, ConnectionState } from '../../../core/workers/session-contract.ts';
import type { SessionService } from '../../platform/session-service.ts';
import { strings } from './strings.ts';

/** Where announcements go: the window's live regions. */
export type Announce = (message: string, politeness?: 'polite' | 'assertive') => void;

/**
 * Tells people who use a screen reader what others see at a glance: that the connection is lost or back, and
 * who comes into the call and leaves it. New messages are told by the tab they stand in.
 */
export function announceSession(
  session: Pick<SessionService, 'connection' | 'call' | 'directory'>,
  announce: Announce,
): Disposable {
  const store = createDisposableStore();
  let connection: ConnectionState = session.connection.current;
  store.add(
    session.connection.onDidChange((next) => {
      const before = connection;
      connection = next;
      if (next.state === before.state) return;
      if (next.state === 'connected')
        announce(
          before.state === 'reconnecting' ? strings.saidReconnected : strings.saidConnected(next.serverName),
        );
      else if (next.state === 'reconnecting' && before.state === 'connected')
        announce(strings.saidLost, 'assertive');
      else if (next.state === 'disconnected' && !next.error) announce(strings.saidDisconnected);
    }),
  );
  let call: CallState = session.call.current;
  /** Who was in the call when its group was last in force, name by identity; a reconnect changes sessions. */
  let known: ReadonlyMap<string, string> | undefined;
  store.add(
    session.call.onDidChange((next) => {
      const before = call;
      call = next;
      if (next.state === 'none') {
        if (before.state !== 'none') announce(strings.saidLeft);
        known = undefined;
        return;
      }
      if (before.state !== 'none' && before.room !== next.room) known = undefined;
      if (next.state !== 'joined') return;
      const members = new Map(
        next.members
          .filter(({ self, leaving }) => !self && !leaving)
          .map(({ identity, name }) => [identity, name]),
      );
      if (known === undefined) {
        const room = session.directory.current.rooms.find(({ id }) => id === next.room)?.name ?? '';
        announce(strings.saidJoined(room, [...members.values()]));
      } else {
        for (const [identity, name] of members) if (!known.has(identity)) announce(strings.saidCame(name));
        for (const [identity, name] of known) if (!members.has(identity)) announce(strings.saidWent(name));
      }
      known = members;
    }),
  );
  return store;
}
