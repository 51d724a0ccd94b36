import { afterEach, describe, expect, it } from 'vitest';
import { createDeferred } from '../base/async.ts';
import { fromUtf8, randomBytes, toHex, utf8, type Bytes } from '../base/bytes.ts';
import { silentLogger } from '../base/log.ts';
import { createFakeClock } from '../base/testing/fake-clock.ts';
import { generateIdentity } from '../crypto/identity.ts';
import { decodeSessionState } from './group-session-state.ts';
import { createGroupSession, type GroupDelivery } from './group-session.ts';
import { createSimulatedRelay } from './testing/simulated-relay.ts';
import { createSimulatedWorld, type Person, type SimulatedWorld } from './testing/simulated-world.ts';

const FAST = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';
const worlds: SimulatedWorld[] = [];
const world = (kind: 'call' | 'text'): SimulatedWorld => {
  const made = createSimulatedWorld({ kind, suite: FAST });
  worlds.push(made);
  return made;
};
afterEach(async () => {
  for (const made of worlds.splice(0)) {
    made.dispose();
    await made.settle();
  }
});
const texts = (person: Person): readonly string[] =>
  person.received.map((message) => fromUtf8(message.plaintext));
const commits = (setting: SimulatedWorld): number =>
  setting.relay.log.filter((entry) => entry.kind === 'commit').length;
const enterAll = async (setting: SimulatedWorld, count: number): Promise<readonly Person[]> => {
  const people: Person[] = [];
  for (let i = 0; i < count; i++) {
    const person = setting.addPerson();
    people.push(person);
    setting.enter(person);
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
  }
  return people;
};

describe('joining', () => {
  it('makes the group when there is none, and is let in within moments when there is one', async () => {
    const setting = world('call');
    const [alice, bob] = await enterAll(setting, 2);
    expect(alice?.session?.current?.roster).toHaveLength(2);
    expect(setting.clock.now()).toBeLessThan(100);
    expect(bob?.session?.current?.roster.some((entry) => entry.external)).toBe(false);
    expect([alice?.failures, bob?.failures]).toEqual([[], []]);
  });

  it('lets several newcomers in with one commit', async () => {
    const setting = world('call');
    await enterAll(setting, 1);
    const before = commits(setting);
    for (let i = 0; i < 5; i++) setting.enter(setting.addPerson());
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    expect(commits(setting) - before).toBe(1);
  });

  it('helps itself with an external commit when nobody answers, and everybody sees that it did', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    setting.crash(alice);
    setting.crash(bob);
    const carol = setting.addPerson();
    setting.enter(carol);
    expect(await setting.until(() => carol.session?.phase === 'active', 1_000)).toBe(true);
    setting.enter(alice);
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    const seen = alice.session?.current?.roster.find(
      (entry) => toHex(entry.identity) === toHex(carol.identity.publicKey),
    );
    expect(seen?.external).toBe(true);
  });

  it('two who create at once end up in one group', async () => {
    const setting = world('call');
    const [alice, bob] = [setting.addPerson(), setting.addPerson()];
    setting.enter(alice);
    setting.enter(bob);
    expect(await setting.until(() => setting.converged(), 20_000)).toBe(true);
    expect(alice.session?.current?.roster).toHaveLength(2);
  });

  it('recognises a group of its own whose acceptance got lost', async () => {
    const setting = world('call');
    const alice = setting.addPerson();
    setting.enter(alice);
    alice.client?.faults.push('lostAnswer');
    expect(await setting.until(() => alice.session?.phase === 'active', 5_000)).toBe(true);
    expect(alice.session?.current?.epoch).toBe(0);
  });
});

