import { sha256 } from '@noble/hashes/sha2.js';
import { createDeferred, createMutex, type Clock } from '../base/async.ts';
import { equalBytes, toHex, type Bytes } from '../base/bytes.ts';
import { CodedError, errorCode } from '../base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Event } from '../base/event.ts';
import { logCode, type Logger } from '../base/log.ts';
import type { Identity } from '../crypto/identity.ts';
import type { GroupLogEntry } from '../protocol/control-message.ts';
import { createCommitSchedule, type PresentMember } from './commit-schedule.ts';
import {
  decodeSessionState,
  encodeSessionState,
  type OutboxEntry,
  type PendingBundle,
} from './group-session-state.ts';
import {
  createGroup,
  createKeyPackage,
  joinByWelcome,
  joinExternally,
  restoreGroup,
  type ExternalJoin,
  type GroupParameters,
  type MlsGroup,
  type RosterEntry,
} from './group.ts';

/**
 * The delivery rules of one group (RFC 9420 §14 with the relay as delivery service), independent of any
 * transport: joining, who commits when, what happens when two commit at once, when an answer is lost, when
 * events come twice or out of order. The relay's log decides: a commit counts when it stands in the log, and
 * everything is applied in the order of the log.
 */

/** What the group asks of the relay. Rejections are CodedErrors with the codes of core/protocol/error-code. */
export interface GroupDelivery {
  requestJoin(keyPackage: Bytes): Promise<void>;
  create(groupInfo: Bytes): Promise<{ readonly cursor: number }>;
  commit(bundle: CommitBundle): Promise<{ readonly cursor: number }>;
  info(): Promise<{ readonly epoch: number; readonly cursor: number; readonly groupInfo: Bytes }>;
  log(
    since: number,
    limit: number,
  ): Promise<{ readonly entries: readonly GroupLogEntry[]; readonly more: boolean }>;
  send(message: {
    readonly epoch: number;
    readonly messageId: Bytes;
    readonly message: Bytes;
  }): Promise<{ readonly cursor: number; readonly at: number }>;
}

/** One atomic bundle, accepted by the relay as a whole or not at all. */
export interface CommitBundle {
  readonly epoch: number;
  readonly commit: Bytes;
  readonly welcome?: {
    readonly message: Bytes;
    readonly sessions: readonly number[];
    readonly identities: readonly Bytes[];
  };
  readonly groupInfo: Bytes;
}

/** The state of the membership. `removed`: this client is out and does not try to come back. */
export type GroupPhase = 'idle' | 'joining' | 'active' | 'recovering' | 'removed';

/** An epoch that is in force. It stays usable for exporting after the next one came. */
export interface EpochInForce {
  readonly epoch: number;
  readonly roster: readonly RosterEntry[];
  readonly own: RosterEntry;
  readonly epochAuthenticator: Bytes;
  readonly exportFrameKey: MlsGroup['exportFrameKey'];
  readonly exportSecret: MlsGroup['exportSecret'];
}

/** Who came and went, and by whom. */
export interface RosterChange {
  readonly roster: readonly RosterEntry[];
  readonly added: readonly RosterEntry[];
  readonly removed: readonly RosterEntry[];
  /** Nobody let the newcomer in: it joined by an external commit. */
  readonly external: boolean;
}

/** A message of somebody else, opened. After a crash the same cursor may come again. */
export interface ReceivedMessage {
  readonly cursor: number;
  readonly at: number;
  readonly messageId: Bytes;
  readonly sender: RosterEntry;
  readonly plaintext: Bytes;
}

/** What became of a queued message. */
export type MessageOutcome =
  | { readonly status: 'delivered'; readonly messageId: Bytes; readonly cursor: number; readonly at: number }
  | { readonly status: 'failed'; readonly messageId: Bytes; readonly code: string };

