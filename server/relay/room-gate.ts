import { wireError } from '../../core/protocol/error-code.ts';
import type { RelayState } from './relay-state.ts';
import type { StoredRoom } from './relay-store.ts';
import type { Session } from './session.ts';

/** Lets a session past the password of a room. @throws WireError when it must not pass. */
export async function checkRoomGate(
  state: RelayState,
  session: Session,
  room: StoredRoom,
  password: string | undefined,
): Promise<void> {
  if (!room.password) return;
  if (password === undefined)
    throw wireError('room_password_required', 'This room has a password. Enter it.');
  const now = state.options.clock.now();
  if (!session.limits.passwords.take(now))
    throw wireError('rate_limited', 'Too many tries. Wait a moment.', session.limits.passwords.waitFor(now));
  if (!(await state.options.passwords.check(room.password, password)))
    throw wireError('room_password_wrong', 'The room password is wrong.');
  if (session.closed) throw wireError('not_allowed', 'The session is over.');
}
