import { equalBytes, toHex, type Bytes } from '../../core/base/bytes.ts';
import type { GroupLogEntry } from '../../core/protocol/control-message.ts';
import type { GroupState, GroupStorage, WaitingJoin } from './relay-store.ts';

/** A commit of a large group has some 74 kB, so this holds the last minutes of a busy call. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;
const MAX_LOG_ENTRIES = 1000;

/** Storage for the group of a call, which lives exactly as long as the call. */
export function createMemoryGroupStorage(): GroupStorage {
  let state: GroupState = { epoch: null, groupInfo: null, head: 0 };
  let log: GroupLogEntry[] = [];
  let logBytes = 0;
  const waiting = new Map<string, WaitingJoin>();
  const append = (entry: GroupLogEntry): void => {
    log.push(entry);
    logBytes += payloadLength(entry);
    let drop = 0;
    while (drop < log.length - 1 && (logBytes > MAX_LOG_BYTES || log.length - drop > MAX_LOG_ENTRIES)) {
      logBytes -= payloadLength(log[drop] as GroupLogEntry);
      drop++;
    }
    if (drop > 0) log = log.slice(drop);
  };
  return {
    get state() {
      return state;
    },
    create(groupInfo) {
      state = { epoch: 0, groupInfo, head: state.head };
    },
    appendCommit(entry, groupInfo) {
      append(entry);
      state = { epoch: entry.epoch + 1, groupInfo, head: entry.cursor };
    },
    appendMessage(entry) {
      append(entry);
      state = { ...state, head: entry.cursor };
    },
    findMessage(messageId: Bytes) {
      return log.find((entry) => entry.kind === 'message' && equalBytes(entry.messageId, messageId));
    },
    read(since, limit) {
      const start = log.findIndex((entry) => entry.cursor > since);
      return start < 0 ? [] : log.slice(start, start + limit);
    },
    waiting: () => [...waiting.values()],
    addWaiting(join) {
      waiting.set(toHex(join.identity), join);
    },
    removeWaiting(identities) {
      for (const identity of identities) waiting.delete(toHex(identity));
    },
    // Everybody in a call is online, so no Welcome ever waits here.
    pendingWelcome: () => undefined,
    removePendingWelcome() {},
  };
}

function payloadLength(entry: GroupLogEntry): number {
  return entry.kind === 'commit' ? entry.commit.length : entry.message.length;
}