/** The membership of this client in one group. */
export interface GroupSession extends Disposable {
  readonly phase: GroupPhase;
  /** The epoch in force; `undefined` while not a member. */
  readonly current: EpochInForce | undefined;
  /**
   * The relay can be reached: call it after `call.join` or `text.subscribe` was answered, and again after
   * every reconnection. `epoch` is the relay's answer, null when the group does not exist yet.
   */
  connect(at: { readonly epoch: number | null }): void;
  /** The relay cannot be reached; nothing is asked of it until `connect`. */
  disconnect(): void;
  /**
   * Who should be in the group, as the relay lists them: the members of a call (all online), or the
   * subscribers of a room with those who are online marked. Members that are not listed get removed.
   */
  setPresent(members: readonly PresentMember[]): void;
  handleJoinRequested(request: {
    readonly session: number;
    readonly identity: Bytes;
    readonly keyPackage: Bytes;
  }): void;
  handleCommit(entry: Omit<Extract<GroupLogEntry, { readonly kind: 'commit' }>, 'kind'>): void;
  handleMessage(entry: Omit<Extract<GroupLogEntry, { readonly kind: 'message' }>, 'kind'>): void;
  handleWelcome(welcome: { readonly cursor: number; readonly epoch: number; readonly welcome: Bytes }): void;
  /** Queues a message; it is encrypted and sent when the group stands still. The id has 16 bytes. */
  sendMessage(messageId: Bytes, plaintext: Bytes): void;
  readonly onDidChangePhase: Event<GroupPhase>;
  readonly onDidChangeEpoch: Event<EpochInForce>;
  readonly onDidChangeRoster: Event<RosterChange>;
  readonly onDidReceiveMessage: Event<ReceivedMessage>;
  readonly onDidFinishMessage: Event<MessageOutcome>;
  /** A code to show and log: what was refused or why membership was lost. */
  readonly onDidFail: Event<string>;
  /** Resolves when nothing is running at the moment (timers may still be waiting). */
  whenIdle(): Promise<void>;
}

/** How a group session is made. */
export interface GroupSessionOptions {
  readonly parameters: GroupParameters;
  readonly identity: Identity;
  /** This client's relay session; 0 in text groups. */
  readonly session: number;
  readonly delivery: GroupDelivery;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Stores plaintext secrets (the callee encrypts them). Left out for groups that die with the session. */
  readonly persist?: (state: Bytes) => Promise<void>;
  /** What `persist` stored last. */
  readonly restored?: Bytes;
}

/** Time for a member to add a newcomer before it helps itself with an external commit. */
const WELCOME_WAIT_MS = 5_000;
/** The same when nobody is there who could. */
const WELCOME_WAIT_ALONE_MS = 300;
const REQUEST_TIMEOUT_MS = 10_000;
const EXTERNAL_RETRY_MS = 1_000;
const LOG_PAGE = 200;
const MAX_BACKOFF_MS = 30_000;
const MAX_OWN_KEY_PACKAGES = 3;
const MAX_WAITING = 1_000;
const MAX_REMEMBERED_IDS = 1_000;

/** Answers after which asking again is pointless: the relay does not count this client in. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'not_in_call',
  'not_in_room',
  'not_subscribed',
  'not_allowed',
  'verification_required',
  'room_not_found',
  'group_not_found',
  'banned',
]);
/** Answers by which the relay says that it did not take the request. */
const REFUSED_CODES: ReadonlySet<string> = new Set([
  ...FINAL_CODES,
  'stale_epoch',
  'group_exists',
  'rate_limited',
  'message_too_large',
  'protocol_error',
  'unknown_request',
]);

interface Waiting {
  readonly owner: { readonly identity: Bytes; readonly session: number };
  readonly requestSession: number;
  readonly keyPackage: Bytes;
  inspected: boolean;
}

