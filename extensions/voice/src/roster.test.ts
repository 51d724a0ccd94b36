import { describe, expect, it } from 'vitest';
import type { Call, CallMember, Person } from '../../api/conclave.d.ts';
import { buildRoster, findMismatch, microphoneStatus, suiteName } from './roster.ts';

type ActiveCall = Exclude<Call, { readonly state: 'none' }>;

function member(changes: Partial<CallMember>): CallMember {
  return {
    session: 1,
    key: 'ab',
    name: 'Ada',
    self: false,
    leaving: false,
    volume: 1,
    external: false,
    ...changes,
  };
}

function person(changes: Partial<Person>): Person {
  return {
    session: 1,
    key: 'ab',
    fingerprint: '',
    name: 'Ada',
    roles: [],
    verified: false,
    room: 7,
    inCall: true,
    muted: false,
    deafened: false,
    away: false,
    self: false,
    ...changes,
  };
}

function call(changes: Partial<ActiveCall>): ActiveCall {
  return {
    state: 'joined',
    room: 7,
    muted: false,
    deafened: false,
    epoch: 3,
    code: '',
    suite: '',
    members: [],
    mismatch: false,
    ...changes,
  };
}

describe('the roster', () => {
  it('shows the members of the group and nobody else', () => {
    const rows = buildRoster(
      call({
        members: [member({ session: 2, name: 'Ben' }), member({ session: 3, name: 'Zoe', self: true })],
      }),
      [
        person({ session: 2, muted: true, verified: true }),
        person({ session: 9, name: 'Listed by the server only' }),
      ],
      new Set([2, 9]),
      false,
    );
    expect(rows.map(({ name, muted, verified, talking }) => [name, muted, verified, talking])).toEqual([
      ['Zoe', false, false, false],
      ['Ben', true, true, true],
    ]);
  });

  it('shows the own light for what is really sent', () => {
    const members = [member({ session: 3, self: true })];
    expect(buildRoster(call({ members }), [], new Set(), true)[0]?.talking).toBe(true);
    expect(buildRoster(call({ members }), [], new Set([3]), false)[0]?.talking).toBe(false);
  });

  it('shows nobody who has left as talking', () => {
    const rows = buildRoster(call({ members: [member({ leaving: true })] }), [], new Set([1]), false);
    expect(rows[0]).toMatchObject({ leaving: true, talking: false });
  });

  it('keeps a member that the server does not list', () => {
    expect(buildRoster(call({ members: [member({})] }), [], new Set(), false)).toHaveLength(1);
  });
});

describe('a mismatch', () => {
  it('names who is on one list only', () => {
    const found = findMismatch(
      call({
        mismatch: true,
        members: [
          member({ session: 1 }),
          member({ session: 2, name: 'Hidden' }),
          member({ session: 4, leaving: true }),
        ],
      }),
      [
        person({ session: 1 }),
        person({ session: 3, name: 'Waiting' }),
        person({ session: 5, name: 'In another room', room: 8 }),
        person({ session: 6, name: 'Reading only', inCall: false }),
      ],
    );
    expect(found).toEqual({ listedOnly: ['Waiting'], membersOnly: ['Hidden'] });
  });

  it('is nothing while the lists agree', () => {
    expect(findMismatch(call({}), [])).toBeUndefined();
  });
});

describe('words', () => {
  it('names suites', () => {
    expect(suiteName('MLS_256_XWING_AES256GCM_SHA512_Ed25519')).toContain('Post-quantum');
    expect(suiteName('MLS_FUTURE')).toBe('MLS_FUTURE');
  });

  it.each([
    [{ muted: true }, true, 'Muted'],
    [{ deafened: true }, true, 'Muted'],
    [{}, true, 'Sending'],
    [{}, false, 'Push to talk'],
  ] as const)('says what the microphone does: %o', (changes, transmitting, expected) => {
    expect(microphoneStatus(call(changes), 'pushToTalk', transmitting).text).toContain(expected);
  });
});
