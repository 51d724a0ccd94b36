import { describe, expect, it } from 'vitest';
import {
  createCommit,
  decodeGroupState,
  decodeMlsMessage,
  defaultAuthenticationService,
  defaultKeyPackageEqualityConfig,
  defaultKeyRetentionConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
  encodeMlsMessage,
  type ClientState,
} from 'ts-mls';
import { equalBytes, randomBytes, toHex, utf8, type Bytes } from '../base/bytes.ts';
import { createFakeClock } from '../base/testing/fake-clock.ts';
import { generateIdentity, type Identity } from '../crypto/identity.ts';
import { createFrameKeyring } from '../crypto/keyring.ts';
import { decodeCbor } from '../protocol/cbor.ts';
import {
  createGroup,
  createKeyPackage,
  joinByWelcome,
  joinExternally,
  restoreGroup,
  type CommitOutcome,
  type GroupParameters,
  type MlsGroup,
} from './group.ts';
import { MLS_SUITES, suiteImplementation, type MlsSuite } from './suite.ts';

const FAST: MlsSuite = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';

interface World {
  readonly parameters: GroupParameters;
}
const world = (overrides: Partial<GroupParameters> = {}): World => ({
  parameters: {
    groupId: randomBytes(40),
    suite: FAST,
    kind: 'call',
    wallTime: () => Date.now(),
    ...overrides,
  },
});

interface Member {
  readonly identity: Identity;
  readonly session: number;
  group: MlsGroup;
}

let nextSession = 1;
const found = async ({ parameters }: World): Promise<Member> => {
  const identity = generateIdentity();
  const session = parameters.kind === 'call' ? nextSession++ : 0;
  return { identity, session, group: await createGroup(parameters, identity, session) };
};
const applied = (outcome: CommitOutcome): Extract<CommitOutcome, { status: 'applied' }> => {
  if (outcome.status !== 'applied') throw new Error('removed');
  return outcome;
};
/** `by` adds a newcomer; the others process the commit. */
const join = async (
  setting: World,
  by: Member,
  others: readonly Member[] = [],
  removes: readonly number[] = [],
): Promise<Member> => {
  const identity = generateIdentity();
  const session = setting.parameters.kind === 'call' ? nextSession++ : 0;
  const own = await createKeyPackage(setting.parameters, identity, session);
  const pending = await by.group.prepareCommit({ adds: [own.keyPackage], removes });
  for (const other of others) other.group = applied(await other.group.processCommit(pending.commit)).group;
  by.group = await by.group.applyPending(pending);
  return {
    identity,
    session,
    group: await joinByWelcome(setting.parameters, pending.welcome as Bytes, own.secret),
  };
};
const frameKeys = async (group: MlsGroup): Promise<Map<number, Bytes>> =>
  new Map(
    await Promise.all(
      group.roster.map(async (entry): Promise<[number, Bytes]> => [
        entry.session,
        await group.exportFrameKey(entry.identity, entry.session, 1),
      ]),
    ),
  );
const expectAgreement = async (members: readonly Member[]): Promise<void> => {
  const [first, ...rest] = members as [Member, ...Member[]];
  const keys = await frameKeys(first.group);
  for (const other of rest) {
    expect(other.group.epoch).toBe(first.group.epoch);
    expect(other.group.epochAuthenticator).toEqual(first.group.epochAuthenticator);
    expect(
      other.group.roster.map((entry) => [entry.leafIndex, toHex(entry.identity), entry.session]),
    ).toEqual(first.group.roster.map((entry) => [entry.leafIndex, toHex(entry.identity), entry.session]));
    expect(await frameKeys(other.group)).toEqual(keys);
  }
};
/** The library's own state inside a group, to play a member that breaks the rules. */
const stateInside = (group: MlsGroup): ClientState => {
  const stored = decodeCbor(group.serialise(), { maxBytes: 1 << 26, maxDepth: 2 }) as {
    readonly state: Bytes;
  };
  const decoded = decodeGroupState(stored.state, 0);
  if (!decoded) throw new Error('no state');
  return {
    ...decoded[0],
    clientConfig: {
      authService: defaultAuthenticationService,
      keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
      keyRetentionConfig: defaultKeyRetentionConfig,
      lifetimeConfig: defaultLifetimeConfig,
      paddingConfig: defaultPaddingConfig,
    },
  };
};
const code = (value: string) => expect.objectContaining({ code: value });

