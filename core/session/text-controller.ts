import { createMutex } from '../base/async.ts';
import { randomBytes, toHex, type Bytes } from '../base/bytes.ts';
import { bytes, object, parse, string } from '../base/schema.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Event } from '../base/event.ts';
import { logCode } from '../base/log.ts';
import type { EpochInForce, MessageOutcome, ReceivedMessage } from '../mls/group-session.ts';
import type { ServerEvent } from '../protocol/control-message.ts';
import type { ControlChannel } from './control-channel.ts';
import type { DirectoryStore } from './directory-store.ts';
import type { OpenGroup, RelayGroup } from './group-opener.ts';
import { createNoticeLimiter, externalJoinNotice, groupNotice } from './group-notice.ts';
import type { PeopleNames } from './people-names.ts';
import type { SessionPorts } from './ports.ts';
import type { Notice, TextGroupState, TextMessage } from './session-contract.ts';
import { sessionError, toFailure } from './session-error.ts';
import { memberName } from './shown-name.ts';
import { createTextHistory, type StoredMessage, type TextHistory } from './text-history.ts';
import { createTextOutbox, OUTBOX_LIMIT, type QueuedMessage, type TextOutbox } from './text-outbox.ts';
import { decodeTextPayload, encodeTextPayload, MAX_TEXT_LENGTH } from './text-payload.ts';
import type { VaultStore } from './vault-store.ts';

/** Messages of the rooms this identity is subscribed to: groups, outbox and history of each. */
export interface TextController extends Disposable {
  readonly onDidChangeMessage: Event<TextMessage>;
  readonly onDidChangeGroup: Event<TextGroupState>;
  readonly onNotice: Event<Notice>;
  open(room: number, password: string | undefined): Promise<readonly TextMessage[]>;
  history(room: number, before: number, limit: number): Promise<readonly TextMessage[]>;
  send(room: number, text: string): Promise<TextMessage>;
  leave(room: number): Promise<void>;
  attach(channel: ControlChannel, serverId: string): void;
  detach(): void;
}

/** How many messages `open` gives. */
const OPEN_LIMIT = 100;
interface TextRoom {
  readonly room: number;
  readonly store: ReturnType<typeof createDisposableStore>;
  readonly history: TextHistory;
  readonly outbox: TextOutbox;
  readonly groupKey: string;
  group: RelayGroup | undefined;
  /** The channel the room is subscribed on. */
  attachedTo: ControlChannel | undefined;
  epoch: EpochInForce | undefined;
  groupState: TextGroupState['state'];
  subscribers: readonly Bytes[];
  /** Ids (hex) that are with the group session already. */
  readonly handedOver: Set<string>;
  /** History being written; the group's state must not overtake it, or a crash would lose a message. */
  writing: Promise<void>;
}