describe('committing', () => {
  it('falls to the next one after 2 s when the first is silent', async () => {
    const setting = world('call');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    // Alice is there, but her requests do not get through.
    if (alice.client) alice.client.faults = Array.from({ length: 100 }, () => 'lostRequest' as const);
    const carol = setting.addPerson();
    const start = setting.clock.now();
    setting.enter(carol);
    expect(await setting.until(() => carol.session?.phase === 'active', 10_000)).toBe(true);
    expect(setting.clock.now() - start).toBeGreaterThanOrEqual(2_000);
    expect(setting.clock.now() - start).toBeLessThan(3_000);
    expect(setting.relay.log.at(-1)).toMatchObject({ kind: 'commit', session: bob.client?.session });
  });

  it('removes whoever left, in one commit with those who come', async () => {
    const setting = world('call');
    const [alice, bob, carol] = (await enterAll(setting, 3)) as [Person, Person, Person];
    const before = commits(setting);
    setting.crash(alice);
    setting.enter(setting.addPerson());
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    expect(commits(setting) - before).toBe(1);
    expect(bob.session?.current?.roster).toHaveLength(3);
    expect(carol.failures).toEqual([]);
  });

  it('recognises its own commit after a lost answer, and does not apply it before', async () => {
    const setting = world('call');
    const [alice] = (await enterAll(setting, 1)) as [Person];
    const bob = setting.addPerson();
    setting.enter(bob);
    await setting.settle();
    alice.client?.faults.push('lostAnswer');
    setting.clock.advance(20);
    await alice.session?.whenIdle();
    expect(setting.relay.epoch).toBe(1);
    expect(alice.session?.current?.epoch).toBe(0);
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    expect(commits(setting)).toBe(1);
    expect([...alice.failures, ...bob.failures]).toEqual([]);
  });

  it('sends the same bundle again after a lost request', async () => {
    const setting = world('call');
    const [alice] = (await enterAll(setting, 1)) as [Person];
    setting.enter(setting.addPerson());
    await setting.settle();
    alice.client?.faults.push('lostRequest');
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    expect(commits(setting)).toBe(1);
  });

  it('gives in to whoever was first, and tries again', async () => {
    const setting = world('call');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    // Both believe to be next at the same moment.
    await setting.pass(15 * 60_000 - 1_000);
    const late = setting.addPerson();
    setting.enter(late);
    expect(await setting.until(() => setting.converged(), 30_000)).toBe(true);
    expect([...alice.failures, ...bob.failures, ...late.failures]).toEqual([]);
  });

  it('rekeys a quiet call every 15 minutes, by turns', async () => {
    const setting = world('call');
    await enterAll(setting, 3);
    const before = commits(setting);
    await setting.pass(46 * 60_000);
    expect(commits(setting) - before).toBe(3);
    expect(setting.converged()).toBe(true);
    const committers = setting.relay.log
      .slice(before)
      .map((entry) => (entry.kind === 'commit' ? entry.session : 0));
    expect(new Set(committers).size).toBe(3);
  });

  it('rekeys a text group after 50 messages, or 5 minutes after the first', async () => {
    const setting = world('text');
    const [alice] = (await enterAll(setting, 2)) as [Person, Person];
    const before = commits(setting);
    setting.send(alice, 'one');
    await setting.pass(5 * 60_000 + 3_000);
    expect(commits(setting) - before).toBe(1);
    for (let i = 0; i < 50; i++) setting.send(alice, `m${i}`);
    await setting.pass(3_000);
    expect(commits(setting) - before).toBe(2);
    await setting.pass(20 * 60_000);
    expect(commits(setting) - before).toBe(2);
  });

  it('drops key packages that are not what the relay claims', async () => {
    const setting = world('call');
    const [alice] = (await enterAll(setting, 2)) as [Person, Person];
    const carol = setting.addPerson();
    alice.session?.handleJoinRequested({
      session: 99,
      identity: carol.identity.publicKey,
      keyPackage: new Uint8Array(100),
    });
    alice.session?.setPresent([
      ...setting.relay.present(),
      { identity: carol.identity.publicKey, session: 99, online: true },
    ]);
    const before = commits(setting);
    await setting.pass(1_000);
    expect(commits(setting)).toBe(before);
    expect(alice.failures).toEqual(['key_package_invalid']);
  });
});

describe('events', () => {
  it('may come twice and in any order', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    for (let i = 0; i < 4; i++) setting.send(alice, `m${i}`);
    await alice.session?.whenIdle();
    const queue = bob.client?.queue ?? [];
    expect(queue.length).toBe(4);
    queue.reverse();
    queue.push(...queue.slice(0, 3));
    await setting.settle();
    expect(texts(bob)).toEqual(['m0', 'm1', 'm2', 'm3']);
  });

  it('that are missing are fetched from the log', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    for (let i = 0; i < 8; i++) setting.send(alice, `m${i}`);
    await alice.session?.whenIdle();
    bob.client?.queue.splice(0, 7);
    await setting.settle();
    expect(texts(bob)).toHaveLength(8);
  });

  it('with an invalid commit make a member start over and come back', async () => {
    const setting = world('call');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    const current = bob.session?.current;
    bob.session?.handleCommit({
      cursor: (setting.relay.log.at(-1)?.cursor ?? 0) + 1,
      epoch: current?.epoch ?? 0,
      at: 0,
      session: alice.client?.session ?? 0,
      commit: new Uint8Array(50),
    });
    await bob.session?.whenIdle();
    expect(bob.failures).toEqual(['commit_invalid']);
    expect(await setting.until(() => setting.converged(), 20_000)).toBe(true);
    expect(alice.session?.current?.roster).toHaveLength(2);
  });
});

