import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../api/conclave.d.ts';
import { buildTimeline, GROUP_GAP_MS, identityOf, mergeMessages, oldestCursor } from './timeline.ts';

const DAY = 24 * 3_600_000;
const utcDay = (at: number): number => at - (at % DAY);

function message(changes: Partial<Message>): Message {
  return {
    room: 1,
    id: '01',
    cursor: 1,
    senderKey: 'ada',
    senderName: 'Ada',
    own: false,
    text: 'hello',
    at: 0,
    state: 'received',
    ...changes,
  };
}

describe('merging', () => {
  it('replaces a message when its state changes and moves it to its place', () => {
    const queued = message({ id: 'q', cursor: null, own: true, state: 'queued', at: 5 });
    const later = message({ id: 'l', cursor: 9, at: 9 });
    const merged = mergeMessages([later, queued], [{ ...queued, cursor: 8, state: 'sent' }]);
    expect(merged.map(({ id, state }) => [id, state])).toEqual([
      ['q', 'sent'],
      ['l', 'received'],
    ]);
  });

  it('keeps messages of two senders with the same id apart', () => {
    expect(mergeMessages([message({})], [message({ senderKey: 'ben', cursor: 2 })])).toHaveLength(2);
  });

  it('gives the same list whatever the order of arrival', () => {
    const arbitrary = fc.uniqueArray(
      fc.record({
        id: fc.string({ minLength: 1, maxLength: 4 }),
        cursor: fc.option(fc.nat(50)),
        at: fc.nat(50),
      }),
      { selector: ({ id }) => id, maxLength: 20 },
    );
    fc.assert(
      fc.property(
        arbitrary.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        ([list, shuffled]) => {
          const build = (from: typeof list) =>
            from.reduce<readonly Message[]>((all, one) => mergeMessages(all, [message(one)]), []);
          const cursors = (from: readonly Message[]) =>
            from.map(({ cursor, at }) => [cursor, cursor === null ? at : 0]);
          expect(cursors(build(shuffled))).toEqual(cursors(build(list)));
        },
      ),
    );
  });
});

describe('the timeline', () => {
  it('groups by sender, time and day', () => {
    const items = buildTimeline(
      [
        message({ id: 'a', cursor: 1, at: DAY }),
        message({ id: 'b', cursor: 2, at: DAY + 1000 }),
        message({ id: 'c', cursor: 3, at: DAY + 2000, senderKey: 'ben' }),
        message({ id: 'd', cursor: 4, at: DAY + 2000 + GROUP_GAP_MS + 1, senderKey: 'ben' }),
        message({ id: 'e', cursor: 5, at: 2 * DAY, senderKey: 'ben' }),
      ],
      utcDay,
    );
    expect(
      items.map((item) => (item.kind === 'day' ? 'day' : item.messages.map(({ id }) => id).join(''))),
    ).toEqual(['day', 'ab', 'c', 'd', 'day', 'e']);
  });

  it('does not show a day twice when the clock of the server was set back', () => {
    const items = buildTimeline(
      [
        message({ id: 'a', cursor: 1, at: 2 * DAY }),
        message({ id: 'b', cursor: 2, at: DAY, senderKey: 'ben' }),
      ],
      utcDay,
    );
    expect(items.filter(({ kind }) => kind === 'day')).toHaveLength(1);
  });

  it('shows every message once and gives every item its own key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ senderKey: fc.constantFrom('ada', 'ben'), at: fc.nat(5 * DAY) }), {
          maxLength: 40,
        }),
        (list) => {
          const messages = list.map((one, index) => message({ ...one, id: String(index), cursor: index }));
          const items = buildTimeline(messages, utcDay);
          const shown = items.flatMap((item) => (item.kind === 'group' ? item.messages : []));
          expect(shown.map(identityOf)).toEqual(messages.map(identityOf));
          expect(new Set(items.map(({ key }) => key)).size).toBe(items.length);
        },
      ),
    );
  });

  it('asks for older messages from the smallest cursor', () => {
    expect(oldestCursor([message({ cursor: 7 }), message({ cursor: null }), message({ cursor: 3 })])).toBe(3);
    expect(oldestCursor([message({ cursor: null })])).toBeUndefined();
  });
});