describe.each(MLS_SUITES)('group with %s', (suite) => {
  it('adds, talks, updates, removes and joins externally', async () => {
    const setting = world({ suite });
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const carol = await join(setting, alice, [bob]);
    await expectAgreement([alice, bob, carol]);

    const sealed = await bob.group.encrypt(utf8('hello'), utf8('id'));
    bob.group = sealed.group;
    for (const reader of [alice, carol]) {
      const opened = await reader.group.decrypt(sealed.message);
      reader.group = opened.group;
      expect(opened.plaintext).toEqual(utf8('hello'));
      expect(opened.authenticatedData).toEqual(utf8('id'));
      expect(opened.sender).toMatchObject({ identity: bob.identity.publicKey, session: bob.session });
    }

    const update = await carol.group.prepareCommit({ adds: [], removes: [] });
    for (const other of [alice, bob])
      other.group = applied(await other.group.processCommit(update.commit)).group;
    carol.group = await carol.group.applyPending(update);
    await expectAgreement([alice, bob, carol]);

    const removal = await alice.group.prepareCommit({ adds: [], removes: [bob.group.ownLeafIndex] });
    expect(await bob.group.processCommit(removal.commit)).toEqual({ status: 'removed' });
    const outcome = applied(await carol.group.processCommit(removal.commit));
    expect(outcome.removed.map((entry) => entry.session)).toEqual([bob.session]);
    expect(outcome.committer.session).toBe(alice.session);
    carol.group = outcome.group;
    alice.group = await alice.group.applyPending(removal);
    await expectAgreement([alice, carol]);

    const dora = generateIdentity();
    const external = await joinExternally(setting.parameters, await alice.group.groupInfo(), dora, 9999);
    for (const other of [alice, carol]) {
      const seen = applied(await other.group.processCommit(external.commit));
      expect(seen).toMatchObject({ external: true, committer: { session: 9999, external: true } });
      other.group = seen.group;
    }
    await expectAgreement([alice, carol, { identity: dora, session: 9999, group: external.group }]);
    expect(alice.group.roster.map((entry) => entry.external)).toEqual([false, true, false]);
  });
});