describe('messages', () => {
  it('wait for the group, and are delivered once although answers get lost and the epoch moves', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    alice.client?.faults.push('lostAnswer', 'lostRequest');
    const id = setting.send(alice, 'once');
    setting.enter(setting.addPerson());
    await setting.pass(5_000);
    expect(texts(bob)).toEqual(['once']);
    expect(alice.finished).toMatchObject([{ status: 'delivered' }]);
    expect(alice.finished.map((outcome) => toHex(outcome.messageId))).toEqual([id]);
  });

  it('survive a restart of the sender', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    alice.client?.faults.push('lostRequest');
    setting.send(alice, 'persistent');
    await setting.settle();
    setting.crash(alice);
    await setting.settle();
    expect(texts(bob)).toEqual([]);
    setting.enter(alice);
    await setting.pass(1_000);
    expect(texts(bob)).toEqual(['persistent']);
  });

  it('reach a member who was away, in order', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    setting.crash(bob);
    setting.send(alice, 'a');
    await setting.pass(6 * 60_000);
    setting.send(alice, 'b');
    await setting.settle();
    setting.enter(bob);
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    expect(texts(bob)).toEqual(['a', 'b']);
    expect(bob.failures).toEqual([]);
  });
});

describe('storage', () => {
  /** A single member of a text group whose storing can be held up. */
  const setUp = () => {
    const clock = createFakeClock(0, Date.now());
    const identity = generateIdentity();
    const relay = createSimulatedRelay('text', () => clock.wallTime());
    const client = relay.connectClient(identity.publicKey, 1);
    const asked: string[] = [];
    const stored: Bytes[] = [];
    let gate = Promise.resolve();
    const delivery: GroupDelivery = {
      ...client.delivery,
      commit: (bundle) => {
        asked.push('commit');
        return client.delivery.commit(bundle);
      },
      send: (message) => {
        asked.push('send');
        return client.delivery.send(message);
      },
    };
    const session = createGroupSession({
      parameters: { groupId: randomBytes(40), suite: FAST, kind: 'text', wallTime: () => clock.wallTime() },
      identity,
      session: 0,
      delivery,
      clock,
      logger: silentLogger,
      persist: async (state) => {
        stored.push(state);
        await gate;
      },
    });
    relay.enter(client);
    session.connect({ epoch: null });
    return {
      clock,
      session,
      asked,
      stored,
      hold: () => {
        const deferred = createDeferred<void>();
        gate = deferred.promise;
        return deferred.resolve;
      },
    };
  };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  };

  it('comes before a message is handed over, so that a key is never used twice', async () => {
    const { session, asked, stored, hold } = setUp();
    await session.whenIdle();
    const before = stored.length;
    const release = hold();
    session.sendMessage(randomBytes(16), utf8('hello'));
    await until(() => stored.length > before);
    expect(asked).toEqual([]);
    // What was stored has the key used up already: its next message uses another.
    expect(decodeSessionState(stored.at(-1) as Bytes).outbox).toHaveLength(1);
    release();
    await session.whenIdle();
    expect(asked).toEqual(['send']);
    session.dispose();
  });

  it('comes before a commit is handed over, and before its acceptance is told', async () => {
    const { clock, session, asked, stored, hold } = setUp();
    await session.whenIdle();
    const epochs: number[] = [];
    const subscription = session.onDidChangeEpoch(({ epoch }) => epochs.push(epoch));
    session.sendMessage(randomBytes(16), utf8('hello'));
    await session.whenIdle();
    const release = hold();
    clock.advance(5 * 60_000);
    await until(() => decodeSessionState(stored.at(-1) as Bytes).pending !== undefined);
    expect(asked).toEqual(['send']);
    const before = stored.length;
    release();
    const releaseSecond = hold();
    await until(() => stored.length > before);
    expect(asked).toEqual(['send', 'commit']);
    expect(epochs).toEqual([]);
    releaseSecond();
    await session.whenIdle();
    expect(epochs).toEqual([1]);
    subscription.dispose();
    session.dispose();
  });

  it('that is damaged makes the client join anew', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    setting.crash(bob);
    bob.stored = bob.stored?.slice(5);
    setting.enter(bob);
    expect(await setting.until(() => setting.converged(), 20_000)).toBe(true);
    expect(bob.failures).toEqual(['group_state_damaged']);
    expect(alice.session?.current?.roster).toHaveLength(2);
  });
});

