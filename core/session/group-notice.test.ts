import { expect, it } from 'vitest';
import { createFakeClock } from '../base/testing/fake-clock.ts';
import { createNoticeLimiter, externalJoinNotice, groupNotice } from './group-notice.ts';

it('the same notice is told once in 30 s, another one at once', () => {
  const clock = createFakeClock();
  const isNews = createNoticeLimiter(clock);
  const notice = groupNotice('message_invalid', 'text');
  expect(Array.from({ length: 1000 }, () => isNews(notice)).filter(Boolean)).toHaveLength(1);
  expect(isNews(groupNotice('removed', 'text'))).toBe(true);
  clock.advance(30_000);
  expect(isNews(notice)).toBe(true);
});

it('somebody who let themselves in is named by the name they signed', () => {
  const notice = externalJoinNotice(
    [{ leafIndex: 1, identity: new Uint8Array(32).fill(9), session: 3, name: 'Ghost\u202E', external: true }],
    'call',
  );
  expect(notice).toMatchObject({ severity: 'info', code: 'joined_externally' });
  expect(notice.message).toContain('Ghost\uFFFD joined');
});