/** Makes a controller without rooms. */
export function createTextController(options: {
  readonly ports: SessionPorts;
  readonly vault: VaultStore;
  readonly directory: DirectoryStore;
  readonly names: PeopleNames;
  readonly openGroup: OpenGroup;
}): TextController {
  const { ports, vault, directory, names, openGroup } = options;
  const { clock, logger } = ports;
  const store = createDisposableStore();
  const messageChanged = store.add(createEmitter<TextMessage>());
  const groupChanged = store.add(createEmitter<TextGroupState>());
  const notices = store.add(createEmitter<Notice>());
  const mutex = createMutex();
  const rooms = new Map<number, TextRoom>();
  let channel: ControlChannel | undefined;
  let channelStore = createDisposableStore();
  let serverId = '';

  const report = (error: unknown): void => {
    const failure = toFailure(error);
    logger.log('warn', 'text.failed', { code: logCode(failure.code) });
    notices.fire({ severity: 'warning', ...failure });
  };
  const isNews = createNoticeLimiter(clock);
  const tell = (notice: Notice): void => {
    if (isNews(notice)) notices.fire(notice);
  };
  const meet = async (roster: EpochInForce['roster']): Promise<void> => {
    for (const notice of await names.meet(serverId, roster)) tell(notice);
  };
  const announceGroup = (entry: TextRoom): void => {
    groupChanged.fire({
      room: entry.room,
      state: entry.groupState,
      epoch: entry.epoch?.epoch ?? null,
      members: (entry.epoch?.roster ?? []).map((leaf) => {
        return { identity: toHex(leaf.identity), name: memberName(leaf) };
      }),
    });
  };
  const roomOf = (room: number): TextRoom => {
    let entry = rooms.get(room);
    if (!entry) {
      const prefix = `text/${vault.recordName(`text\n${serverId}\n${room}`)}/`;
      entry = {
        room,
        store: createDisposableStore(),
        history: createTextHistory(vault, `${prefix}history/`),
        outbox: createTextOutbox(vault, `${prefix}outbox`),
        groupKey: `${prefix}group`,
        group: undefined,
        attachedTo: undefined,
        epoch: undefined,
        groupState: 'joining',
        subscribers: [],
        handedOver: new Set(),
        writing: Promise.resolve(),
      };
      rooms.set(room, entry);
    }
    return entry;
  };
  const queuedMessage = (room: number, queued: QueuedMessage, state: TextMessage['state']): TextMessage => ({
    room,
    id: toHex(queued.id),
    cursor: null,
    sender: toHex(vault.identity.publicKey),
    senderName: vault.displayName,
    own: true,
    text: queued.text,
    at: queued.at,
    state,
  });
  const keep = async (entry: TextRoom, message: StoredMessage): Promise<void> => {
    await entry.history.put(message);
    messageChanged.fire({ room: entry.room, ...message });
  };

  /** Hands everything that waits to the group session, which sends it when the group stands still. */
  const handOver = async (entry: TextRoom): Promise<void> => {
    for (const queued of await entry.outbox.load()) {
      const id = toHex(queued.id);
      if (!entry.group || entry.handedOver.has(id)) continue;
      entry.handedOver.add(id);
      entry.group.group.sendMessage(queued.id, encodeTextPayload(queued.id, queued.text));
    }
  };
  const finish = async (entry: TextRoom, outcome: MessageOutcome): Promise<void> => {
    const id = toHex(outcome.messageId);
    const queued = (await entry.outbox.load()).find((candidate) => toHex(candidate.id) === id);
    entry.handedOver.delete(id);
    if (!queued) return;
    const { room: _, ...message } = queuedMessage(entry.room, queued, 'sent');
    if (outcome.status === 'delivered')
      await keep(entry, {
        ...message,
        cursor: outcome.cursor,
        at: Math.min(outcome.at, clock.wallTime()),
      });
    else {
      await keep(entry, { ...message, state: 'failed' });
      notices.fire({
        severity: 'warning',
        code: outcome.code,
        message: 'The server did not take a message. Shorten it and send it again.',
      });
    }
    await entry.outbox.remove(outcome.messageId);
  };
  const receive = async (entry: TextRoom, received: ReceivedMessage): Promise<void> => {
    const text = decodeTextPayload(received.plaintext, received.messageId);
    if (text === undefined) {
      logger.log('warn', 'text.malformed');
      return;
    }
    const id = toHex(received.messageId);
    const sender = toHex(received.sender.identity);
    // A message seen before (the state was restored to an earlier moment) changes nothing. Nor does another
    // one under the same id: it would rewrite what somebody said, perhaps somebody else.
    const seen = await entry.history.get(id);
    if (seen) {
      if (seen.cursor === received.cursor && seen.sender === sender) return;
      logger.log('warn', 'text.id_used_twice');
      tell(groupNotice('message_mislabelled', 'text'));
      return;
    }
    await keep(entry, {
      id,
      cursor: received.cursor,
      sender,
      senderName: memberName(received.sender),
      own: sender === toHex(vault.identity.publicKey),
      text,
      // The server's clock may be wrong, or the server may lie: nothing was written in the future.
      at: Math.min(received.at, clock.wallTime()),
      state: 'received',
    });
  };
  const present = (entry: TextRoom): void => {
    const online = new Set(directory.snapshot.people.map((person) => person.identity));
    entry.group?.group.setPresent(
      entry.subscribers.map((identity) => ({ session: 0, identity, online: online.has(toHex(identity)) })),
    );
  };

  const watch = (entry: TextRoom, { group }: RelayGroup): void => {
    entry.store.add(
      group.onDidChangeEpoch((epoch) => {
        entry.epoch = epoch;
        meet(epoch.roster).catch(report);
        announceGroup(entry);
      }),
    );
    entry.store.add(
      group.onDidChangeRoster(({ added, external, roster }) => {
        if (external && added.length < roster.length) tell(externalJoinNotice(added, 'text'));
      }),
    );
    entry.store.add(
      group.onDidChangePhase((phase) => {
        entry.groupState =
          phase === 'active'
            ? 'ready'
            : phase === 'recovering'
              ? 'recovering'
              : phase === 'removed'
                ? 'left'
                : 'joining';
        if (phase !== 'active') entry.epoch = undefined;
        announceGroup(entry);
      }),
    );
    entry.store.add(
      group.onDidReceiveMessage((received) => {
        entry.writing = entry.writing.then(() => receive(entry, received)).catch(report);
      }),
    );
    entry.store.add(
      group.onDidFinishMessage((outcome) => {
        entry.writing = entry.writing.then(() => finish(entry, outcome)).catch(report);
      }),
    );
    entry.store.add(group.onDidFail((code) => tell(groupNotice(code, 'text'))));
  };
  const dropGroup = async (entry: TextRoom): Promise<void> => {
    const { group } = entry;
    entry.group = undefined;
    entry.epoch = undefined;
    entry.handedOver.clear();
    if (!group) return;
    // Whatever it is storing must be stored before anybody reads the state again: going on from an older
    // state would use a key twice.
    group.detach();
    await group.group.whenIdle();
    await entry.writing;
    group.dispose();
    entry.store.clear();
  };

  /** Subscribes (again) and brings the group up to date. */
  const subscribe = async (entry: TextRoom, password: string | undefined): Promise<void> => {
    const current = channel;
    if (!current) throw sessionError('disconnected', 'There is no connection to a server. Connect first.');
    if (entry.attachedTo === current) return;
    const answer = await current.request('text.subscribe', {
      room: entry.room,
      ...(password === undefined ? {} : { password }),
    });
    if (channel !== current) throw sessionError('disconnected', 'The connection to the server was lost.');
    entry.attachedTo = current;
    directory.setSubscribed(entry.room, true);
    if (entry.group && (entry.group.reference !== answer.group || entry.group.group.phase === 'removed'))
      await dropGroup(entry);
    if (!entry.group) {
      const stored = await readStored(entry, answer.group);
      entry.group = openGroup({
        reference: answer.group,
        kind: 'text',
        room: entry.room,
        serverId,
        session: 0,
        async persist(state) {
          await entry.writing;
          await vault.write([{ key: entry.groupKey, value: encodeCbor({ group: answer.group, state }) }]);
        },
        ...(stored ? { restored: stored } : {}),
      });
      entry.groupState = 'joining';
      watch(entry, entry.group);
    }
    entry.subscribers = answer.subscribers;
    present(entry);
    entry.group.attach(current, answer.epoch);
    await handOver(entry);
    announceGroup(entry);
  };
  /** The stored state, unless it is of another generation of the room's group. */
  const readStored = async (entry: TextRoom, reference: string): Promise<Bytes | undefined> => {
    const encoded = await vault.read(entry.groupKey);
    if (!encoded) return undefined;
    const parsed = parse(
      object({ group: string({ max: 64 }), state: bytes({ max: 8 * 1024 * 1024 }) }),
      decodeCbor(encoded, { maxBytes: 8 * 1024 * 1024, maxDepth: 2 }),
    );
    if (!parsed.ok) return undefined;
    if (parsed.value.group === reference) return parsed.value.state;
    // The group ends with its last subscriber, which this client still was.
    tell({
      severity: 'warning',
      code: 'group_replaced',
      message:
        'The server has begun a new encrypted group for a room you are in. Look who is in it before you write.',
    });
    return undefined;
  };

  const handle = (event: ServerEvent): void => {
    if (event.t !== 'text.subscribers') return;
    const entry = rooms.get(event.room);
    if (entry?.group?.reference !== event.group) return;
    entry.subscribers = event.subscribers;
    present(entry);
  };

  return {
    onDidChangeMessage: messageChanged.event,
    onDidChangeGroup: groupChanged.event,
    onNotice: notices.event,
    open: (room, password) =>
      mutex.run(async () => {
        const entry = roomOf(room);
        await subscribe(entry, password);
        const kept = (await entry.history.read(undefined, OPEN_LIMIT)).map((message) => ({
          room,
          ...message,
        }));
        const waiting = (await entry.outbox.load()).map((queued) => queuedMessage(room, queued, 'queued'));
        announceGroup(entry);
        return [...kept, ...waiting];
      }),
    async history(room, before, limit) {
      return (await roomOf(room).history.read(before, limit)).map((message) => ({ room, ...message }));
    },
    async send(room, text) {
      if (text.trim() === '') throw sessionError('message_empty', 'There is nothing to send.');
      if (text.length > MAX_TEXT_LENGTH)
        throw sessionError(
          'message_too_long',
          `A message has at most ${MAX_TEXT_LENGTH} characters. Send it in parts.`,
        );
      const entry = rooms.get(room);
      if (!entry) throw sessionError('room_not_open', 'Open the room’s messages first.');
      if ((await entry.outbox.load()).length >= OUTBOX_LIMIT)
        throw sessionError(
          'rate_limited',
          'Too many messages wait to be sent. Wait until the connection is back.',
        );
      const queued: QueuedMessage = { id: randomBytes(16), text, at: clock.wallTime() };
      await entry.outbox.add(queued);
      const message = queuedMessage(room, queued, 'queued');
      messageChanged.fire(message);
      handOver(entry).catch(report);
      return message;
    },
    leave: (room) =>
      mutex.run(async () => {
        const entry = rooms.get(room);
        if (!channel)
          throw sessionError('disconnected', 'There is no connection to a server. Connect first.');
        await channel.request('text.unsubscribe', { room });
        directory.setSubscribed(room, false);
        if (!entry) return;
        await dropGroup(entry);
        entry.groupState = 'left';
        await vault.write([{ key: entry.groupKey, value: undefined }]);
        announceGroup(entry);
        rooms.delete(room);
      }),
    attach(next, server) {
      if (server !== serverId) {
        // Before any room is opened again: two sessions on one stored state would use a key twice.
        for (const entry of rooms.values()) mutex.run(() => dropGroup(entry)).catch(report);
        rooms.clear();
        serverId = server;
      }
      channel = next;
      channelStore.dispose();
      channelStore = createDisposableStore();
      channelStore.add(next.onEvent(handle));
      // Who is online decides who commits.
      channelStore.add(
        directory.onDidChange(() => {
          for (const entry of rooms.values()) present(entry);
        }),
      );
      const again = new Set([...next.welcome.subscriptions, ...rooms.keys()]);
      for (const room of again) mutex.run(() => subscribe(roomOf(room), undefined)).catch(report);
    },
    detach() {
      channel = undefined;
      channelStore.dispose();
      channelStore = createDisposableStore();
      for (const entry of rooms.values()) {
        entry.attachedTo = undefined;
        entry.group?.detach();
      }
    },
    dispose() {
      for (const entry of rooms.values()) {
        entry.group?.dispose();
        entry.store.dispose();
      }
      channelStore.dispose();
      store.dispose();
    },
  };
}