describe('commits', () => {
  it('change nothing until they are applied', async () => {
    const setting = world();
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const before = alice.group.serialise();
    const lost = await alice.group.prepareCommit({ adds: [], removes: [] });
    expect(alice.group.serialise()).toEqual(before);
    const winner = await bob.group.prepareCommit({ adds: [], removes: [] });
    alice.group = applied(await alice.group.processCommit(winner.commit)).group;
    bob.group = await bob.group.applyPending(winner);
    await expectAgreement([alice, bob]);
    await expect(alice.group.applyPending(lost)).rejects.toEqual(code('commit_invalid'));
  });

  it('let one member leave and another come into the same leaf, with a clear outcome for the first', async () => {
    const setting = world();
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const carol = await join(setting, alice, [bob]);
    const bobsGroup = bob.group;
    const bobsLeaf = bob.group.ownLeafIndex;
    const newcomer = await createKeyPackage(setting.parameters, generateIdentity(), 700);
    const pending = await alice.group.prepareCommit({ adds: [newcomer.keyPackage], removes: [bobsLeaf] });
    expect(await bobsGroup.processCommit(pending.commit)).toEqual({ status: 'removed' });
    const outcome = applied(await carol.group.processCommit(pending.commit));
    expect(outcome.added).toMatchObject([{ leafIndex: bobsLeaf, session: 700 }]);
    expect(outcome.removed).toMatchObject([{ leafIndex: bobsLeaf, session: bob.session }]);
    alice.group = await alice.group.applyPending(pending);
    carol.group = outcome.group;
    const dave = await joinByWelcome(setting.parameters, pending.welcome as Bytes, newcomer.secret);
    await expectAgreement([alice, carol, { identity: alice.identity, session: 700, group: dave }]);
  });

  it('that remove one member carry a path, so the removed member cannot follow', async () => {
    const setting = world();
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const pending = await alice.group.prepareCommit({ adds: [], removes: [bob.group.ownLeafIndex] });
    const decoded = decodeMlsMessage(pending.commit, 0)?.[0];
    expect(decoded).toMatchObject({ publicMessage: { content: { commit: { path: expect.anything() } } } });
    const bobsKey = await bob.group.exportFrameKey(alice.identity.publicKey, alice.session, 1);
    alice.group = await alice.group.applyPending(pending);
    const next = await alice.group.encrypt(utf8('without bob'), new Uint8Array());
    alice.group = next.group;
    await expect(bob.group.decrypt(next.message)).rejects.toEqual(code('message_invalid'));
    expect(await alice.group.exportFrameKey(alice.identity.publicKey, alice.session, 1)).not.toEqual(bobsKey);
  });

  it('cannot replace the committer by somebody else', async () => {
    const setting = world();
    const alice = await found(setting);
    const mallory = await join(setting, alice);
    const state = stateInside(mallory.group);
    const node = state.ratchetTree[2 * mallory.group.ownLeafIndex];
    if (node?.nodeType !== 'leaf' || node.leaf.credential.credentialType !== 'basic')
      throw new Error('no leaf');
    // Same leaf, but claiming to be Alice, with Alice's own credential bytes.
    const alices = stateInside(alice.group).ratchetTree[0];
    if (alices?.nodeType !== 'leaf') throw new Error('no leaf');
    node.leaf.credential = alices.leaf.credential;
    const { commit } = await createCommit(
      { state, cipherSuite: await suiteImplementation(FAST) },
      { wireAsPublicMessage: true },
    );
    await expect(alice.group.processCommit(new Uint8Array(encodeMlsMessage(commit)))).rejects.toEqual(
      code('commit_invalid'),
    );
  });

  it('with kinds of proposals that are not used here are refused', async () => {
    const setting = world();
    const alice = await found(setting);
    const mallory = await join(setting, alice);
    const { commit } = await createCommit(
      { state: stateInside(mallory.group), cipherSuite: await suiteImplementation(FAST) },
      {
        wireAsPublicMessage: true,
        extraProposals: [
          { proposalType: 'group_context_extensions', groupContextExtensions: { extensions: [] } },
        ],
      },
    );
    await expect(alice.group.processCommit(new Uint8Array(encodeMlsMessage(commit)))).rejects.toEqual(
      code('commit_invalid'),
    );
  });

  it('that add somebody twice are refused, made and received', async () => {
    const setting = world();
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const again = await createKeyPackage(setting.parameters, bob.identity, bob.session);
    await expect(alice.group.prepareCommit({ adds: [again.keyPackage], removes: [] })).rejects.toEqual(
      code('commit_invalid'),
    );
    const twice = await createKeyPackage(setting.parameters, generateIdentity(), 801);
    await expect(
      alice.group.prepareCommit({ adds: [twice.keyPackage, twice.keyPackage], removes: [] }),
    ).rejects.toEqual(code('commit_invalid'));
    const keyPackage = decodeMlsMessage(again.keyPackage, 0)?.[0];
    if (keyPackage?.wireformat !== 'mls_key_package') throw new Error('no key package');
    const { commit } = await createCommit(
      { state: stateInside(alice.group), cipherSuite: await suiteImplementation(FAST) },
      {
        wireAsPublicMessage: true,
        extraProposals: [{ proposalType: 'add', add: { keyPackage: keyPackage.keyPackage } }],
      },
    );
    await expect(bob.group.processCommit(new Uint8Array(encodeMlsMessage(commit)))).rejects.toEqual(
      code('commit_invalid'),
    );
    // As a replacement it is fine.
    const replaced = await alice.group.prepareCommit({
      adds: [again.keyPackage],
      removes: [bob.group.ownLeafIndex],
    });
    alice.group = await alice.group.applyPending(replaced);
    const bobAgain = await joinByWelcome(setting.parameters, replaced.welcome as Bytes, again.secret);
    await expectAgreement([alice, { ...bob, group: bobAgain }]);
  });

  it('are refused with any bit flipped, leaving the group as it was', async () => {
    const setting = world();
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const pending = await alice.group.prepareCommit({ adds: [], removes: [] });
    const before = bob.group.serialise();
    for (let position = 0; position < pending.commit.length; position += 7) {
      const changed = pending.commit.slice();
      changed[position]! ^= 1 << (position % 8);
      await expect(bob.group.processCommit(changed)).rejects.toEqual(code('commit_invalid'));
    }
    expect(bob.group.serialise()).toEqual(before);
    expect((await bob.group.processCommit(pending.commit)).status).toBe('applied');
  });
});

