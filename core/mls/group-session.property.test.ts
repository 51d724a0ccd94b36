import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { equalBytes, fromUtf8, toHex, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { decodeSessionState } from './group-session-state.ts';
import { restoreGroup, type MlsGroup } from './group.ts';
import { DEFAULT_MLS_SUITE, type MlsSuite } from './suite.ts';
import { deliverEvent, type Fault, type RelayEvent } from './testing/simulated-relay.ts';
import { createSimulatedWorld, type SimulatedWorld } from './testing/simulated-world.ts';

/** One thing that happens; `who` picks a person. */
type Step =
  | { readonly kind: 'enter' | 'leave' | 'crash' | 'send' | 'reconnect'; readonly who: number }
  | { readonly kind: 'fault'; readonly who: number; readonly faults: readonly Fault[] }
  | { readonly kind: 'scramble'; readonly who: number; readonly order: readonly number[] }
  | { readonly kind: 'deliver'; readonly who: number; readonly count: number }
  | { readonly kind: 'pass'; readonly milliseconds: number }
  | { readonly kind: 'jump'; readonly milliseconds: number };

const FAST: MlsSuite = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';
/** More of both for a longer search by hand. */
const RUNS = Number(process.env['CONCLAVE_PROPERTY_RUNS'] ?? 40);
const BUDGET_MS = Number(process.env['CONCLAVE_PROPERTY_BUDGET_MS'] ?? 15_000);
const PEOPLE = 5;
const who = fc.nat(PEOPLE - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('enter' as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crash' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      who,
      faults: fc.array(fc.constantFrom<Fault[]>('none', 'lostRequest', 'lostAnswer'), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('scramble' as const),
      who,
      order: fc.array(fc.nat(1000), { minLength: 2, maxLength: 12 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      who,
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), milliseconds: fc.nat(4000) }) },
  // Time moves on while everybody is still busy.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('jump' as const), milliseconds: fc.nat(3000) }) },
);

/** Repeats and reorders what is under way, except the lists of members, which replace each other. */
function scramble(queue: readonly RelayEvent[], order: readonly number[]): RelayEvent[] {
  const movable = queue.filter((event) => event.kind !== 'present');
  if (movable.length === 0) return [...queue];
  const mixed = [...movable, ...order.map((index) => movable[index % movable.length] as RelayEvent)]
    .map((event, index) => ({ event, key: order[index % order.length] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ event }) => event);
  return [...queue.filter((event) => event.kind === 'present'), ...mixed];
}

async function perform(setting: SimulatedWorld, action: Step): Promise<void> {
  if (action.kind === 'pass') return setting.pass(action.milliseconds);
  if (action.kind === 'jump') return setting.clock.advance(action.milliseconds);
  const person = setting.people[action.who];
  if (!person) return;
  const { client, session } = person;
  switch (action.kind) {
    case 'enter':
      setting.enter(person);
      return;
    case 'leave':
      // When the last subscriber leaves, the group ends and the next one is another group.
      if (setting.relay.present().length > 1) setting.leave(person);
      return;
    case 'crash':
      setting.crash(person);
      return;
    case 'reconnect':
      setting.reconnect(person);
      return;
    case 'send':
      if (setting.parameters.kind === 'text') setting.send(person, `from ${person.name}`);
      return;
    case 'fault':
      client?.faults.push(...action.faults);
      return;
    case 'scramble':
      if (client) client.queue = scramble(client.queue, action.order);
      return;
    case 'deliver':
      if (client && session)
        for (const event of client.queue.splice(0, action.count)) deliverEvent(session, event);
  }
}

/** Everything a former member could do with what it had: follow the log as far as it gets. */
async function followFrom(
  setting: SimulatedWorld,
  stored: Bytes,
): Promise<{ readonly group: MlsGroup | undefined; readonly read: readonly string[] }> {
  const state = decodeSessionState(stored);
  const read: string[] = [];
  if (!state.group) return { group: undefined, read };
  let group = await restoreGroup(setting.parameters, state.group);
  for (const entry of setting.relay.log) {
    if (entry.cursor <= state.cursor) continue;
    try {
      if (entry.kind === 'message') {
        const opened = await group.decrypt(entry.message);
        group = opened.group;
        read.push(fromUtf8(opened.plaintext));
      } else if (state.pending && equalBytes(entry.commit, state.pending.commit.commit)) {
        group = await group.applyPending(state.pending.commit);
      } else {
        const outcome = await group.processCommit(entry.commit);
        if (outcome.status === 'applied') group = outcome.group;
      }
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
  }
  return { group, read };
}

async function heal(setting: SimulatedWorld): Promise<void> {
  for (const { client } of setting.people) if (client) client.faults = [];
  if (setting.people.every((person) => !person.session)) {
    const [first] = setting.people;
    if (first) setting.enter(first);
  }
  const done = await setting.until(() => setting.converged(), 30 * 60_000);
  if (!done)
    throw new Error(
      `no convergence: relay epoch ${setting.relay.epoch}, ${setting.people
        .map(
          ({ name, session, failures }) =>
            `${name} ${session?.phase} ${session?.current?.epoch} [${failures.join()}]`,
        )
        .join('; ')}`,
    );
}

async function checkCall(setting: SimulatedWorld): Promise<void> {
  const active = setting.people.flatMap(({ session }) => (session?.current ? [session.current] : []));
  const [first] = active;
  if (!first) return;
  const keysOf = (view: typeof first) =>
    Promise.all(
      view.roster.map((entry) => view.exportFrameKey(entry.identity, entry.session, 1).then(toHex)),
    );
  const keys = await keysOf(first);
  expect(new Set(keys).size).toBe(keys.length);
  for (const view of active) expect(await keysOf(view)).toEqual(keys);
  for (const { remains } of setting.people)
    for (const stored of remains) {
      const { group } = await followFrom(setting, stored);
      if (!group) continue;
      expect(toHex(group.epochAuthenticator)).not.toBe(toHex(first.epochAuthenticator));
      for (const [index, entry] of first.roster.entries())
        expect(toHex(await group.exportFrameKey(entry.identity, entry.session, 1))).not.toBe(keys[index]);
    }
}

async function checkText(setting: SimulatedWorld): Promise<void> {
  const online = setting.people.filter((person) => person.session);
  for (const person of online) {
    setting.send(person, `final ${person.name}`);
  }
  const finalsOf = (person: (typeof online)[number]): readonly string[] =>
    person.received.map((message) => fromUtf8(message.plaintext)).filter((text) => text.startsWith('final'));
  // Somebody may still be waiting after a lost request.
  await setting.until(() => online.every((person) => finalsOf(person).length >= online.length - 1), 120_000);
  for (const person of online) {
    const finals = [...finalsOf(person)];
    const others = online.filter((other) => other !== person).map((other) => `final ${other.name}`);
    expect(finals.sort()).toEqual(others.sort());
    // Nothing is heard twice, and in the order of the log.
    const cursors = person.received.map((message) => message.cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    expect(cursors).toEqual([...cursors].sort((a, b) => a - b));
  }
  const roster = online[0]?.session?.current?.roster ?? [];
  for (const person of setting.people) {
    if (roster.some((entry) => equalBytes(entry.identity, person.identity.publicKey))) continue;
    for (const stored of person.remains) {
      const { group, read } = await followFrom(setting, stored);
      expect(read.filter((text) => text.startsWith('final'))).toEqual([]);
      expect(group && toHex(group.epochAuthenticator)).not.toBe(
        toHex(online[0]?.session?.current?.epochAuthenticator ?? new Uint8Array()),
      );
    }
  }
}

async function run(
  kind: 'call' | 'text',
  suite: MlsSuite,
  present: number,
  steps: readonly Step[],
): Promise<void> {
  const setting = createSimulatedWorld({ kind, suite });
  try {
    for (let i = 0; i < PEOPLE; i++) setting.addPerson();
    for (const person of setting.people.slice(0, present)) setting.enter(person);
    await setting.pass(steps.length * 10);
    for (const action of steps) {
      await perform(setting, action);
      // Lets cryptography that is under way get on a little, so that steps meet it half done.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await heal(setting);
    await (kind === 'call' ? checkCall(setting) : checkText(setting));
  } finally {
    setting.dispose();
    await setting.settle();
  }
}

describe('group sessions under random joins, leaves, losses, races and crashes', () => {
  const check = async (
    kind: 'call' | 'text',
    suite: MlsSuite,
    budgetMs: number,
    maxSteps: number,
  ): Promise<void> => {
    const deadline = performance.now() + budgetMs;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: PEOPLE }),
        fc.array(step, { minLength: 5, maxLength: maxSteps, size: 'max' }),
        async (present, steps) => {
          // A slow machine does fewer runs rather than fail.
          if (performance.now() < deadline) await run(kind, suite, present, steps);
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  };

  it('end in one epoch and one roster, in a call', () => check('call', FAST, BUDGET_MS, 40), 60_000);
  it('end in one epoch and one roster, in a text group', () => check('text', FAST, BUDGET_MS, 40), 60_000);
  it(
    'do so with the post-quantum suite too',
    () => check('call', DEFAULT_MLS_SUITE, BUDGET_MS / 3, 15),
    60_000,
  );
});
