import { equalBytes, toHex, type Bytes } from '../../base/bytes.ts';
import { CodedError } from '../../base/coded-error.ts';
import type { GroupLogEntry } from '../../protocol/control-message.ts';
import type { PresentMember } from '../commit-schedule.ts';
import type { GroupDelivery, GroupSession } from '../group-session.ts';

/** What happens to a client's next request. */
export type Fault = 'none' | 'lostRequest' | 'lostAnswer';

/** The events that a relay sends about one group. */
export type RelayEvent =
  | { readonly kind: 'present'; readonly members: readonly PresentMember[] }
  | {
      readonly kind: 'joinRequested';
      readonly session: number;
      readonly identity: Bytes;
      readonly keyPackage: Bytes;
    }
  | { readonly kind: 'entry'; readonly entry: GroupLogEntry }
  | { readonly kind: 'welcome'; readonly cursor: number; readonly epoch: number; readonly welcome: Bytes };

/** Somebody connected to the relay. Events pile up until the test lets them through. */
export interface RelayClient {
  readonly identity: Bytes;
  /** Of the connection; text groups do not use it for membership. */
  readonly session: number;
  readonly delivery: GroupDelivery;
  /** Waiting events, oldest first. */
  queue: RelayEvent[];
  /** Taken from the front, one for each request; none left means that all goes well. */
  faults: Fault[];
  online: boolean;
}

/** A relay with one group, following the comments in core/protocol/control-message.ts to the letter. */
export interface SimulatedRelay {
  readonly log: readonly GroupLogEntry[];
  readonly epoch: number | null;
  /** Joins the call or subscribes, and comes online. */
  enter(client: RelayClient): void;
  /** Leaves the call or unsubscribes. */
  leave(client: RelayClient): void;
  /** The connection is gone. A call forgets the member, a text group keeps the subscriber. */
  drop(client: RelayClient): void;
  connectClient(identity: Bytes, session: number): RelayClient;
  present(): readonly PresentMember[];
}

