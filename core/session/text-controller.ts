import { createMutex } from '../base/async.ts';
import { randomBytes, toHex, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Event } from '../base/event.ts';
import { logCode } from '../base/log.ts';
import type { GroupSession } from '../mls/group-session.ts';
import type { ServerEvent } from '../protocol/control-message.ts';
import type { ControlChannel } from './control-channel.ts';
import type { DirectoryStore } from './directory-store.ts';
import type { OpenGroup } from './group-opener.ts';
import type { SessionPorts } from './ports.ts';
import type { Notice, TextGroupState, TextMessage } from './session-contract.ts';
import { sessionError, toFailure } from './session-error.ts';
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
/** Errors of a send that repeating cannot change. */
const FINAL_SEND_CODES: ReadonlySet<string> = new Set([
  'not_subscribed',
  'message_too_large',
  'not_allowed',
  'room_not_found',
]);

interface TextRoom {
  readonly room: number;
  readonly store: ReturnType<typeof createDisposableStore>;
  readonly history: TextHistory;
  readonly outbox: TextOutbox;
  readonly groupKey: string;
  group: GroupSession | undefined;
  reference: string | undefined;
  groupState: TextGroupState['state'];
  pumping: boolean;
}

/** Makes a controller without rooms. */
export function createTextController(options: {
  readonly ports: SessionPorts;
  readonly vault: VaultStore;
  readonly directory: DirectoryStore;
  readonly openGroup: OpenGroup;
}): TextController {
  const { ports, vault, directory, openGroup } = options;
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
  const announceGroup = (entry: TextRoom): void => {
    groupChanged.fire({
      room: entry.room,
      state: entry.groupState,
      epoch: entry.group?.epoch ?? null,
      members: (entry.group?.epoch === undefined ? [] : entry.group.roster).map((leaf) => {
        const identity = toHex(leaf.identity);
        return { identity, name: directory.nameOf(identity) };
      }),
    });
  };
  const roomOf = (room: number): TextRoom => {
    let entry = rooms.get(room);
    if (!entry) {
      const prefix = `text/${serverId.slice(0, 16)}/${room}/`;
      entry = {
        room,
        store: createDisposableStore(),
        history: createTextHistory(vault, `${prefix}history/`),
        outbox: createTextOutbox(vault, `${prefix}outbox`),
        groupKey: `${prefix}group`,
        group: undefined,
        reference: undefined,
        groupState: 'joining',
        pumping: false,
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

  /** Sends what waits, oldest first, one at a time. */
  const pump = async (entry: TextRoom): Promise<void> => {
    if (entry.pumping) return;
    entry.pumping = true;
    try {
      for (;;) {
        const { group } = entry;
        const next = (await entry.outbox.load())[0];
        if (!next || !group || group.epoch === undefined || !channel) return;
        const { room: _, ...queued } = queuedMessage(entry.room, next, 'sent');
        try {
          const { cursor, at } = await group.send(next.id, encodeTextPayload(next.id, next.text));
          await keep(entry, { ...queued, cursor, at });
        } catch (error) {
          if (!(error instanceof CodedError) || !FINAL_SEND_CODES.has(error.code)) {
            logger.log('info', 'text.send_postponed', { code: logCode(toFailure(error).code) });
            return;
          }
          await keep(entry, { ...queued, state: 'failed' });
          report(error);
        }
        await entry.outbox.remove(next.id);
      }
    } finally {
      entry.pumping = false;
    }
  };

  const receive = async (
    entry: TextRoom,
    received: {
      readonly cursor: number;
      readonly at: number;
      readonly messageId: Bytes;
      readonly sender: Bytes;
      readonly plaintext: Bytes;
    },
  ): Promise<void> => {
    const text = decodeTextPayload(received.plaintext, received.messageId);
    if (text === undefined) {
      logger.log('warn', 'text.malformed');
      return;
    }
    const id = toHex(received.messageId);
    const sender = toHex(received.sender);
    // A message seen before (the state was restored to an earlier moment) changes nothing.
    if ((await entry.history.get(id))?.cursor === received.cursor) return;
    await keep(entry, {
      id,
      cursor: received.cursor,
      sender,
      senderName: directory.nameOf(sender),
      own: sender === toHex(vault.identity.publicKey),
      text,
      at: received.at,
      state: 'received',
    });
  };

  /** Subscribes (again) and brings the group up to date. */
  const subscribe = async (entry: TextRoom, password: string | undefined): Promise<void> => {
    const current = channel;
    if (!current) throw sessionError('disconnected', 'There is no connection to a server. Connect first.');
    if (entry.group) return;
    const answer = await current.request('text.subscribe', {
      room: entry.room,
      ...(password === undefined ? {} : { password }),
    });
    if (channel !== current) throw sessionError('disconnected', 'The connection to the server was lost.');
    directory.setSubscribed(entry.room, true);
    const stored = await vault.read(entry.groupKey);
    const group = openGroup({
      channel: current,
      reference: answer.group,
      session: 0,
      ...(stored ? { stored } : {}),
      persist: (state) => vault.write([{ key: entry.groupKey, value: state }]),
      receive: (received) => receive(entry, received),
    });
    entry.group = group;
    entry.reference = answer.group;
    entry.groupState = 'joining';
    entry.store.add(
      group.onDidChangeEpoch(() => {
        entry.groupState = 'ready';
        announceGroup(entry);
        pump(entry).catch(report);
      }),
    );
    entry.store.add(
      group.onDidFail((failure) => {
        entry.groupState = 'recovering';
        report(failure);
        announceGroup(entry);
      }),
    );
    group.setPresent(answer.subscribers.map((identity) => ({ session: 0, identity })));
    announceGroup(entry);
    group
      .join({ exists: answer.epoch !== null })
      .then(() => {
        if (entry.group !== group) return undefined;
        entry.groupState = 'ready';
        announceGroup(entry);
        return pump(entry);
      })
      .catch((error: unknown) => {
        if (entry.group === group) report(error);
      });
  };
  const dropGroup = (entry: TextRoom): void => {
    entry.group?.dispose();
    entry.group = undefined;
    entry.reference = undefined;
    entry.store.clear();
  };

  const handle = (event: ServerEvent): void => {
    if (event.t !== 'text.subscribers') return;
    const entry = rooms.get(event.room);
    if (entry?.group && entry.reference === event.group)
      entry.group.setPresent(event.subscribers.map((identity) => ({ session: 0, identity })));
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
      pump(entry).catch(report);
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
        dropGroup(entry);
        entry.groupState = 'left';
        await vault.write([{ key: entry.groupKey, value: undefined }]);
        announceGroup(entry);
        rooms.delete(room);
      }),
    attach(next, server) {
      if (server !== serverId) {
        for (const entry of rooms.values()) dropGroup(entry);
        rooms.clear();
        serverId = server;
      }
      channel = next;
      channelStore.dispose();
      channelStore = createDisposableStore();
      channelStore.add(next.onEvent(handle));
      const again = new Set([...next.welcome.subscriptions, ...rooms.keys()]);
      for (const room of again) mutex.run(() => subscribe(roomOf(room), undefined)).catch(report);
    },
    detach() {
      channel = undefined;
      channelStore.dispose();
      channelStore = createDisposableStore();
      for (const entry of rooms.values()) {
        dropGroup(entry);
        entry.groupState = 'recovering';
        announceGroup(entry);
      }
    },
    dispose() {
      for (const entry of rooms.values()) dropGroup(entry);
      for (const entry of rooms.values()) entry.store.dispose();
      channelStore.dispose();
      store.dispose();
    },
  };
}
