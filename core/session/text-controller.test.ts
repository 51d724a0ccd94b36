import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { randomBytes, toHex, type Bytes } from '../base/bytes.ts';
import { createEmitter } from '../base/event.ts';
import { silentLogger } from '../base/log.ts';
import { createFakeClock, type FakeClock } from '../base/testing/fake-clock.ts';
import { generateIdentity } from '../crypto/identity.ts';
import type { EpochInForce, GroupPhase, GroupSession, ReceivedMessage } from '../mls/group-session.ts';
import type { RosterEntry } from '../mls/group.ts';
import type { ControlChannel } from './control-channel.ts';
import { createDirectoryStore } from './directory-store.ts';
import type { RelayGroup } from './group-opener.ts';
import { createPeopleNames } from './people-names.ts';
import type { SessionPorts } from './ports.ts';
import type { Notice, TextMessage } from './session-contract.ts';
import { createMemoryKeychain, createMemoryRecords } from './testing/memory-ports.ts';
import { createTextController } from './text-controller.ts';
import { encodeTextPayload } from './text-payload.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

const ROOM = 1;
const SERVER = 'aa'.repeat(32);
let clock: FakeClock;
let vault: VaultStore;
let reference = 'text:1:5';
const never = createEmitter<never>();
beforeEach(async () => {
  clock = createFakeClock(0, 1_700_000_000_000);
  reference = 'text:1:5';
  vault = createVaultStore(createMemoryRecords(), createMemoryKeychain(true));
  await vault.create('Ada', undefined);
});
afterEach(() => vault.dispose());

const member = (name: string): RosterEntry => ({
  leafIndex: 1,
  identity: generateIdentity().publicKey,
  session: 0,
  name,
  external: false,
});

/** A controller whose group is driven by the test: what the relay and the members could make it say. */
function setUp() {
  const messages = createEmitter<ReceivedMessage>();
  const epochs = createEmitter<EpochInForce>();
  const phases = createEmitter<GroupPhase>();
  let persist: (state: Bytes) => Promise<void> = () => Promise.resolve();
  const directory = createDirectoryStore();
  const ports = { clock, logger: silentLogger } as unknown as SessionPorts;
  const group = {
    phase: 'active',
    onDidChangeEpoch: epochs.event,
    onDidChangePhase: phases.event,
    onDidReceiveMessage: messages.event,
    onDidFinishMessage: never.event,
    onDidChangeRoster: never.event,
    onDidFail: never.event,
    setPresent: () => {},
    whenIdle: () => Promise.resolve(),
    dispose: () => {},
  } as unknown as GroupSession;
  const controller = createTextController({
    ports,
    vault,
    directory,
    names: createPeopleNames(vault),
    openGroup: (options): RelayGroup => {
      persist = options.persist ?? persist;
      return {
        group,
        reference: options.reference,
        attach: () => {},
        detach: () => {},
        dispose: () => {},
      };
    },
  });
  const told: TextMessage[] = [];
  const notices: Notice[] = [];
  const subscriptions = [
    controller.onDidChangeMessage((message) => told.push(message)),
    controller.onNotice((notice) => notices.push(notice)),
  ];
  controller.attach(
    {
      welcome: { subscriptions: [] },
      onEvent: never.event,
      request: () => Promise.resolve({ group: reference, epoch: 0, cursor: 0, subscribers: [] }),
    } as unknown as ControlChannel,
    SERVER,
  );
  return {
    controller,
    told,
    notices,
    store: (state: Bytes) => persist(state),
    receive: (sender: RosterEntry, cursor: number, id: Bytes, text: string, at = 1) =>
      messages.fire({ cursor, at, messageId: id, sender, plaintext: encodeTextPayload(id, text) }),
    dispose() {
      for (const subscription of subscriptions) subscription.dispose();
      controller.dispose();
      directory.dispose();
      for (const emitter of [messages, epochs, phases]) emitter.dispose();
    },
  };
}

it('what was said stays said: an id that is used again rewrites nothing, whoever uses it', async () => {
  const setting = setUp();
  await setting.controller.open(ROOM, undefined);
  const [ben, mallory] = [member('Ben'), member('Mallory')];
  const id = randomBytes(16);
  setting.receive(ben, 1, id, 'I agree');
  setting.receive(mallory, 2, id, 'I do not agree');
  setting.receive(ben, 3, id, 'I never agreed');
  setting.receive(ben, 1, id, 'I agree');
  setting.receive(ben, 4, randomBytes(16), 'the end', Number.MAX_SAFE_INTEGER);
  await vi.waitFor(() => expect(setting.told.at(-1)?.text).toBe('the end'));
  expect(setting.told.map(({ text }) => text)).toEqual(['I agree', 'the end']);
  // No time of the future, and none that a calendar cannot hold.
  expect(setting.told.at(-1)?.at).toBe(clock.wallTime());
  expect(setting.notices.map(({ code }) => code)).toEqual(['message_mislabelled']);
  expect(
    (await setting.controller.open(ROOM, undefined)).find((kept) => kept.id === toHex(id)),
  ).toMatchObject({
    text: 'I agree',
    senderName: 'Ben',
  });
  setting.dispose();
});

it('a group that the server replaced while this client was in it is told', async () => {
  const first = setUp();
  await first.controller.open(ROOM, undefined);
  await first.store(new Uint8Array([1]));
  expect(first.notices).toEqual([]);
  first.dispose();
  reference = 'text:1:6';
  const second = setUp();
  await second.controller.open(ROOM, undefined);
  expect(second.notices.map(({ code }) => code)).toEqual(['group_replaced']);
  second.dispose();
});
