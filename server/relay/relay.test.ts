import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { randomBytes, utf8, type Bytes } from '../../core/base/bytes.ts';
import { silentLogger } from '../../core/base/log.ts';
import {
  decodeServerMessage,
  encodeMessage,
  type ClientRequest,
  type ServerMessage,
} from '../../core/protocol/control-message.ts';
import { readConfig, type ServerConfig } from '../config/server-config.ts';
import { createCounters } from '../metrics/metrics.ts';
import { createManualClock } from './manual-clock.test-support.ts';
import type { RelayStore } from './relay-store.ts';
import { createRelay, type Relay } from './relay.ts';
import type { ClientLink, Session } from './session.ts';

/** Rooms only, in memory: calls and their groups keep nothing anywhere else. */
function roomsOnlyStore(): RelayStore {
  let nextRoom = 2;
  const unused = (): never => {
    throw new Error('not used by calls');
  };
  return {
    rooms: {
      list: () => [
        {
          id: 1,
          parent: null,
          name: 'Lobby',
          description: '',
          limit: 0,
          permanent: true,
          owner: null,
          password: null,
        },
      ],
      insert: () => nextRoom++,
      update: () => {},
      remove: () => {},
    },
    subscriptions: { list: () => [], add: unused, remove: unused },
    textGroups: { list: () => [], open: unused, create: unused, remove: unused },
    keyPackages: { publish: unused, claim: unused },
    people: { describe: () => ({ roles: [], verified: false }) },
  };
}

interface Client {
  readonly session: Session;
  readonly inbox: ServerMessage[];
  ask(request: Omit<ClientRequest, 'id'>): ServerMessage | undefined;
}

describe('the relay without a network', () => {
  const relays: Relay[] = [];
  afterEach(() => {
    for (const relay of relays.splice(0)) relay.dispose();
  });
  const setUp = () => {
    const parsed = readConfig('[limits]\nmessages_per_second = 10000\n', {});
    const relay = createRelay({
      config: (parsed as { value: ServerConfig }).value,
      store: roomsOnlyStore(),
      clock: createManualClock(),
      counters: createCounters(),
      logger: silentLogger,
      passwords: {
        hash: () => Promise.reject(new Error('unused')),
        check: () => Promise.reject(new Error('unused')),
      },
      firstGeneration: 1,
      firstSession: 1,
      bundling: true,
    });
    relays.push(relay);
    let nextId = 1;
    const connect = (name: string): Client => {
      const inbox: ServerMessage[] = [];
      const link: ClientLink = {
        send: (message) => link.sendEncoded(encodeMessage(message)),
        sendEncoded(encoded) {
          const decoded = decodeServerMessage(encoded);
          if (!decoded.ok) throw new Error(decoded.error);
          inbox.push(decoded.value);
        },
        sendDatagram() {},
        close() {},
        flushed: () => Promise.resolve(),
      };
      const session = relay.admit({ identity: randomBytes(32), name }, link);
      return {
        session,
        inbox,
        ask(request) {
          const id = nextId++;
          relay.receive(session, encodeMessage({ ...request, id } as ClientRequest));
          return inbox.find((message) => (message.t === 'ok' || message.t === 'error') && message.id === id);
        },
      };
    };
    return { relay, connect };
  };

  it('keeps one order of commits whatever people do: one for each epoch, no gap, the same for all', async () => {
    const action = fc.record({
      who: fc.nat({ max: 3 }),
      what: fc.constantFrom('commit', 'commit', 'commit', 'leave', 'join', 'propose'),
      epochOffset: fc.constantFrom(0, 0, 0, -1, 1),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const { connect } = setUp();
        const people = ['a', 'b', 'c', 'd', 'witness'].map(connect);
        for (const person of people) person.ask({ t: 'room.enter', room: 1 } as never);
        await Promise.resolve();
        let group = '';
        for (const person of people) {
          const answer = person.ask({ t: 'call.join', room: 1 } as never);
          if (answer?.t === 'ok') group = (answer.value as { group: string }).group;
        }
        const witness = people[4] as Client;
        expect(witness.ask({ t: 'group.create', group, groupInfo: utf8('0') } as never)?.t).toBe('ok');
        let epoch = 0;
        const accepted: string[] = [];
        for (const [i, { who, what, epochOffset }] of actions.entries()) {
          const person = people[who] as Client;
          if (what === 'leave') person.ask({ t: 'call.leave' } as never);
          else if (what === 'join') person.ask({ t: 'call.join', room: 1 } as never);
          else if (what === 'propose')
            person.ask({ t: 'group.propose', group, epoch, proposal: utf8('p') } as never);
          else if (epoch + epochOffset >= 0) {
            const inCall = person.session.call !== null;
            const answer = person.ask({
              t: 'group.commit',
              group,
              epoch: epoch + epochOffset,
              commit: utf8(`commit ${i}`),
              groupInfo: utf8('g'),
            } as never);
            if (inCall && epochOffset === 0) {
              expect(answer).toMatchObject({ t: 'ok', value: { cursor: epoch + 1 } });
              accepted.push(`commit ${i}`);
              epoch++;
            } else expect(answer).toMatchObject({ t: 'error', code: inCall ? 'stale_epoch' : 'not_in_call' });
          }
        }
        const seen = witness.inbox.filter((message) => message.t === 'group.commit');
        expect(seen.map((message) => new TextDecoder().decode(message.commit))).toEqual(accepted);
        expect(seen.map((message) => message.epoch)).toEqual(accepted.map((_, i) => i));
        const log = witness.ask({ t: 'group.log', group, since: 0, limit: 500 } as never);
        const { entries } = (log as { value: { entries: { commit: Bytes }[] } }).value;
        expect(entries.map((entry) => new TextDecoder().decode(entry.commit))).toEqual(accepted);
      }),
      { numRuns: 60 },
    );
  });

  it('survives any bytes on the control stream and harms nobody else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (messages) => {
        const { relay, connect } = setUp();
        const bystander = connect('bystander');
        const hostile = connect('hostile');
        for (const message of messages) relay.receive(hostile.session, message);
        expect(bystander.ask({ t: 'ping' } as never)?.t).toBe('ok');
      }),
    );
  });

  it('never uses a session number twice', () => {
    const { relay, connect } = setUp();
    const numbers = Array.from({ length: 50 }, (_, i) => {
      const { session } = connect(`n${i}`);
      relay.disconnect(session);
      return session.id;
    });
    expect(new Set(numbers).size).toBe(50);
  });
});
