import { equalBytes, toHex, type Bytes } from '../../core/base/bytes.ts';
import { wireError } from '../../core/protocol/error-code.ts';
import { parseGroupReference } from '../../core/protocol/group-reference.ts';
import type { Call } from './call.ts';
import { createMemoryGroupStorage } from './memory-group-storage.ts';
import type { RelayState, TextGroup } from './relay-state.ts';
import type { GroupStorage } from './relay-store.ts';
import type { Handlers } from './request-handler.ts';
import { checkRoomGate } from './room-gate.ts';
import type { Session } from './session.ts';

type GroupRequests =
  | 'text.subscribe'
  | 'text.unsubscribe'
  | 'group.requestJoin'
  | 'group.create'
  | 'group.commit'
  | 'group.propose'
  | 'group.info'
  | 'group.log'
  | 'group.send'
  | 'keyPackages.publish'
  | 'keyPackages.claim';

/** The delivery service of RFC 9420: an order for everything, and one commit per epoch. */
export interface GroupHandlers {
  readonly handlers: Pick<Handlers, GroupRequests>;
  /** Gives a session that came online what waited for it: Welcomes and join requests. */
  deliverWaiting(session: Session): void;
}

/** Most key packages kept for one identity. */
const MAX_KEY_PACKAGES = 100;
/** All copies of one Welcome; a hundred newcomers in a group of fifty take 13 MB. */
const MAX_WELCOME_BYTES = 64 * 1024 * 1024;
/** An answer with log entries stays below this, so that it fits into one message. */
const MAX_LOG_ANSWER_BYTES = 1024 * 1024;

type Target =
  | { readonly kind: 'call'; readonly reference: string; readonly storage: GroupStorage; readonly call: Call }
  | {
      readonly kind: 'text';
      readonly reference: string;
      readonly storage: GroupStorage;
      readonly group: TextGroup;
    };