/** Makes a session that does nothing until `connect`. */
export function createGroupSession(options: GroupSessionOptions): GroupSession {
  const { parameters, identity, session, delivery, clock, logger } = options;
  const isCall = parameters.kind === 'call';
  const store = createDisposableStore();
  const phaseChanged = store.add(createEmitter<GroupPhase>());
  const epochChanged = store.add(createEmitter<EpochInForce>());
  const rosterChanged = store.add(createEmitter<RosterChange>());
  const messageReceived = store.add(createEmitter<ReceivedMessage>());
  const messageFinished = store.add(createEmitter<MessageOutcome>());
  const failed = store.add(createEmitter<string>());
  const mutex = createMutex();
  const ownerKey = (owner: { readonly identity: Uint8Array; readonly session: number }): string =>
    isCall ? `${toHex(owner.identity)}/${owner.session}` : toHex(owner.identity);
  const ownKey = ownerKey({ identity: identity.publicKey, session });
  const schedule = createCommitSchedule({ kind: parameters.kind, ownerKey, ownKey, now: () => clock.now() });

  let phase: GroupPhase = 'idle';
  let connected = false;
  let group: MlsGroup | undefined;
  let restored = options.restored;
  let cursor = 0;
  let behind = false;
  let pending: PendingBundle | undefined;
  let creating: { readonly group: MlsGroup; readonly groupInfo: Bytes } | undefined;
  let external: (ExternalJoin & { readonly cursor: number }) | undefined;
  let externalAt: number | undefined;
  let mayCreate = false;
  let relayEpoch: number | null = null;
  let joinRequested = false;
  let keyPackageSecrets: readonly Bytes[] = [];
  let outbox: readonly OutboxEntry[] = [];
  let sentIds: readonly string[] = [];
  /** Messages of ours in this epoch that this state never sent: it is older than what was sent from it. */
  let olderThanSent = false;
  const waiting = new Map<string, Waiting>();
  let doneRequests: readonly string[] = [];
  let blockedUntil = 0;
  let failures = 0;
  let resets = 0;
  let lastResetAt = -Infinity;
  let timer: Disposable | undefined;
  let announcements: (() => void)[] = [];

  const isDisposed = (): boolean => store.isDisposed;
  const setPhase = (next: GroupPhase): void => {
    if (phase === next) return;
    phase = next;
    phaseChanged.fire(next);
  };
  const report = (code: string): void => {
    logger.log('warn', 'group.failed', { code: logCode(code) });
    failed.fire(code);
  };
  const abandon = new Set<() => void>();
  /** Bounds the wait for an answer, and ends it when the session is disposed. */
  const ask = <T>(request: Promise<T>): Promise<T> => {
    const ended = createDeferred<never>();
    const end = (): void => ended.reject(new CodedError('disposed', 'The group session has ended'));
    abandon.add(end);
    const timeout = clock.setTimer(REQUEST_TIMEOUT_MS, () =>
      ended.reject(new CodedError('timeout', 'The relay did not answer in time')),
    );
    return Promise.race([request, ended.promise]).finally(() => {
      abandon.delete(end);
      timeout.dispose();
    });
  };

  // --- Storage -----------------------------------------------------------------------------------------

  const persist = async (): Promise<void> => {
    if (!options.persist) return;
    await options.persist(
      encodeSessionState({
        group: group?.serialise(),
        cursor,
        pending,
        outbox,
        keyPackages: keyPackageSecrets,
      }),
    );
  };
  const announceLater = (announce: () => void): void => {
    announcements.push(announce);
  };
  /** Stores what changed, then tells about it. */
  const settle = async (): Promise<void> => {
    await persist();
    const ready = announcements;
    announcements = [];
    for (const announce of ready) if (!isDisposed()) announce();
  };

  // --- Becoming and ceasing to be a member ---------------------------------------------------------------

  const inForce = (from: MlsGroup): EpochInForce => ({
    epoch: from.epoch,
    roster: from.roster,
    own: from.own,
    epochAuthenticator: from.epochAuthenticator,
    exportFrameKey: (...argument) => from.exportFrameKey(...argument),
    exportSecret: (...argument) => from.exportSecret(...argument),
  });

  const enterEpoch = (
    next: MlsGroup,
    change: {
      readonly added: readonly RosterEntry[];
      readonly removed: readonly RosterEntry[];
      readonly external: boolean;
    },
  ): void => {
    group = next;
    pending = undefined;
    olderThanSent = false;
    for (const entry of change.added) {
      const request = waiting.get(ownerKey(entry));
      if (!request) continue;
      // The relay repeats requests to members who come online; this one is done, whoever did it.
      doneRequests = [...doneRequests.slice(-MAX_WAITING + 1), toHex(sha256(request.keyPackage))];
      waiting.delete(ownerKey(entry));
    }
    schedule.epochBegan();
    announceLater(() => epochChanged.fire(inForce(next)));
    if (change.added.length + change.removed.length > 0)
      announceLater(() => rosterChanged.fire({ roster: next.roster, ...change }));
    logger.log('info', 'group.epoch', {
      epoch: next.epoch,
      members: next.roster.length,
      external: change.external,
    });
  };

  const becomeMember = async (next: MlsGroup, at: number, isExternal: boolean): Promise<void> => {
    creating = undefined;
    external = undefined;
    externalAt = undefined;
    joinRequested = false;
    mayCreate = false;
    keyPackageSecrets = [];
    cursor = at;
    announceLater(() => setPhase('active'));
    // Whatever happened between that point and now is in the log only.
    behind = true;
    enterEpoch(next, { added: next.roster, removed: [], external: isExternal });
    await settle();
  };

  const forget = (): void => {
    group = undefined;
    restored = undefined;
    pending = undefined;
    creating = undefined;
    external = undefined;
    externalAt = undefined;
    joinRequested = false;
    keyPackageSecrets = [];
    behind = false;
  };

  /** Starts over with a fresh key package, slower each time within a minute. */
  const startOver = async (code: string): Promise<void> => {
    report(code);
    forget();
    if (clock.now() - lastResetAt > 60_000) resets = 0;
    lastResetAt = clock.now();
    if (resets > 0)
      blockedUntil = Math.max(blockedUntil, clock.now() + Math.min(MAX_BACKOFF_MS, 500 * 2 ** resets));
    resets += 1;
    await settle();
    setPhase('recovering');
  };

  const giveUp = async (code: string): Promise<void> => {
    forget();
    await settle();
    setPhase('removed');
    report(code);
  };

  // --- The log -------------------------------------------------------------------------------------------

  const integrateCommit = async (
    entry: Extract<GroupLogEntry, { readonly kind: 'commit' }>,
  ): Promise<void> => {
    if (!group) return;
    if (entry.epoch !== group.epoch) {
      // The log is the order of things: an epoch that does not fit means that entries are gone.
      await startOver(entry.epoch > group.epoch ? 'log_gap' : 'log_contradiction');
      return;
    }
    if (pending && equalBytes(entry.commit, pending.commit.commit)) {
      const before = group.roster;
      const after = await group.applyPending(pending.commit);
      cursor = entry.cursor;
      const isSame = (a: RosterEntry, b: RosterEntry): boolean =>
        a.leafIndex === b.leafIndex && ownerKey(a) === ownerKey(b);
      const { replaced } = pending;
      enterEpoch(after, {
        added: after.roster.filter(
          (a) => replaced.includes(a.leafIndex) || !before.some((b) => isSame(a, b)),
        ),
        removed: before.filter(
          (a) => replaced.includes(a.leafIndex) || !after.roster.some((b) => isSame(a, b)),
        ),
        external: false,
      });
      return;
    }
    try {
      const outcome = await group.processCommit(entry.commit);
      cursor = entry.cursor;
      if (outcome.status === 'applied') {
        enterEpoch(outcome.group, outcome);
      } else if (schedule.isWanted(ownKey)) {
        await startOver('removed_while_present');
      } else {
        await giveUp('removed');
      }
    } catch (error) {
      await startOver(errorCode(error));
    }
  };

  const remember = (id: string): void => {
    sentIds = [...sentIds.slice(-MAX_REMEMBERED_IDS + 1), id];
  };
  const finishMessage = (messageId: Bytes, at: number, where: number): void => {
    const id = toHex(messageId);
    if (!outbox.some((entry) => toHex(entry.messageId) === id)) return;
    outbox = outbox.filter((entry) => toHex(entry.messageId) !== id);
    remember(id);
    announceLater(() => messageFinished.fire({ status: 'delivered', messageId, cursor: where, at }));
  };

  const integrateMessage = async (
    entry: Extract<GroupLogEntry, { readonly kind: 'message' }>,
  ): Promise<void> => {
    if (!group) return;
    if (entry.epoch !== group.epoch) {
      await startOver(entry.epoch > group.epoch ? 'log_gap' : 'log_contradiction');
      return;
    }
    cursor = entry.cursor;
    schedule.messageSeen();
    if (equalBytes(entry.identity, identity.publicKey)) {
      // MLS cannot open one's own messages; what was sent is known by its id.
      const id = toHex(entry.messageId);
      const isKnown = sentIds.includes(id) || outbox.some((queued) => toHex(queued.messageId) === id);
      finishMessage(entry.messageId, entry.at, entry.cursor);
      if (!isKnown && !olderThanSent) {
        // The profile went back to an earlier moment. Going on would use the same keys again, and the others
        // would refuse the messages as replayed: a commit of our own makes new ones first.
        olderThanSent = true;
        report('group_state_old');
      }
      return;
    }
    try {
      const opened = await group.decrypt(entry.message);
      group = opened.group;
      if (
        !equalBytes(opened.authenticatedData, entry.messageId) ||
        !equalBytes(opened.sender.identity, entry.identity)
      ) {
        report('message_mislabelled');
        return;
      }
      // Told before it is stored: after a crash in between it comes again instead of being lost.
      messageReceived.fire({
        cursor: entry.cursor,
        at: entry.at,
        messageId: entry.messageId,
        sender: opened.sender,
        plaintext: opened.plaintext,
      });
    } catch (error) {
      report(errorCode(error));
    }
  };

  const integrate = async (entry: GroupLogEntry): Promise<void> => {
    if (entry.cursor <= cursor) return;
    await (entry.kind === 'commit' ? integrateCommit(entry) : integrateMessage(entry));
  };

  const catchUp = async (): Promise<void> => {
    behind = false;
    for (;;) {
      const page = await ask(delivery.log(cursor, LOG_PAGE)).catch((error: unknown) => {
        behind = true;
        throw error;
      });
      const start = cursor;
      for (const entry of page.entries) {
        await integrate(entry);
        if (!group || isDisposed()) return;
      }
      await settle();
      if (!page.more || cursor === start) return;
    }
  };

  /** An entry told by an event: taken when it is the next one, else the log is asked. */
  const handleEntry = (entry: GroupLogEntry): void =>
    run(async () => {
      if (!group || entry.cursor <= cursor) return;
      if (!behind && entry.cursor === cursor + 1 && entry.epoch === group.epoch) {
        await integrate(entry);
        await settle();
      } else {
        behind = true;
      }
    });

  const waitingOwners = () => [...waiting.values()].map((request) => request.owner);

  // --- Committing ----------------------------------------------------------------------------------------

  const takeWaiting = async (from: MlsGroup): Promise<readonly Waiting[]> => {
    const ready: Waiting[] = [];
    for (const [key, request] of waiting) {
      if (!schedule.isWanted(ownerKey(request.owner))) continue;
      if (!request.inspected) {
        try {
          const owner = await from.inspectKeyPackage(request.keyPackage);
          if (ownerKey(owner) !== key) throw new CodedError('key_package_invalid', 'It is for somebody else');
          request.inspected = true;
        } catch (error) {
          waiting.delete(key);
          report(errorCode(error));
          continue;
        }
      }
      ready.push(request);
    }
    return ready;
  };

  const prepare = async (from: MlsGroup): Promise<void> => {
    const joiners = await takeWaiting(from);
    const replaced = from.roster.filter((entry) =>
      joiners.some((joiner) => ownerKey(joiner.owner) === ownerKey(entry)),
    );
    const removes = [
      ...new Set(
        [...schedule.unwanted(from), ...replaced.filter((entry) => entry !== from.own)].map(
          (entry) => entry.leafIndex,
        ),
      ),
    ];
    // Nothing left to do when every key package turned out to be bad.
    if (
      joiners.length + removes.length === 0 &&
      !olderThanSent &&
      clock.now() < (schedule.nextCommitAt(from, waitingOwners()) ?? Infinity)
    )
      return;
    const change = { adds: joiners.map((joiner) => joiner.keyPackage), removes };
    const commit = await from.prepareCommit(change).catch(async (error: unknown) => {
      // A key package that was fine alone can clash with another; without newcomers the removals still count.
      for (const joiner of joiners) waiting.delete(ownerKey(joiner.owner));
      report(errorCode(error));
      return from.prepareCommit({ adds: [], removes });
    });
    pending = {
      commit,
      replaced: removes,
      sessions: commit.welcome && isCall ? joiners.map((joiner) => joiner.requestSession) : [],
      identities: commit.welcome && !isCall ? joiners.map((joiner) => joiner.owner.identity) : [],
    };
    // Stored before it is sent: if its acceptance is missed, the log shows the very same bytes.
    await settle();
  };

  const submit = async (bundle: PendingBundle): Promise<void> => {
    const { epoch, commit, welcome, groupInfo } = bundle.commit;
    const { sessions, identities } = bundle;
    try {
      const accepted = await ask(
        delivery.commit({
          epoch,
          commit,
          groupInfo,
          ...(welcome ? { welcome: { message: welcome, sessions, identities } } : {}),
        }),
      );
      if (accepted.cursor === cursor + 1) {
        await integrate({
          kind: 'commit',
          cursor: accepted.cursor,
          epoch,
          at: clock.wallTime(),
          session,
          commit,
        });
        await settle();
      } else {
        behind = true;
      }
    } catch (error) {
      const code = errorCode(error);
      if (code === 'stale_epoch') {
        await catchUp();
        if (pending === bundle) {
          // Refused, and yet nothing newer in the log: the relay contradicts itself, so do not hurry.
          pending = undefined;
          blockedUntil = clock.now() + 1_000;
        }
        return;
      }
      if (REFUSED_CODES.has(code)) pending = undefined;
      throw error;
    }
  };

  // --- Joining -------------------------------------------------------------------------------------------

  const create = async (): Promise<void> => {
    if (!creating) {
      const made = await createGroup(parameters, identity, session);
      creating = { group: made, groupInfo: await made.groupInfo() };
    }
    const { group: made, groupInfo } = creating;
    try {
      const accepted = await ask(delivery.create(groupInfo));
      await becomeMember(made, accepted.cursor, false);
    } catch (error) {
      if (errorCode(error) !== 'group_exists') throw error;
      // Perhaps it is ours: the answer to an earlier try may have been lost.
      const info = await ask(delivery.info());
      mayCreate = false;
      creating = undefined;
      if (equalBytes(info.groupInfo, groupInfo)) await becomeMember(made, info.cursor, false);
    }
  };

  const requestJoin = async (): Promise<void> => {
    const own = await createKeyPackage(parameters, identity, session);
    // Earlier ones stay usable: a Welcome for one of them may be on its way.
    keyPackageSecrets = [...keyPackageSecrets.slice(1 - MAX_OWN_KEY_PACKAGES), own.secret];
    // Stored before it is known to anybody: the Welcome may come after a restart.
    await settle();
    await ask(delivery.requestJoin(own.keyPackage));
    joinRequested = true;
    externalAt = clock.now() + (schedule.othersOnline() ? WELCOME_WAIT_MS : WELCOME_WAIT_ALONE_MS);
  };

  const joinByExternalCommit = async (): Promise<void> => {
    if (external) {
      // The answer to the last try was lost: see in the log what became of it.
      const { epoch, commit } = external;
      const { entries } = await ask(delivery.log(external.cursor, LOG_PAGE));
      const winner = entries.find((entry) => entry.kind === 'commit' && entry.epoch === epoch);
      if (winner?.kind === 'commit') {
        if (equalBytes(winner.commit, commit)) await becomeMember(external.group, winner.cursor, true);
        external = undefined;
        return;
      }
    } else {
      const info = await ask(delivery.info());
      external = {
        ...(await joinExternally(parameters, info.groupInfo, identity, session)),
        cursor: info.cursor,
      };
    }
    const { epoch, commit, groupInfo } = external;
    try {
      const accepted = await ask(delivery.commit({ epoch, commit, groupInfo }));
      await becomeMember(external.group, accepted.cursor, true);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'stale_epoch') {
        // Somebody was faster, perhaps with the Welcome; or it was this commit, whose answer got lost.
        externalAt = clock.now() + EXTERNAL_RETRY_MS;
        const { entries } = await ask(delivery.log(external.cursor, LOG_PAGE));
        const winner = entries.find((entry) => entry.kind === 'commit' && entry.epoch === epoch);
        if (winner?.kind === 'commit' && equalBytes(winner.commit, commit))
          await becomeMember(external.group, winner.cursor, true);
        external = undefined;
        return;
      }
      if (REFUSED_CODES.has(code)) external = undefined;
      throw error;
    }
  };

  const restore = async (stored: Bytes): Promise<void> => {
    restored = undefined;
    try {
      const state = decodeSessionState(stored);
      outbox = [...state.outbox, ...outbox];
      if (relayEpoch === null) {
        if (state.group) report('group_rolled_back');
        return;
      }
      if (!state.group) {
        keyPackageSecrets = state.keyPackages;
        if (keyPackageSecrets.length === 0) return;
        // Asked before the restart; the relay keeps the request and hands out the Welcome.
        joinRequested = true;
        externalAt = clock.now() + WELCOME_WAIT_MS;
        return;
      }
      const held = await restoreGroup(parameters, state.group);
      if (relayEpoch < held.epoch) {
        await startOver('group_rolled_back');
        return;
      }
      group = held;
      cursor = state.cursor;
      pending = state.pending;
      behind = true;
      schedule.epochBegan();
      announceLater(() => setPhase('active'));
      announceLater(() => epochChanged.fire(inForce(held)));
      await settle();
    } catch (error) {
      report(errorCode(error));
      group = undefined;
    }
  };

  // --- Messages ------------------------------------------------------------------------------------------

  const sendNext = async (entry: OutboxEntry): Promise<void> => {
    if (!group) return;
    const sealed = await group.encrypt(entry.plaintext, entry.messageId);
    group = sealed.group;
    const { epoch } = group;
    // The used key must be gone from the store before the message can be seen by anybody.
    await settle();
    try {
      const accepted = await ask(
        delivery.send({ epoch, messageId: entry.messageId, message: sealed.message }),
      );
      finishMessage(entry.messageId, accepted.at, accepted.cursor);
      if (accepted.cursor === cursor + 1) {
        cursor = accepted.cursor;
        schedule.messageSeen();
      } else if (accepted.cursor > cursor) {
        behind = true;
      }
      await settle();
    } catch (error) {
      const code = errorCode(error);
      if (code === 'stale_epoch') {
        await catchUp();
        if (group?.epoch === epoch) blockedUntil = clock.now() + 1_000;
        return;
      }
      if (code === 'message_too_large' || code === 'protocol_error') {
        outbox = outbox.filter((other) => other !== entry);
        announceLater(() => messageFinished.fire({ status: 'failed', messageId: entry.messageId, code }));
        await settle();
        return;
      }
      throw error;
    }
  };

  // --- The loop ------------------------------------------------------------------------------------------

  /** Does the next thing that is due; false when nothing is. */
  const step = async (): Promise<boolean> => {
    const now = clock.now();
    if (restored) {
      await restore(restored);
      return true;
    }
    if (!group) {
      if (mayCreate) {
        await create();
        return true;
      }
      if (!joinRequested) {
        await requestJoin();
        return true;
      }
      if (externalAt !== undefined && now >= externalAt) {
        externalAt = now + EXTERNAL_RETRY_MS;
        await joinByExternalCommit();
        return true;
      }
      return false;
    }
    if (behind) {
      await catchUp();
      return true;
    }
    if (pending) {
      await submit(pending);
      return true;
    }
    const due = schedule.nextCommitAt(group, waitingOwners());
    const [next] = outbox;
    if ((due !== undefined && now >= due) || (olderThanSent && next)) {
      await prepare(group);
      return true;
    }
    if (next) {
      await sendNext(next);
      return true;
    }
    return false;
  };

  const handleStepError = async (error: unknown): Promise<void> => {
    const code = errorCode(error);
    if (code === 'disposed') return;
    if (code === 'group_not_found' && !group) mayCreate = true;
    else if (FINAL_CODES.has(code)) {
      await giveUp(code);
      return;
    }
    failures += 1;
    const pause =
      (error instanceof CodedError ? error.retryAfterMs : undefined) ??
      Math.min(MAX_BACKOFF_MS, 500 * 2 ** Math.min(failures, 10));
    blockedUntil = clock.now() + pause;
    if (code === 'group_info_invalid' || code === 'commit_invalid' || code === 'internal') report(code);
    else logger.log('info', 'group.retry', { code: logCode(code), pause });
  };

  const pump = async (): Promise<void> => {
    timer?.dispose();
    timer = undefined;
    while (!isDisposed() && connected && phase !== 'removed' && clock.now() >= blockedUntil) {
      try {
        if (!(await step())) break;
        failures = 0;
      } catch (error) {
        if (!isDisposed()) await handleStepError(error);
      }
    }
    if (isDisposed() || !connected || phase === 'removed') return;
    const commitAt = group && schedule.nextCommitAt(group, waitingOwners());
    const dues = [
      ...(clock.now() < blockedUntil ? [blockedUntil] : []),
      ...(group || externalAt === undefined ? [] : [externalAt]),
      ...(commitAt === undefined ? [] : [commitAt]),
    ];
    if (dues.length === 0) return;
    const at = Math.max(blockedUntil, Math.min(...dues));
    timer = clock.setTimer(Math.max(0, at - clock.now()), () => run(async () => {}));
  };

  /** Runs a section and then whatever is due, one at a time. */
  const run = (section: () => Promise<void>): void => {
    void mutex
      .run(async () => {
        if (isDisposed()) return;
        await section();
        await pump();
      })
      .catch((error: unknown) => {
        // Storage failed or something unforeseen: the state in memory goes on, the person is told.
        if (!isDisposed()) report(errorCode(error));
      });
  };

  return {
    get phase() {
      return phase;
    },
    get current() {
      return group && phase === 'active' ? inForce(group) : undefined;
    },
    connect({ epoch }) {
      // A group of ours that the relay has lost, or has older than we do, cannot be continued. Compared now:
      // by the time the section runs, a commit under way may have moved the group on.
      const isRolledBack = group !== undefined && (epoch === null || epoch < group.epoch);
      run(async () => {
        connected = true;
        blockedUntil = 0;
        failures = 0;
        mayCreate = epoch === null;
        relayEpoch = epoch;
        behind = group !== undefined;
        if (isRolledBack) await startOver('group_rolled_back');
        if (group) return;
        joinRequested = false;
        setPhase(phase === 'recovering' ? 'recovering' : 'joining');
      });
    },
    disconnect() {
      connected = false;
    },
    setPresent(members) {
      run(async () => {
        schedule.setPresent(members);
        if (externalAt !== undefined && !external && !schedule.othersOnline())
          externalAt = Math.min(externalAt, clock.now() + WELCOME_WAIT_ALONE_MS);
      });
    },
    handleJoinRequested(request) {
      run(async () => {
        const owner = { identity: request.identity, session: isCall ? request.session : 0 };
        const key = ownerKey(owner);
        const known = waiting.get(key);
        if (key === ownKey || (known && equalBytes(known.keyPackage, request.keyPackage))) return;
        if (doneRequests.includes(toHex(sha256(request.keyPackage)))) return;
        if (!known && waiting.size >= MAX_WAITING) return;
        waiting.set(key, {
          owner,
          requestSession: request.session,
          keyPackage: request.keyPackage,
          inspected: false,
        });
      });
    },
    handleCommit: (entry) => handleEntry({ kind: 'commit', ...entry }),
    handleMessage: (entry) => handleEntry({ kind: 'message', ...entry }),
    handleWelcome({ cursor: at, welcome }) {
      run(async () => {
        if (group || keyPackageSecrets.length === 0) return;
        let lastError: unknown;
        for (const secret of [...keyPackageSecrets].reverse()) {
          try {
            await becomeMember(await joinByWelcome(parameters, welcome, secret), at, false);
            return;
          } catch (error) {
            lastError = error;
          }
        }
        await startOver(errorCode(lastError));
      });
    },
    sendMessage(messageId, plaintext) {
      run(async () => {
        outbox = [...outbox, { messageId, plaintext }];
      });
    },
    onDidChangePhase: phaseChanged.event,
    onDidChangeEpoch: epochChanged.event,
    onDidChangeRoster: rosterChanged.event,
    onDidReceiveMessage: messageReceived.event,
    onDidFinishMessage: messageFinished.event,
    onDidFail: failed.event,
    whenIdle: () => mutex.run(async () => {}),
    dispose() {
      timer?.dispose();
      store.dispose();
      for (const end of [...abandon]) end();
    },
  };
}
