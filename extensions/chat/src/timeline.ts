import type { Message } from '../../api/conclave.d.ts';

/** Messages of one sender that follow each other closely are shown under one name. */
export const GROUP_GAP_MS = 5 * 60_000;

/** What the list of messages is drawn from. */
export type TimelineItem =
  | { readonly kind: 'day'; readonly key: string; readonly at: number }
  | {
      readonly kind: 'group';
      readonly key: string;
      readonly senderKey: string;
      readonly senderName: string;
      readonly own: boolean;
      readonly at: number;
      readonly messages: readonly Message[];
    };

/** Puts new and changed messages into a list that is sorted and holds every message once. */
export function mergeMessages(known: readonly Message[], changes: readonly Message[]): readonly Message[] {
  if (changes.length === 0) return known;
  const byId = new Map(known.map((message) => [identityOf(message), message]));
  for (const change of changes) byId.set(identityOf(change), change);
  return [...byId.values()].sort(compareMessages);
}

/**
 * The order of a room's log. Messages that are not accepted yet have no cursor and stand at the end, in the
 * order of their writing.
 */
export function compareMessages(a: Message, b: Message): number {
  if (a.cursor !== null && b.cursor !== null) return a.cursor - b.cursor;
  if (a.cursor === null && b.cursor === null) return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  return a.cursor === null ? 1 : -1;
}

/** Two senders may choose the same id, so the id alone does not name a message. */
export function identityOf(message: Message): string {
  return `${message.senderKey}/${message.id}`;
}

/** Groups sorted messages by day, sender and time. `startOfDay` gives the local midnight before a time. */
export function buildTimeline(
  messages: readonly Message[],
  startOfDay: (at: number) => number = localStartOfDay,
): readonly TimelineItem[] {
  const items: TimelineItem[] = [];
  let day: number | undefined;
  let group: Message[] = [];
  const flush = (): void => {
    const first = group[0];
    if (!first) return;
    items.push({
      kind: 'group',
      key: identityOf(first),
      senderKey: first.senderKey,
      senderName: first.senderName,
      own: first.own,
      at: first.at,
      messages: group,
    });
    group = [];
  };
  for (const message of messages) {
    const messageDay = startOfDay(message.at);
    // The server's clock orders the log; a clock that was set back must not give yesterday a second time.
    if (day === undefined || messageDay > day) {
      flush();
      day = messageDay;
      items.push({ kind: 'day', key: `day/${messageDay}`, at: messageDay });
    }
    const last = group.at(-1);
    if (last && (last.senderKey !== message.senderKey || Math.abs(message.at - last.at) > GROUP_GAP_MS))
      flush();
    group.push(message);
  }
  flush();
  return items;
}

function localStartOfDay(at: number): number {
  const date = new Date(at);
  date.setHours(0, 0, 0, 0);
  return date.getTime();
}

/** The smallest cursor of a list, from which older messages are asked for; undefined without any. */
export function oldestCursor(messages: readonly Message[]): number | undefined {
  let oldest: number | undefined;
  for (const { cursor } of messages)
    if (cursor !== null && (oldest === undefined || cursor < oldest)) oldest = cursor;
  return oldest;
}