/** Makes a relay without a group. */
export function createSimulatedRelay(kind: 'call' | 'text', now: () => number): SimulatedRelay {
  const isCall = kind === 'call';
  let epoch: number | null = null;
  let groupInfo: Bytes | undefined;
  const log: GroupLogEntry[] = [];
  const listed = new Map<string, { readonly identity: Bytes; readonly session: number }>();
  const online = new Set<RelayClient>();
  const waiting = new Map<string, Extract<RelayEvent, { readonly kind: 'joinRequested' }>>();
  const welcomes = new Map<string, Extract<RelayEvent, { readonly kind: 'welcome' }>>();
  const head = (): number => log.at(-1)?.cursor ?? 0;
  const keyOf = (client: { readonly identity: Bytes; readonly session: number }): string =>
    isCall ? String(client.session) : toHex(client.identity);
  const isListed = (client: RelayClient): boolean => listed.has(keyOf(client));
  const members = (): readonly RelayClient[] => [...online].filter(isListed);
  const present = (): readonly PresentMember[] =>
    [...listed.values()].map(({ identity, session }) => ({
      identity,
      session: isCall ? session : 0,
      online: isCall || members().some((client) => equalBytes(client.identity, identity)),
    }));
  const tellPresent = (): void => {
    for (const client of members()) client.queue.push({ kind: 'present', members: present() });
  };
  const refuse = (code: string): never => {
    throw new CodedError(code, code);
  };
  const admit = (client: RelayClient): void => {
    if (!client.online || !online.has(client)) refuse('connection_lost');
    if (!isListed(client)) refuse(isCall ? 'not_in_call' : 'not_subscribed');
  };
  const requireEpoch = (value: number): void => {
    if (epoch === null) refuse('group_not_found');
    if (value !== epoch) refuse('stale_epoch');
  };
  /** Runs a request with the client's next fault. */
  const request = async <T>(client: RelayClient, handle: () => T): Promise<T> => {
    const fault = client.faults.shift() ?? 'none';
    await Promise.resolve();
    if (fault === 'lostRequest') return refuse('connection_lost');
    admit(client);
    const answer = handle();
    if (fault === 'lostAnswer') return refuse('connection_lost');
    return answer;
  };

  return {
    log,
    get epoch() {
      return epoch;
    },
    present,
    connectClient(identity, session) {
      const client: RelayClient = {
        identity,
        session,
        queue: [],
        faults: [],
        online: true,
        delivery: {
          requestJoin: (keyPackage) =>
            request(client, () => {
              if (epoch === null) refuse('group_not_found');
              const event = { kind: 'joinRequested', session, identity, keyPackage } as const;
              waiting.set(keyOf(client), event);
              for (const member of members()) if (member !== client) member.queue.push(event);
            }),
          create: (info) =>
            request(client, () => {
              if (epoch !== null) refuse('group_exists');
              epoch = 0;
              groupInfo = info;
              return { cursor: head() };
            }),
          commit: (bundle) =>
            request(client, () => {
              requireEpoch(bundle.epoch);
              const entry = {
                kind: 'commit',
                cursor: head() + 1,
                epoch: bundle.epoch,
                at: now(),
                session,
                commit: bundle.commit,
              } as const;
              log.push(entry);
              epoch = bundle.epoch + 1;
              groupInfo = bundle.groupInfo;
              waiting.delete(keyOf(client));
              const { welcome } = bundle;
              const invited = (member: { readonly identity: Bytes; readonly session: number }): boolean =>
                isCall
                  ? (welcome?.sessions.includes(member.session) ?? false)
                  : (welcome?.identities.some((other) => equalBytes(other, member.identity)) ?? false);
              for (const member of listed.values()) {
                if (!welcome || !invited(member)) continue;
                waiting.delete(keyOf(member));
                const event = {
                  kind: 'welcome',
                  cursor: entry.cursor,
                  epoch,
                  welcome: welcome.message,
                } as const;
                const there = members().find((other) => keyOf(other) === keyOf(member));
                if (there) there.queue.push(event);
                else welcomes.set(keyOf(member), event);
              }
              for (const member of members())
                if (member !== client && !invited(member)) member.queue.push({ kind: 'entry', entry });
              return { cursor: entry.cursor };
            }),
          info: () =>
            request(client, () => {
              if (epoch === null || !groupInfo) return refuse('group_not_found');
              return { epoch, cursor: head(), groupInfo };
            }),
          log: (since, limit) =>
            request(client, () => {
              const after = log.filter((entry) => entry.cursor > since);
              // Small pages, so that paging is exercised.
              const entries = after.slice(0, Math.min(limit, 3));
              return { entries, more: after.length > entries.length };
            }),
          send: (message) =>
            request(client, () => {
              const before = log.find(
                (entry) => entry.kind === 'message' && equalBytes(entry.messageId, message.messageId),
              );
              if (before) return { cursor: before.cursor, at: before.at };
              requireEpoch(message.epoch);
              const entry = { kind: 'message', cursor: head() + 1, at: now(), identity, ...message } as const;
              log.push(entry);
              for (const member of members())
                if (member !== client) member.queue.push({ kind: 'entry', entry });
              return { cursor: entry.cursor, at: entry.at };
            }),
        },
      };
      return client;
    },
    enter(client) {
      online.add(client);
      const known = isListed(client);
      listed.set(keyOf(client), { identity: client.identity, session: client.session });
      if (!known || !isCall) tellPresent();
      const welcome = welcomes.get(keyOf(client));
      welcomes.delete(keyOf(client));
      if (welcome) client.queue.push(welcome);
      for (const event of waiting.values())
        if (!equalBytes(event.identity, client.identity)) client.queue.push(event);
    },
    leave(client) {
      listed.delete(keyOf(client));
      waiting.delete(keyOf(client));
      welcomes.delete(keyOf(client));
      online.delete(client);
      client.online = false;
      client.queue = [];
      if (listed.size === 0 && !isCall) {
        epoch = null;
        log.length = 0;
      }
      tellPresent();
    },
    drop(client) {
      online.delete(client);
      client.online = false;
      client.queue = [];
      if (isCall) {
        listed.delete(keyOf(client));
        waiting.delete(keyOf(client));
      }
      tellPresent();
    },
  };
}

/** Hands one event to a session. */
export function deliverEvent(session: GroupSession, event: RelayEvent): void {
  switch (event.kind) {
    case 'present':
      session.setPresent(event.members);
      return;
    case 'joinRequested':
      session.handleJoinRequested(event);
      return;
    case 'welcome':
      session.handleWelcome(event);
      return;
    case 'entry':
      if (event.entry.kind === 'commit') session.handleCommit(event.entry);
      else session.handleMessage(event.entry);
  }
}