describe('a relay that never answers', () => {
  it('does not stop a session for ever, nor keep it from being disposed', async () => {
    const clock = createFakeClock(0, Date.now());
    const identity = generateIdentity();
    const relay = createSimulatedRelay('call', () => clock.wallTime());
    const client = relay.connectClient(identity.publicKey, 1);
    let silent = true;
    let tries = 0;
    const session = createGroupSession({
      parameters: { groupId: randomBytes(40), suite: FAST, kind: 'call', wallTime: () => clock.wallTime() },
      identity,
      session: 1,
      delivery: {
        ...client.delivery,
        create: (info) => {
          tries += 1;
          return silent ? new Promise(() => {}) : client.delivery.create(info);
        },
      },
      clock,
      logger: silentLogger,
    });
    relay.enter(client);
    session.connect({ epoch: null });
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    await until(() => tries === 1);
    clock.advance(10_000);
    await session.whenIdle();
    silent = false;
    clock.advance(1_000);
    await session.whenIdle();
    expect(session.phase).toBe('active');
    session.dispose();

    const stuck = createGroupSession({
      parameters: { groupId: randomBytes(40), suite: FAST, kind: 'call', wallTime: () => clock.wallTime() },
      identity,
      session: 1,
      delivery: { ...client.delivery, create: () => new Promise(() => {}) },
      clock,
      logger: silentLogger,
    });
    stuck.connect({ epoch: null });
    await until(() => clock.pendingTimers === 1);
    stuck.dispose();
    await stuck.whenIdle();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a member', () => {
  it('who is not listed any more stays out', async () => {
    const setting = world('call');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    const others = setting.relay
      .present()
      .filter((member) => toHex(member.identity) !== toHex(bob.identity.publicKey));
    bob.session?.setPresent(others);
    alice.session?.setPresent(others);
    expect(await setting.until(() => bob.session?.phase === 'removed', 10_000)).toBe(true);
    expect(bob.failures).toEqual(['removed']);
    expect(alice.session?.current?.roster).toHaveLength(1);
  });

  it('who is the only one and lost its state comes back', async () => {
    const setting = world('text');
    const [alice] = (await enterAll(setting, 1)) as [Person];
    setting.crash(alice);
    alice.stored = undefined;
    setting.enter(alice);
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    expect(alice.session?.current?.roster).toHaveLength(1);
  });

  it('who asked to join and closed the program is let in later by the Welcome that waited', async () => {
    const setting = world('text');
    const [alice] = (await enterAll(setting, 1)) as [Person];
    setting.crash(alice);
    const bob = setting.addPerson();
    setting.enter(bob);
    await setting.settle();
    setting.crash(bob);
    setting.enter(alice);
    await setting.pass(1_000);
    expect(alice.session?.current?.roster).toHaveLength(2);
    setting.send(alice, 'welcome');
    await setting.settle();
    setting.enter(bob);
    expect(await setting.until(() => setting.converged(), 10_000)).toBe(true);
    expect(texts(bob)).toEqual(['welcome']);
  });

  it('goes on when the relay stops answering for a while', async () => {
    const setting = world('call');
    const [alice] = (await enterAll(setting, 1)) as [Person];
    if (alice.client) alice.client.faults = Array.from({ length: 6 }, () => 'lostRequest' as const);
    setting.enter(setting.addPerson());
    expect(await setting.until(() => setting.converged(), 120_000)).toBe(true);
  });

  it('that went back to an earlier moment gets new keys before it sends again', async () => {
    const setting = world('text');
    const [alice, bob] = (await enterAll(setting, 2)) as [Person, Person];
    setting.send(bob, 'one');
    await setting.settle();
    const earlier = bob.stored;
    const epoch = bob.session?.current?.epoch as number;
    setting.send(bob, 'two');
    await setting.settle();
    // A copy of the profile folder is put back.
    setting.crash(bob);
    bob.stored = earlier;
    setting.enter(bob);
    await setting.settle();
    setting.send(bob, 'three');
    expect(await setting.until(() => texts(alice).length === 3, 10_000)).toBe(true);
    expect(texts(alice)).toEqual(['one', 'two', 'three']);
    expect(alice.failures).toEqual([]);
    expect(bob.failures).toEqual(['group_state_old']);
    expect(alice.session?.current?.epoch).toBe(epoch + 1);
  });

  it('of a group that the relay says it never had is given up with a word', async () => {
    const setting = world('text');
    const [alice] = (await enterAll(setting, 1)) as [Person];
    const { stored } = alice;
    const failures: string[] = [];
    const client = createSimulatedRelay('text', () => setting.clock.wallTime()).connectClient(
      alice.identity.publicKey,
      0,
    );
    const session = createGroupSession({
      parameters: setting.parameters,
      identity: alice.identity,
      session: 0,
      delivery: client.delivery,
      clock: setting.clock,
      logger: silentLogger,
      persist: () => Promise.resolve(),
      ...(stored ? { restored: stored } : {}),
    });
    const subscription = session.onDidFail((code) => failures.push(code));
    session.connect({ epoch: null });
    await session.whenIdle();
    expect(failures).toEqual(['group_rolled_back']);
    subscription.dispose();
    session.dispose();
  });
});
