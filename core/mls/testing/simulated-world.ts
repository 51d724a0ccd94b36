import { randomBytes, toHex, type Bytes } from '../../base/bytes.ts';
import { createDisposableStore, type Disposable, type DisposableStore } from '../../base/disposable.ts';
import { silentLogger } from '../../base/log.ts';
import { createFakeClock, type FakeClock } from '../../base/testing/fake-clock.ts';
import { generateIdentity, type Identity } from '../../crypto/identity.ts';
import type { GroupParameters } from '../group.ts';
import {
  createGroupSession,
  type GroupSession,
  type MessageOutcome,
  type ReceivedMessage,
} from '../group-session.ts';
import type { MlsSuite } from '../suite.ts';
import {
  createSimulatedRelay,
  deliverEvent,
  type RelayClient,
  type SimulatedRelay,
} from './simulated-relay.ts';

/** A person with at most one running client. */
export interface Person {
  readonly name: string;
  readonly identity: Identity;
  client: RelayClient | undefined;
  session: GroupSession | undefined;
  /** What the client stored last. */
  stored: Bytes | undefined;
  readonly received: ReceivedMessage[];
  readonly finished: MessageOutcome[];
  readonly failures: string[];
  /** What clients that are gone for good had stored. */
  readonly remains: Bytes[];
}

/** People, a relay and a clock. */
export interface SimulatedWorld extends Disposable {
  readonly clock: FakeClock;
  readonly relay: SimulatedRelay;
  readonly parameters: GroupParameters;
  readonly people: readonly Person[];
  addPerson(): Person;
  /** Enters the call or subscribes with a running client, restored from what was stored. */
  enter(person: Person): void;
  /** Leaves for good. */
  leave(person: Person): void;
  /** The client dies without a word. */
  crash(person: Person): void;
  /** The connection breaks and comes back: events on the way are lost. Text groups only. */
  reconnect(person: Person): void;
  /** Lets events through and waits until nobody has anything to do before the clock moves. */
  settle(): Promise<void>;
  /** Settles, then moves the clock on in steps, settling in between. */
  pass(milliseconds: number): Promise<void>;
  /** Settles and moves the clock from timer to timer until the condition holds. */
  until(condition: () => boolean, limitMs?: number): Promise<boolean>;
  /** Everybody who is online is an active member of one epoch whose roster has nobody who left. */
  converged(): boolean;
  send(person: Person, text: string): string;
}

