import { wireError } from '../../core/protocol/error-code.ts';
import { callMembers, callReference, createCall, joinCall, leaveCall, type Call } from './call.ts';
import type { RelayState } from './relay-state.ts';
import type { Handlers } from './request-handler.ts';
import { describePerson, type Session } from './session.ts';

/** Calls. */
export interface CallHandlers {
  readonly handlers: Pick<Handlers, 'call.join' | 'call.leave'>;
  /** Takes a session out of its call, telling the others; `announce` also tells everybody's presence. */
  leave(session: Session, announce: boolean): void;
}

/** Makes the handlers. */
export function createCallHandlers(state: RelayState): CallHandlers {
  const { config } = state.options;
  const tellMembers = (call: Call, except?: Session): void =>
    state.multicast(
      call.members.values(),
      { t: 'call.members', room: call.room, group: callReference(call), members: callMembers(call) },
      except,
    );
  const leave = (session: Session, announce: boolean): void => {
    const call = session.call;
    if (!call) return;
    leaveCall(call, session);
    // The group ends with its last member; the next call of this room gets a new generation.
    if (call.members.size === 0) state.calls.delete(call.room);
    else tellMembers(call);
    if (announce) state.broadcast({ t: 'person.updated', person: describePerson(session) });
  };
  return {
    leave,
    handlers: {
      'call.join'(session, request, reply) {
        if (session.room !== request.room)
          throw wireError('not_in_room', 'Enter the room before joining its call.');
        if (config['verification.mode'] === 'required' && !session.verified)
          throw wireError(
            'verification_required',
            'This server lets only verified people into calls. Ask an admin to verify you.',
          );
        let call = state.calls.get(request.room);
        const joining = session.call === null;
        if (!call) {
          call = createCall(request.room, state.takeCallGeneration(request.room));
          state.calls.set(request.room, call);
        }
        if (joining && !joinCall(call, session)) throw wireError('room_full', 'This call is full.');
        reply({
          slot: session.slot,
          group: callReference(call),
          epoch: call.group.state.epoch,
          members: callMembers(call),
        });
        if (!joining) return;
        tellMembers(call, session);
        state.broadcast({ t: 'person.updated', person: describePerson(session) });
        for (const waiting of call.group.waiting())
          session.link.send({ t: 'group.joinRequested', group: callReference(call), ...waiting });
      },
      'call.leave'(session, _request, reply) {
        if (!session.call) throw wireError('not_in_call', 'You are in no call.');
        reply({});
        leave(session, true);
      },
    },
  };
}