describe('external commits', () => {
  it('replace the own old leaf and nobody else', async () => {
    const setting = world({ kind: 'text' });
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const external = await joinExternally(setting.parameters, await alice.group.groupInfo(), bob.identity, 0);
    expect(external.group.roster).toHaveLength(2);
    expect(await bob.group.processCommit(external.commit)).toEqual({ status: 'removed' });
    const outcome = applied(await alice.group.processCommit(external.commit));
    expect(outcome.removed).toHaveLength(1);
    expect(outcome.added).toMatchObject([{ identity: bob.identity.publicKey, external: true }]);
    alice.group = outcome.group;
    await expectAgreement([alice, { ...bob, group: external.group }]);
  });

  it('work for the only member who lost its state', async () => {
    const setting = world({ kind: 'text' });
    const alice = await found(setting);
    const external = await joinExternally(
      setting.parameters,
      await alice.group.groupInfo(),
      alice.identity,
      0,
    );
    expect(external.group.roster.map((entry) => entry.leafIndex)).toEqual([0, 1]);
    const again = await joinExternally(setting.parameters, external.groupInfo, alice.identity, 0);
    expect(again.group.roster).toHaveLength(2);
    const back = { ...alice, group: again.group };
    const old = back.group.roster.find((entry) => entry !== back.group.own);
    const bob = await join(setting, back, [], [old?.leafIndex ?? -1]);
    expect(bob.group.roster).toHaveLength(2);
    await expectAgreement([back, bob]);
  });

  it('are refused for another group and with a changed group info', async () => {
    const setting = world();
    const alice = await found(setting);
    const info = await alice.group.groupInfo();
    await expect(joinExternally(world().parameters, info, generateIdentity(), 5)).rejects.toEqual(
      code('group_info_invalid'),
    );
    for (let position = 0; position < info.length; position += 5) {
      const changed = info.slice();
      changed[position]! ^= 4;
      const result = await joinExternally(setting.parameters, changed, generateIdentity(), 5).catch(
        (error: unknown) => error,
      );
      // external_pub is signed like everything else.
      expect(result).toEqual(code('group_info_invalid'));
    }
  });
});