/** Makes an empty world. */
export function createSimulatedWorld(options: {
  readonly kind: 'call' | 'text';
  readonly suite: MlsSuite;
}): SimulatedWorld {
  // ts-mls checks the lifetime of key packages by the system's clock, so the fake one begins there.
  const clock = createFakeClock(0, Date.now());
  const relay = createSimulatedRelay(options.kind, () => clock.wallTime());
  const parameters: GroupParameters = {
    groupId: randomBytes(40),
    suite: options.suite,
    kind: options.kind,
    wallTime: () => clock.wallTime(),
  };
  const people: Person[] = [];
  let nextSession = 1;
  const ownerName = (identity: Uint8Array): string => toHex(identity);

  const subscriptions = new Map<Person, DisposableStore>();
  const stop = (person: Person): void => {
    subscriptions.get(person)?.dispose();
    subscriptions.delete(person);
    person.session?.dispose();
    person.session = undefined;
    person.client = undefined;
  };
  const forget = (person: Person): void => {
    if (person.stored) person.remains.push(person.stored);
    person.stored = undefined;
  };
  const settle = async (): Promise<void> => {
    for (;;) {
      let busy = false;
      for (const { client, session } of people) {
        if (!client || !session) continue;
        for (const event of client.queue.splice(0)) {
          busy = true;
          deliverEvent(session, event);
        }
      }
      for (const { session } of people) await session?.whenIdle();
      if (!busy && people.every(({ client }) => (client?.queue.length ?? 0) === 0)) return;
    }
  };

  return {
    clock,
    relay,
    parameters,
    people,
    settle,
    addPerson() {
      const person: Person = {
        name: `p${people.length}`,
        identity: generateIdentity(),
        client: undefined,
        session: undefined,
        stored: undefined,
        received: [],
        finished: [],
        failures: [],
        remains: [],
      };
      people.push(person);
      return person;
    },
    enter(person) {
      if (person.session) return;
      const id = nextSession++;
      const client = relay.connectClient(person.identity.publicKey, id);
      const session = createGroupSession({
        parameters,
        identity: person.identity,
        session: options.kind === 'call' ? id : 0,
        delivery: client.delivery,
        clock,
        logger: silentLogger,
        persist: (state) => {
          if (person.session === session) person.stored = state;
          return Promise.resolve();
        },
        ...(options.kind === 'text' && person.stored ? { restored: person.stored } : {}),
      });
      person.client = client;
      person.session = session;
      const store = createDisposableStore();
      subscriptions.set(person, store);
      store.add(session.onDidReceiveMessage((message) => person.received.push(message)));
      store.add(session.onDidFinishMessage((outcome) => person.finished.push(outcome)));
      store.add(session.onDidFail((code) => person.failures.push(code)));
      const { epoch } = relay;
      relay.enter(client);
      session.connect({ epoch });
    },
    leave(person) {
      if (!person.client) return;
      relay.leave(person.client);
      stop(person);
      forget(person);
    },
    crash(person) {
      if (!person.client) return;
      relay.drop(person.client);
      stop(person);
      if (options.kind === 'call') forget(person);
    },
    reconnect(person) {
      const { client, session } = person;
      if (!client || !session || options.kind === 'call') return;
      session.disconnect();
      relay.drop(client);
      client.online = true;
      const { epoch } = relay;
      relay.enter(client);
      session.connect({ epoch });
    },
    async pass(milliseconds) {
      await settle();
      const end = clock.now() + milliseconds;
      for (;;) {
        const step = clock.untilNext;
        if (step === undefined || clock.now() + step > end) break;
        clock.advance(step);
        await settle();
      }
      clock.advance(end - clock.now());
      await settle();
    },
    async until(condition, limitMs = 600_000) {
      const end = clock.now() + limitMs;
      await settle();
      while (!condition()) {
        const step = clock.untilNext;
        if (step === undefined || clock.now() + step > end) return false;
        clock.advance(step);
        await settle();
      }
      return true;
    },
    converged() {
      const active = people.filter((person) => person.session);
      const [first] = active;
      if (!first) return true;
      const reference = first.session?.current;
      if (!reference) return false;
      const listed = new Set(
        relay.present().map((member) => `${ownerName(member.identity)}/${member.session}`),
      );
      const names = (entries: typeof reference.roster): readonly string[] =>
        entries.map((entry) => `${entry.leafIndex}:${ownerName(entry.identity)}/${entry.session}`);
      return (
        reference.epoch === relay.epoch &&
        reference.roster.every((entry) => listed.has(`${ownerName(entry.identity)}/${entry.session}`)) &&
        new Set(reference.roster.map((entry) => `${ownerName(entry.identity)}/${entry.session}`)).size ===
          reference.roster.length &&
        active.every(({ identity, session }) => {
          const current = session?.current;
          return (
            current !== undefined &&
            toHex(current.epochAuthenticator) === toHex(reference.epochAuthenticator) &&
            names(current.roster).join() === names(reference.roster).join() &&
            current.roster.some((entry) => ownerName(entry.identity) === ownerName(identity.publicKey))
          );
        })
      );
    },
    send(person, text) {
      const id = randomBytes(16);
      person.session?.sendMessage(id, new TextEncoder().encode(text));
      return toHex(id);
    },
    dispose() {
      for (const person of people) stop(person);
    },
  };
}