/** Makes the handlers. */
export function createGroupHandlers(state: RelayState): GroupHandlers {
  const { store, counters, clock } = state.options;

  const subscribed = (room: number, session: Session): boolean =>
    state.subscriptions.get(room)?.has(session.key) ?? false;
  const onlineSubscribers = function* (room: number): Iterable<Session> {
    for (const key of state.subscriptions.get(room)?.keys() ?? []) {
      const session = state.byIdentity.get(key);
      if (session) yield session;
    }
  };
  const subscribersOf = (room: number): readonly Bytes[] => [
    ...(state.subscriptions.get(room)?.values() ?? []),
  ];

  /** The group of a reference, if this session has a part in it. */
  const open = (session: Session, reference: string): Target => {
    const parsed = parseGroupReference(reference);
    if (!parsed) throw wireError('group_not_found', 'This is no group.');
    if (parsed.kind === 'call') {
      const call = session.call;
      if (!call || call.room !== parsed.room) throw wireError('not_in_call', 'Join the call first.');
      if (call.generation !== parsed.generation)
        throw wireError('group_not_found', 'This group was replaced by a newer one. Join the call again.');
      return { kind: 'call', reference, storage: call.group, call };
    }
    if (!subscribed(parsed.room, session)) throw wireError('not_subscribed', 'Subscribe to the room first.');
    const group = state.textGroups.get(parsed.room);
    if (!group || group.generation !== parsed.generation)
      throw wireError('group_not_found', 'This group was replaced by a newer one. Subscribe again.');
    return { kind: 'text', reference, storage: group.storage, group };
  };
  const members = (target: Target): Iterable<Session> =>
    target.kind === 'call' ? target.call.members.values() : onlineSubscribers(target.group.room);
  const currentEpoch = (target: Target): number => {
    const { epoch } = target.storage.state;
    if (epoch === null) throw wireError('group_not_found', 'Nobody has created this group yet.');
    return epoch;
  };
  const requireEpoch = (target: Target, epoch: number): void => {
    const current = currentEpoch(target);
    if (epoch !== current)
      throw wireError(
        'stale_epoch',
        `The group is in epoch ${current}. Apply what came before and try again.`,
      );
  };
  const tellSubscribers = (room: number, except?: Session): void => {
    const group = state.textGroups.get(room);
    if (!group) return;
    state.multicast(
      onlineSubscribers(room),
      { t: 'text.subscribers', room, group: group.reference, subscribers: subscribersOf(room) },
      except,
    );
  };

  const deliverWelcome = (session: Session, group: TextGroup): void => {
    const pending = group.storage.pendingWelcome(session.identity);
    if (!pending) return;
    session.link.send({ t: 'group.welcome', group: group.reference, ...pending });
    // Kept until the network has taken it, so that a connection that breaks here loses nothing.
    session.link.flushed().then(
      () => {
        const now = group.storage.pendingWelcome(session.identity);
        if (!session.closed && now?.cursor === pending.cursor)
          group.storage.removePendingWelcome(session.identity);
      },
      () => {},
    );
  };

  return {
    deliverWaiting(session) {
      for (const room of state.subscriptionsOf(session.key)) {
        const group = state.textGroups.get(room);
        if (!group) continue;
        deliverWelcome(session, group);
        for (const waiting of group.storage.waiting())
          if (!equalBytes(waiting.identity, session.identity))
            session.link.send({ t: 'group.joinRequested', group: group.reference, ...waiting });
      }
    },
    handlers: {
      async 'text.subscribe'(session, request, reply) {
        const room = state.rooms.get(request.room);
        if (!room) throw wireError('room_not_found', 'This room does not exist any more.');
        const already = subscribed(room.id, session);
        if (!already && room.password && session.room !== room.id)
          await checkRoomGate(state, session, room, request.password);
        if (!state.rooms.has(room.id))
          throw wireError('room_not_found', 'This room does not exist any more.');
        const group = state.textGroup(room.id);
        if (!already) {
          store.subscriptions.add(room.id, session.identity);
          const people = state.subscriptions.get(room.id) ?? new Map<string, Bytes>();
          people.set(session.key, session.identity);
          state.subscriptions.set(room.id, people);
        }
        reply({
          group: group.reference,
          epoch: group.storage.state.epoch,
          cursor: group.storage.state.head,
          subscribers: subscribersOf(room.id),
        });
        if (already) return;
        tellSubscribers(room.id, session);
        for (const waiting of group.storage.waiting())
          session.link.send({ t: 'group.joinRequested', group: group.reference, ...waiting });
      },
      'text.unsubscribe'(session, request, reply) {
        const people = state.subscriptions.get(request.room);
        if (!people?.has(session.key))
          throw wireError('not_subscribed', 'You are not subscribed to this room.');
        store.subscriptions.remove(request.room, session.identity);
        people.delete(session.key);
        reply({});
        if (people.size > 0) {
          tellSubscribers(request.room);
          return;
        }
        // Nobody is left who could read it, so the group and its log end here.
        state.subscriptions.delete(request.room);
        store.textGroups.remove(request.room);
        state.textGroups.delete(request.room);
      },
      'group.requestJoin'(session, request, reply) {
        const target = open(session, request.group);
        currentEpoch(target);
        const join = { session: session.id, identity: session.identity, keyPackage: request.keyPackage };
        target.storage.addWaiting(join);
        reply({});
        state.multicast(
          members(target),
          { t: 'group.joinRequested', group: target.reference, ...join },
          session,
        );
      },
      'group.create'(session, request, reply) {
        const parsed = parseGroupReference(request.group);
        const call = session.call;
        if (
          parsed?.kind === 'call' &&
          call?.room === parsed.room &&
          parsed.generation === call.generation + 1 &&
          call.members.size === 1
        ) {
          // The last member left alone starts over.
          call.generation = state.takeCallGeneration(call.room);
          call.group = createMemoryGroupStorage();
        }
        const target = open(session, request.group);
        if (target.storage.state.epoch !== null)
          throw wireError('group_exists', 'Somebody created this group already. Ask to join it.');
        target.storage.create(request.groupInfo);
        reply({ cursor: target.storage.state.head });
      },
      'group.commit'(session, request, reply) {
        const target = open(session, request.group);
        try {
          requireEpoch(target, request.epoch);
        } catch (error) {
          counters.commits_stale++;
          throw error;
        }
        const { storage, reference } = target;
        const cursor = storage.state.head + 1;
        const at = clock.wallTime();
        const entry = {
          kind: 'commit',
          cursor,
          epoch: request.epoch,
          at,
          session: session.id,
          commit: request.commit,
        } as const;
        const invited = new Set<Session>();
        const absent: Bytes[] = [];
        if (request.welcome && target.kind === 'call') {
          for (const id of request.welcome.sessions) {
            const member = target.call.members.get(id);
            if (member && member !== session) invited.add(member);
          }
        } else if (request.welcome && target.kind === 'text') {
          const people = state.subscriptions.get(target.group.room);
          for (const identity of request.welcome.identities) {
            const key = toHex(identity);
            if (!people?.has(key) || key === session.key) continue;
            absent.push(identity);
            const online = state.byIdentity.get(key);
            if (online) invited.add(online);
          }
        }
        const welcome = request.welcome?.message;
        // One copy is kept for each addressee: a small request must not fill the disk.
        if (welcome && welcome.length * absent.length > MAX_WELCOME_BYTES)
          throw wireError('message_too_large', 'Too many people at once. Add them in several commits.');
        storage.appendCommit(
          entry,
          request.groupInfo,
          welcome ? absent.map((identity) => ({ identity, welcome })) : [],
        );
        storage.removeWaiting([session.identity, ...[...invited].map((member) => member.identity)]);
        counters.commits_accepted++;
        reply({ cursor });
        const { kind: _kind, ...event } = entry;
        state.multicast(
          [...members(target)].filter((member) => !invited.has(member)),
          { t: 'group.commit', group: reference, ...event },
          session,
        );
        if (!welcome) return;
        if (target.kind === 'text') for (const member of invited) deliverWelcome(member, target.group);
        else
          state.multicast(invited, {
            t: 'group.welcome',
            group: reference,
            cursor,
            epoch: request.epoch + 1,
            welcome,
          });
      },
      'group.propose'(session, request, reply) {
        const target = open(session, request.group);
        requireEpoch(target, request.epoch);
        reply({});
        state.multicast(
          members(target),
          {
            t: 'group.proposal',
            group: target.reference,
            epoch: request.epoch,
            session: session.id,
            proposal: request.proposal,
          },
          session,
        );
      },
      'group.info'(session, request, reply) {
        const target = open(session, request.group);
        const epoch = currentEpoch(target);
        reply({
          epoch,
          cursor: target.storage.state.head,
          groupInfo: target.storage.state.groupInfo as Bytes,
        });
      },
      'group.log'(session, request, reply) {
        const target = open(session, request.group);
        const found = target.storage.read(request.since, request.limit);
        let size = 0;
        let count = 0;
        for (const entry of found) {
          size += (entry.kind === 'commit' ? entry.commit : entry.message).length + 256;
          if (count > 0 && size > MAX_LOG_ANSWER_BYTES) break;
          count++;
        }
        const entries = found.slice(0, count);
        reply({ entries, more: (entries.at(-1)?.cursor ?? request.since) < target.storage.state.head });
      },
      'group.send'(session, request, reply) {
        const target = open(session, request.group);
        if (target.kind !== 'text') throw wireError('not_allowed', 'Messages belong into text groups.');
        const before = target.storage.findMessage(request.messageId);
        if (before) {
          reply({ cursor: before.cursor, at: before.at });
          return;
        }
        const now = clock.now();
        if (!session.limits.text.take(now))
          throw wireError(
            'rate_limited',
            'Too many messages. Wait a moment.',
            session.limits.text.waitFor(now),
          );
        requireEpoch(target, request.epoch);
        const entry = {
          kind: 'message',
          cursor: target.storage.state.head + 1,
          epoch: request.epoch,
          at: clock.wallTime(),
          identity: session.identity,
          messageId: request.messageId,
          message: request.message,
        } as const;
        target.storage.appendMessage(entry);
        counters.messages_accepted++;
        reply({ cursor: entry.cursor, at: entry.at });
        const { kind: _kind, ...event } = entry;
        state.multicast(members(target), { t: 'group.message', group: target.reference, ...event }, session);
      },
      'keyPackages.publish'(session, request, reply) {
        reply({ stored: store.keyPackages.publish(session.identity, request.packages, MAX_KEY_PACKAGES) });
      },
      'keyPackages.claim'(_session, request, reply) {
        const keyPackage = store.keyPackages.claim(request.identity);
        if (!keyPackage)
          throw wireError(
            'no_key_package',
            'This person has no key package left. They publish more when they connect.',
          );
        reply({ keyPackage });
      },
    },
  };
}