describe('key packages', () => {
  it('are refused for another group, suite, kind or time', async () => {
    const setting = world();
    const alice = await found(setting);
    const inspect = async (other: GroupParameters, session = 55): Promise<unknown> =>
      alice.group.inspectKeyPackage((await createKeyPackage(other, generateIdentity(), session)).keyPackage);
    await expect(inspect(setting.parameters)).resolves.toMatchObject({ session: 55 });
    await expect(inspect(world().parameters)).rejects.toEqual(code('key_package_invalid'));
    await expect(
      inspect({ ...setting.parameters, suite: 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256' }),
    ).rejects.toEqual(code('key_package_invalid'));
    await expect(inspect(setting.parameters, 0)).rejects.toEqual(code('key_package_invalid'));
    const day = 86_400_000;
    for (const shift of [-40 * day, 3 * day])
      await expect(inspect({ ...setting.parameters, wallTime: () => Date.now() + shift })).rejects.toEqual(
        code('key_package_invalid'),
      );
  });

  it('are refused with any bit flipped', async () => {
    const setting = world();
    const alice = await found(setting);
    const { keyPackage } = await createKeyPackage(setting.parameters, generateIdentity(), 56);
    for (let position = 0; position < keyPackage.length; position += 3) {
      const changed = keyPackage.slice();
      changed[position]! ^= 1;
      await expect(alice.group.inspectKeyPackage(changed)).rejects.toEqual(code('key_package_invalid'));
    }
  });

  it('open no Welcome made for another one, and no changed Welcome', async () => {
    const setting = world();
    const alice = await found(setting);
    const bob = await createKeyPackage(setting.parameters, generateIdentity(), 57);
    const other = await createKeyPackage(setting.parameters, generateIdentity(), 58);
    const pending = await alice.group.prepareCommit({ adds: [bob.keyPackage], removes: [] });
    const welcome = pending.welcome as Bytes;
    await expect(joinByWelcome(setting.parameters, welcome, other.secret)).rejects.toEqual(
      code('welcome_invalid'),
    );
    await expect(joinByWelcome(world().parameters, welcome, bob.secret)).rejects.toEqual(
      code('welcome_invalid'),
    );
    for (let position = 0; position < welcome.length; position += 37) {
      const changed = welcome.slice();
      changed[position]! ^= 1;
      await expect(joinByWelcome(setting.parameters, changed, bob.secret)).rejects.toEqual(
        code('welcome_invalid'),
      );
    }
    expect((await joinByWelcome(setting.parameters, welcome, bob.secret)).roster).toHaveLength(2);
  });
});

describe('states', () => {
  it('survive being stored, with the mark of external joiners', async () => {
    const setting = world();
    const alice = await found(setting);
    const external = await joinExternally(
      setting.parameters,
      await alice.group.groupInfo(),
      generateIdentity(),
      77,
    );
    alice.group = applied(await alice.group.processCommit(external.commit)).group;
    const restored = await restoreGroup(setting.parameters, alice.group.serialise());
    expect(restored.roster).toEqual(alice.group.roster);
    const message = await external.group.encrypt(utf8('still here'), new Uint8Array());
    expect((await restored.decrypt(message.message)).plaintext).toEqual(utf8('still here'));
    await expect(restoreGroup(world().parameters, alice.group.serialise())).rejects.toEqual(
      code('group_state_damaged'),
    );
    await expect(restoreGroup(setting.parameters, alice.group.serialise().subarray(1))).rejects.toEqual(
      code('group_state_damaged'),
    );
  });

  it('can be moved on only once, also by two calls at the same time', async () => {
    const setting = world();
    const alice = await found(setting);
    const first = alice.group.encrypt(utf8('a'), new Uint8Array());
    await expect(alice.group.encrypt(utf8('b'), new Uint8Array())).rejects.toEqual(code('group_state_spent'));
    await first;
    await expect(alice.group.prepareCommit({ adds: [], removes: [] })).rejects.toEqual(
      code('group_state_spent'),
    );
  });

  it('refuse messages read before', async () => {
    const setting = world();
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const sealed = await alice.group.encrypt(utf8('once'), new Uint8Array());
    const opened = await bob.group.decrypt(sealed.message);
    await expect(opened.group.decrypt(sealed.message)).rejects.toEqual(code('message_invalid'));
  });
});

describe('frame keys', () => {
  it('differ by identity, session, kind and epoch', async () => {
    const setting = world();
    const alice = await found(setting);
    const { publicKey } = alice.identity;
    const key = await alice.group.exportFrameKey(publicKey, 1, 1);
    expect(key).toHaveLength(32);
    const others = [
      await alice.group.exportFrameKey(generateIdentity().publicKey, 1, 1),
      await alice.group.exportFrameKey(publicKey, 2, 1),
      await alice.group.exportFrameKey(publicKey, 1, 2),
    ];
    alice.group = await alice.group.applyPending(await alice.group.prepareCommit({ adds: [], removes: [] }));
    others.push(await alice.group.exportFrameKey(publicKey, 1, 1));
    expect(new Set([key, ...others].map(toHex)).size).toBe(5);
  });

  it('open nothing from before joining and nothing from after leaving', async () => {
    const setting = world();
    const clock = createFakeClock();
    const ringOf = async (member: Member) => {
      const ring = createFrameKeyring(clock);
      await use(ring, member);
      return ring;
    };
    const use = async (ring: ReturnType<typeof createFrameKeyring>, { group }: Member): Promise<void> => {
      const senders = await Promise.all(
        group.roster
          .filter((entry) => entry !== group.own)
          .map(async (entry) => ({
            session: entry.session,
            slot: entry.session,
            key: await group.exportFrameKey(entry.identity, entry.session, 1),
          })),
      );
      ring.setEpoch({
        epoch: group.epoch,
        ownKey: await group.exportFrameKey(group.own.identity, group.own.session, 1),
        slot: group.own.session,
        senders,
      });
    };
    const payload = utf8('voice');
    const alice = await found(setting);
    const bob = await join(setting, alice);
    const [aliceRing, bobRing] = [await ringOf(alice), await ringOf(bob)];
    const before = aliceRing.seal(payload) as Bytes;
    expect(bobRing.open(before)).toMatchObject({ status: 'opened', session: alice.session });

    const carol = await join(setting, alice, [bob]);
    const carolRing = await ringOf(carol);
    expect(carolRing.open(before).status).toBe('unknownEpoch');
    await use(aliceRing, alice);
    expect(carolRing.open(aliceRing.seal(payload) as Bytes).status).toBe('opened');

    const removal = await alice.group.prepareCommit({ adds: [], removes: [carol.group.ownLeafIndex] });
    alice.group = await alice.group.applyPending(removal);
    await use(aliceRing, alice);
    aliceRing.seal(payload);
    const after = aliceRing.seal(payload) as Bytes;
    expect(carolRing.open(after).status).toBe('unknownEpoch');
    // Even when its header claims an epoch Carol has keys for.
    const relabelled = after.slice();
    relabelled[1] = carol.group.epoch & 0xff;
    expect(carolRing.open(relabelled).status).toBe('forged');
    for (const ring of [aliceRing, bobRing, carolRing]) ring.clear();
    expect(equalBytes(before, after)).toBe(false);
  });
});
