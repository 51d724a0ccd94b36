import {
  createApplicationMessage,
  createCommit,
  createGroup as createMlsState,
  createGroupInfoWithExternalPubAndRatchetTree,
  decodeGroupState,
  decodeMlsMessage,
  defaultKeyRetentionConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
  emptyPskIndex,
  encodeGroupState,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  joinGroup,
  joinGroupExternal,
  mlsExporter,
  processPrivateMessage,
  processPublicMessage,
  zeroOutUint8Array,
  type Capabilities,
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  type Credential,
  type KeyPackage,
  type LeafNode,
  type MLSMessage,
  type PrivateKeyPackage,
  type Proposal,
} from 'ts-mls';
import { concatBytes, equalBytes, toHex, u32, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { array, bytes, integer, object, oneOf, parse } from '../base/schema.ts';
import type { Identity } from '../crypto/identity.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import type { MediaKind } from '../protocol/media-datagram.ts';
import {
  decodeLeafCredential,
  encodeLeafCredential,
  verifyLeafCredential,
  type LeafCredential,
} from './leaf-credential.ts';
import { generateSignatureKeyPair, MLS_SUITES, suiteImplementation, type MlsSuite } from './suite.ts';

/**
 * One group of RFC 9420 over ts-mls, with the policies the library leaves open: who a leaf belongs to, which
 * proposals exist, that a commit never changes its committer's identity, that nobody is in twice.
 *
 * Commits travel as PublicMessage: a commit that loses the race is thrown away and made anew from the same
 * state, which as PrivateMessage would use one handshake key twice.
 */

/** What went wrong, in a closed list. */
export type MlsErrorCode =
  | 'commit_invalid'
  | 'welcome_invalid'
  | 'key_package_invalid'
  | 'group_info_invalid'
  | 'message_invalid'
  | 'group_state_damaged'
  | 'group_state_spent';

/** What all members of a group agree on, and who we are in it. */
export interface GroupParameters {
  readonly groupId: Bytes;
  readonly suite: MlsSuite;
  /** In a call a person is told apart by identity and session, in a text group by identity alone. */
  readonly kind: 'call' | 'text';
  /** Wall clock, ms since 1970, for the lifetimes of key packages. */
  readonly wallTime: () => number;
  /** The name this client gives itself in new leaves. */
  readonly displayName?: string;
}

/** A member as the group knows it. */
export interface RosterEntry {
  readonly leafIndex: number;
  readonly identity: Bytes;
  /** 0 in text groups. */
  readonly session: number;
  /** The name the holder signed, not yet fit to be shown; empty when there is none. */
  readonly name: string;
  /** Came in by an external commit that this client saw: no member let them in. */
  readonly external: boolean;
}

/** A key package to hand out, and the secrets to join with it. */
export interface OwnKeyPackage {
  readonly keyPackage: Bytes;
  /** Plaintext secrets; the caller encrypts them before storing. */
  readonly secret: Bytes;
}

/** A commit that is made but not in force: it changes nothing until the relay has accepted it. */
export interface PendingCommit {
  /** The epoch it was made in. */
  readonly epoch: number;
  readonly commit: Bytes;
  readonly welcome: Bytes | undefined;
  readonly groupInfo: Bytes;
  /** Serialised, plaintext secrets: the state once the commit is accepted. */
  readonly newState: Bytes;
}

/** An external commit on its way; `group` counts only after acceptance. */
export interface ExternalJoin {
  readonly epoch: number;
  readonly commit: Bytes;
  readonly groupInfo: Bytes;
  readonly group: MlsGroup;
}

/** What a commit did. */
export type CommitOutcome =
  | {
      readonly status: 'applied';
      readonly group: MlsGroup;
      readonly added: readonly RosterEntry[];
      readonly removed: readonly RosterEntry[];
      /** The committer joined by this commit itself. */
      readonly external: boolean;
      readonly committer: RosterEntry;
    }
  /** It removed this client; there is no later state. */
  | { readonly status: 'removed' };

/** An opened application message. */
export interface DecryptedMessage {
  readonly group: MlsGroup;
  readonly plaintext: Bytes;
  readonly authenticatedData: Bytes;
  readonly sender: RosterEntry;
}

/**
 * The group in one epoch. Values, not objects that change: what moves the group on gives a new one, and the
 * old one then refuses to be moved again (`group_state_spent`), because two messages from one state would
 * share a key.
 */
export interface MlsGroup {
  readonly epoch: number;
  readonly roster: readonly RosterEntry[];
  readonly ownLeafIndex: number;
  readonly own: RosterEntry;
  /** Equal for all members of one epoch and nobody else; comparing it reveals a split group. */
  readonly epochAuthenticator: Bytes;
  /** Who a key package is for. @throws `key_package_invalid` when it could not be added here. */
  inspectKeyPackage(keyPackage: Uint8Array): Promise<{ readonly identity: Bytes; readonly session: number }>;
  /** Makes a commit without changing anything. Neither adds nor removes: a fresh path for this leaf. */
  prepareCommit(change: {
    readonly adds: readonly Uint8Array[];
    readonly removes: readonly number[];
  }): Promise<PendingCommit>;
  /** The group after an accepted commit of this client. */
  applyPending(pending: PendingCommit): Promise<MlsGroup>;
  /** Applies somebody else's commit. @throws `commit_invalid`; the group is unchanged then. */
  processCommit(commit: Uint8Array): Promise<CommitOutcome>;
  encrypt(
    plaintext: Uint8Array,
    authenticatedData: Uint8Array,
  ): Promise<{ readonly group: MlsGroup; readonly message: Bytes }>;
  /** @throws `message_invalid`; the group is unchanged then. */
  decrypt(message: Uint8Array): Promise<DecryptedMessage>;
  /** MLS-Exporter (RFC 9420 §8.5). */
  exportSecret(label: string, context: Uint8Array, length: number): Promise<Bytes>;
  /** The media key of one sender and kind in this epoch, 32 bytes. */
  exportFrameKey(identity: Uint8Array, session: number, kind: MediaKind): Promise<Bytes>;
  /** For external commits into this epoch. */
  groupInfo(): Promise<Bytes>;
  /** Plaintext secrets; the caller encrypts them before storing. */
  serialise(): Bytes;
}

const DAY_SECONDS = 86_400n;
const LIFETIME_SECONDS = 30n * DAY_SECONDS;
/** Clocks differ; a day each way keeps a wrong one from splitting the group. */
const CLOCK_TOLERANCE_SECONDS = DAY_SECONDS;
/** A key package promises nothing for longer than this, whatever it says. */
const MAX_LIFETIME_SECONDS = 92n * DAY_SECONDS;

function fail(code: MlsErrorCode, message: string): never {
  throw new CodedError<MlsErrorCode>(code, message);
}

/** Runs library code: whatever it throws on hostile input becomes one coded error without foreign text. */
async function guarded<T>(code: MlsErrorCode, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError<MlsErrorCode>(code, `${what} is not valid for this group`);
  }
}

function decodeMessage<W extends MLSMessage['wireformat']>(
  encoded: Uint8Array,
  wireformat: W,
): Extract<MLSMessage, { readonly wireformat: W }> | undefined {
  // A copy: the decoder gives views, which would keep a larger buffer alive and see it change.
  const copy = encoded.slice();
  const decoded = decodeMlsMessage(copy, 0);
  if (!decoded || decoded[1] !== copy.length || decoded[0].wireformat !== wireformat) return undefined;
  return decoded[0] as Extract<MLSMessage, { readonly wireformat: W }>;
}

function encodeMessage(message: MLSMessage): Bytes {
  return new Uint8Array(encodeMlsMessage(message));
}

/** Without random GREASE values: what every client here supports is known, and smaller. */
function capabilities(suite: MlsSuite): Capabilities {
  return {
    versions: ['mls10'],
    ciphersuites: [suite],
    extensions: [],
    proposals: [],
    credentials: ['basic'],
  };
}

function leafOwner(
  leaf: LeafNode,
  groupId: Uint8Array,
): { readonly identity: Bytes; readonly session: number } | undefined {
  return leaf.credential.credentialType === 'basic'
    ? verifyLeafCredential(leaf.credential.identity, leaf.signaturePublicKey, groupId)
    : undefined;
}

function ownerKey(
  kind: 'call' | 'text',
  owner: { readonly identity: Uint8Array; readonly session: number },
): string {
  return kind === 'call' ? `${toHex(owner.identity)}/${owner.session}` : toHex(owner.identity);
}

function clientConfig({ groupId, kind }: GroupParameters): ClientConfig {
  // Credentials are checked again and again for the same leaves; a check costs a millisecond.
  const verified = new Map<string, boolean>();
  const check = (credential: Credential, signaturePublicKey: Uint8Array): boolean => {
    if (credential.credentialType !== 'basic') return false;
    const key = `${toHex(credential.identity)}:${toHex(signaturePublicKey)}`;
    let valid = verified.get(key);
    if (valid === undefined) {
      const owner = verifyLeafCredential(credential.identity, signaturePublicKey, groupId);
      valid = owner !== undefined && (kind === 'call' ? owner.session > 0 : owner.session === 0);
      if (verified.size >= 2048) verified.clear();
      verified.set(key, valid);
    }
    return valid;
  };
  const sameOwner = (a: LeafNode, b: LeafNode): boolean => {
    const [left, right] = [leafOwner(a, groupId), leafOwner(b, groupId)];
    return left !== undefined && right !== undefined && ownerKey(kind, left) === ownerKey(kind, right);
  };
  return {
    // Messages arrive in the order of the relay's log, so one past epoch is already generous.
    keyRetentionConfig: { ...defaultKeyRetentionConfig, retainKeysForEpochs: 1 },
    lifetimeConfig: defaultLifetimeConfig,
    keyPackageEqualityConfig: {
      compareKeyPackages: (a, b) => sameOwner(a.leafNode, b.leafNode),
      compareKeyPackageToLeafNode: (a, b) => sameOwner(a.leafNode, b),
    },
    paddingConfig: defaultPaddingConfig,
    authService: {
      validateCredential: (credential, signaturePublicKey) =>
        Promise.resolve(check(credential, signaturePublicKey)),
    },
  };
}

/** The members of a tree, or an error text when the tree breaks a policy. */
function readRoster(
  state: ClientState,
  parameters: GroupParameters,
  external: ReadonlySet<number>,
): readonly RosterEntry[] | string {
  const roster: RosterEntry[] = [];
  const seen = new Set<string>();
  for (const [node, content] of state.ratchetTree.entries()) {
    if (content?.nodeType !== 'leaf') continue;
    // The library has verified every leaf that entered the tree; here the owner is only read.
    const owner = readOwner(content.leaf);
    if (!owner) return 'a leaf has no readable credential';
    seen.add(ownerKey(parameters.kind, owner));
    roster.push({ leafIndex: node / 2, ...owner, external: external.has(node / 2) });
  }
  // The exception: the only member came back without its state (see joinExternally).
  if (seen.size > 1 && seen.size < roster.length) return 'somebody is in the group twice';
  return roster;
}

function readOwner(leaf: LeafNode): LeafCredential | undefined {
  if (leaf.credential.credentialType !== 'basic') return undefined;
  const credential = decodeLeafCredential(leaf.credential.identity);
  return credential && { identity: credential.identity, session: credential.session, name: credential.name };
}

function leafAt(state: ClientState, leafIndex: number): LeafNode | undefined {
  const node = state.ratchetTree[2 * leafIndex];
  return node?.nodeType === 'leaf' ? node.leaf : undefined;
}

function checkContext(state: ClientState, parameters: GroupParameters): string | undefined {
  if (!equalBytes(state.groupContext.groupId, parameters.groupId)) return 'it belongs to another group';
  if (state.groupContext.cipherSuite !== parameters.suite) return 'it uses another cipher suite';
  if (state.groupContext.version !== 'mls10') return 'it uses another version of MLS';
  if (state.groupContext.extensions.length > 0) return 'it has group extensions, which are not used here';
  if (state.groupContext.epoch > BigInt(Number.MAX_SAFE_INTEGER)) return 'its epoch is out of range';
  return undefined;
}

function checkLifetime(keyPackage: KeyPackage, wallTime: number, tolerance: bigint): boolean {
  if (keyPackage.leafNode.leafNodeSource !== 'key_package') return false;
  const { notBefore, notAfter } = keyPackage.leafNode.lifetime;
  const now = BigInt(Math.floor(wallTime / 1000));
  return (
    notAfter - notBefore <= MAX_LIFETIME_SECONDS &&
    notBefore <= now + tolerance &&
    now <= notAfter + tolerance
  );
}

async function generateLeaf(
  parameters: GroupParameters,
  identity: Identity,
  session: number,
): Promise<{ readonly publicPackage: KeyPackage; readonly privatePackage: PrivateKeyPackage }> {
  const implementation = await suiteImplementation(parameters.suite);
  const keys = await generateSignatureKeyPair(parameters.suite);
  const now = BigInt(Math.floor(parameters.wallTime() / 1000));
  return generateKeyPackageWithKey(
    {
      credentialType: 'basic',
      identity: encodeLeafCredential(
        identity,
        { session, name: parameters.displayName ?? '' },
        keys.publicKey,
        parameters.groupId,
      ),
    },
    capabilities(parameters.suite),
    { notBefore: now - DAY_SECONDS, notAfter: now + LIFETIME_SECONDS },
    [],
    { signKey: keys.signKey, publicKey: keys.publicKey },
    implementation,
  );
}

/** Makes a group with this client alone in it, in epoch 0. `session` is 0 in text groups. */
export async function createGroup(
  parameters: GroupParameters,
  identity: Identity,
  session: number,
): Promise<MlsGroup> {
  const implementation = await suiteImplementation(parameters.suite);
  const { publicPackage, privatePackage } = await generateLeaf(parameters, identity, session);
  const state = await createMlsState(
    parameters.groupId,
    publicPackage,
    privatePackage,
    [],
    implementation,
    clientConfig(parameters),
  );
  return wrap(state, parameters, implementation, new Set());
}

const keyPackageSecretSchema = object({
  v: integer({ min: 1, max: 1 }),
  keyPackage: bytes({ max: 64 * 1024 }),
  init: bytes({ max: 8192 }),
  hpke: bytes({ max: 8192 }),
  signature: bytes({ max: 8192 }),
});

/** Makes a key package that can be added to this one group. Its signature key is used for nothing else. */
export async function createKeyPackage(
  parameters: GroupParameters,
  identity: Identity,
  session: number,
): Promise<OwnKeyPackage> {
  const { publicPackage, privatePackage } = await generateLeaf(parameters, identity, session);
  const keyPackage = encodeMessage({
    version: 'mls10',
    wireformat: 'mls_key_package',
    keyPackage: publicPackage,
  });
  return {
    keyPackage,
    secret: encodeCbor({
      v: 1,
      keyPackage,
      init: privatePackage.initPrivateKey,
      hpke: privatePackage.hpkePrivateKey,
      signature: privatePackage.signaturePrivateKey,
    }),
  };
}

function readKeyPackageSecret(secret: Uint8Array): {
  readonly publicPackage: KeyPackage;
  readonly privatePackage: PrivateKeyPackage;
} {
  const parsed = parse(keyPackageSecretSchema, decodeCbor(secret, { maxBytes: 128 * 1024, maxDepth: 1 }));
  const message = parsed.ok ? decodeMessage(parsed.value.keyPackage, 'mls_key_package') : undefined;
  if (!parsed.ok || !message)
    return fail('group_state_damaged', 'The secrets of a key package cannot be read');
  return {
    publicPackage: message.keyPackage,
    privatePackage: {
      initPrivateKey: parsed.value.init,
      hpkePrivateKey: parsed.value.hpke,
      signaturePrivateKey: parsed.value.signature,
    },
  };
}

/** Joins by a Welcome made for the key package with these secrets. @throws `welcome_invalid`. */
export async function joinByWelcome(
  parameters: GroupParameters,
  welcome: Uint8Array,
  keyPackageSecret: Uint8Array,
): Promise<MlsGroup> {
  return guarded('welcome_invalid', 'The Welcome', async () => {
    const implementation = await suiteImplementation(parameters.suite);
    const message = decodeMessage(welcome, 'mls_welcome');
    if (!message) return fail('welcome_invalid', 'The Welcome cannot be read');
    if (message.welcome.cipherSuite !== parameters.suite)
      return fail('welcome_invalid', 'The Welcome uses another cipher suite');
    const { publicPackage, privatePackage } = readKeyPackageSecret(keyPackageSecret);
    const state = await joinGroup(
      message.welcome,
      publicPackage,
      privatePackage,
      emptyPskIndex,
      implementation,
      undefined,
      undefined,
      clientConfig(parameters),
    );
    const problem = checkContext(state, parameters) ?? checkRoster(state, parameters);
    if (problem) return fail('welcome_invalid', `The Welcome was refused: ${problem}`);
    return wrap(state, parameters, implementation, new Set());
  });
}

function checkRoster(state: ClientState, parameters: GroupParameters): string | undefined {
  const roster = readRoster(state, parameters, new Set());
  return typeof roster === 'string' ? roster : undefined;
}

/**
 * Prepares an external commit (RFC 9420 §12.4.3.2) into the epoch of a group info. A leaf of this very
 * client that is still in the tree is removed by it.
 * @throws `group_info_invalid`.
 */
export async function joinExternally(
  parameters: GroupParameters,
  groupInfo: Uint8Array,
  identity: Identity,
  session: number,
): Promise<ExternalJoin> {
  return guarded('group_info_invalid', 'The group info', async () => {
    const implementation = await suiteImplementation(parameters.suite);
    const message = decodeMessage(groupInfo, 'mls_group_info');
    if (!message) return fail('group_info_invalid', 'The group info cannot be read');
    const info = message.groupInfo;
    if (
      !equalBytes(info.groupContext.groupId, parameters.groupId) ||
      info.groupContext.cipherSuite !== parameters.suite
    )
      return fail('group_info_invalid', 'The group info belongs to another group or suite');
    const { publicPackage, privatePackage } = await generateLeaf(parameters, identity, session);
    const join = (resync: boolean) =>
      joinGroupExternal(
        info,
        publicPackage,
        privatePackage,
        resync,
        implementation,
        undefined,
        clientConfig(parameters),
      );
    // Joining without replacing first, to read the tree: the library removes a wrong leaf when it finds no old one.
    const plain = await join(false);
    const own = ownerKey(parameters.kind, { identity: identity.publicKey, session });
    const before = plain.newState.ratchetTree.flatMap((node, index) =>
      node?.nodeType === 'leaf' && index !== 2 * plain.newState.privatePath.leafIndex
        ? [readOwner(node.leaf)]
        : [],
    );
    // The library cannot remove the only leaf of a tree. Then this client stands in it twice until its first
    // commit; nobody else is there to be deceived.
    const replaces =
      before.length > 1 &&
      before.some((owner) => owner !== undefined && ownerKey(parameters.kind, owner) === own);
    const { publicMessage, newState } = replaces ? await join(true) : plain;
    const problem = checkContext(newState, parameters) ?? checkRoster(newState, parameters);
    if (problem) return fail('group_info_invalid', `The group info was refused: ${problem}`);
    const group = wrap(newState, parameters, implementation, new Set([newState.privatePath.leafIndex]));
    return {
      epoch: Number(info.groupContext.epoch),
      commit: encodeMessage({ version: 'mls10', wireformat: 'mls_public_message', publicMessage }),
      groupInfo: await group.groupInfo(),
      group,
    };
  });
}

const stateSchema = object({
  v: integer({ min: 1, max: 1 }),
  suite: oneOf(MLS_SUITES),
  state: bytes({ max: 64 * 1024 * 1024 }),
  external: array(integer({ max: 0xffffffff }), { max: 100_000 }),
});

/** Reads what {@link MlsGroup.serialise} wrote. @throws `group_state_damaged`. */
export async function restoreGroup(parameters: GroupParameters, serialised: Uint8Array): Promise<MlsGroup> {
  return guarded('group_state_damaged', 'The stored group', async () => {
    const parsed = parse(stateSchema, decodeCbor(serialised, { maxBytes: 65 * 1024 * 1024, maxDepth: 2 }));
    if (!parsed.ok) return fail('group_state_damaged', 'The stored group cannot be read');
    const decoded = decodeGroupState(parsed.value.state, 0);
    if (!decoded || decoded[1] !== parsed.value.state.length)
      return fail('group_state_damaged', 'The stored group cannot be read');
    const state: ClientState = { ...decoded[0], clientConfig: clientConfig(parameters) };
    const problem = checkContext(state, parameters) ?? checkRoster(state, parameters);
    if (problem) return fail('group_state_damaged', `The stored group was refused: ${problem}`);
    return wrap(
      state,
      parameters,
      await suiteImplementation(parameters.suite),
      new Set(parsed.value.external),
    );
  });
}

function wrap(
  state: ClientState,
  parameters: GroupParameters,
  implementation: CiphersuiteImpl,
  external: ReadonlySet<number>,
): MlsGroup {
  const roster = readRoster(state, parameters, external);
  if (typeof roster === 'string') return fail('group_state_damaged', roster);
  const epoch = Number(state.groupContext.epoch);
  const ownLeafIndex: number = state.privatePath.leafIndex;
  const own = roster.find((entry) => entry.leafIndex === ownLeafIndex);
  if (!own) return fail('group_state_damaged', 'This client has no leaf in its own group');
  let spent = false;
  const requireFresh = (): void => {
    if (spent) fail('group_state_spent', 'This state of the group has been moved on from');
  };
  const moveOn = (consumed: readonly Uint8Array[]): void => {
    spent = true;
    consumed.forEach(zeroOutUint8Array);
  };
  const next = (newState: ClientState, newExternal = external): MlsGroup =>
    wrap(newState, parameters, implementation, newExternal);

  const readKeyPackage = (encoded: Uint8Array, tolerance: bigint): KeyPackage => {
    const message = decodeMessage(encoded, 'mls_key_package');
    if (!message) return fail('key_package_invalid', 'The key package cannot be read');
    const { keyPackage } = message;
    if (keyPackage.cipherSuite !== parameters.suite)
      return fail('key_package_invalid', 'The key package is for another cipher suite');
    if (!ownerOf(keyPackage.leafNode))
      return fail(
        'key_package_invalid',
        'The key package is for another group or not signed by its identity',
      );
    if (!checkLifetime(keyPackage, parameters.wallTime(), tolerance))
      return fail('key_package_invalid', 'The key package has expired or is not valid yet');
    return keyPackage;
  };
  const ownerOf = (leaf: LeafNode): { readonly identity: Bytes; readonly session: number } | undefined => {
    const owner = leafOwner(leaf, parameters.groupId);
    return owner && (parameters.kind === 'call' ? owner.session > 0 : owner.session === 0)
      ? owner
      : undefined;
  };

  const group: MlsGroup = {
    epoch,
    roster,
    ownLeafIndex,
    own,
    epochAuthenticator: new Uint8Array(state.keySchedule.epochAuthenticator),

    async inspectKeyPackage(encoded) {
      return guarded('key_package_invalid', 'The key package', async () => {
        const keyPackage = readKeyPackage(encoded, 0n);
        // The library checks signatures and uniqueness of keys when it makes a commit; throw that one away.
        const owner = ownerOf(keyPackage.leafNode) as { readonly identity: Bytes; readonly session: number };
        const old = roster.find(
          (entry) => ownerKey(parameters.kind, entry) === ownerKey(parameters.kind, owner),
        );
        if (old?.leafIndex === ownLeafIndex)
          return fail('key_package_invalid', 'The key package is for this client');
        const proposals: Proposal[] = [{ proposalType: 'add', add: { keyPackage } }];
        if (old) proposals.unshift({ proposalType: 'remove', remove: { removed: old.leafIndex } });
        await createCommit(
          { state, cipherSuite: implementation },
          { wireAsPublicMessage: true, extraProposals: proposals },
        );
        return owner;
      });
    },

    async prepareCommit({ adds, removes }) {
      requireFresh();
      return guarded('commit_invalid', 'The commit', async () => {
        const extraProposals: Proposal[] = [
          ...removes.map((removed): Proposal => ({ proposalType: 'remove', remove: { removed } })),
          ...adds.map((encoded): Proposal => ({
            proposalType: 'add',
            add: { keyPackage: readKeyPackage(encoded, 0n) },
          })),
        ];
        const { newState, welcome, commit } = await createCommit(
          { state, cipherSuite: implementation },
          { wireAsPublicMessage: true, extraProposals, ratchetTreeExtension: true },
        );
        const survivors = new Set([...external].filter((leafIndex) => !removes.includes(leafIndex)));
        const after = next(newState, survivors);
        return {
          epoch,
          commit: encodeMessage(commit),
          welcome: welcome && encodeMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome }),
          groupInfo: await after.groupInfo(),
          newState: after.serialise(),
        };
      });
    },

    async applyPending(pending) {
      requireFresh();
      if (pending.epoch !== epoch)
        return fail('commit_invalid', 'The pending commit belongs to another epoch');
      const after = await restoreGroup(parameters, pending.newState);
      moveOn([state.keySchedule.initSecret]);
      return after;
    },

    async processCommit(encoded) {
      requireFresh();
      return guarded('commit_invalid', 'The commit', async (): Promise<CommitOutcome> => {
        const message = decodeMessage(encoded, 'mls_public_message');
        if (!message) return fail('commit_invalid', 'The commit cannot be read');
        const { content } = message.publicMessage;
        if (content.contentType !== 'commit') return fail('commit_invalid', 'The message is no commit');
        if (!equalBytes(content.groupId, parameters.groupId) || content.epoch !== state.groupContext.epoch)
          return fail('commit_invalid', 'The commit belongs to another group or epoch');
        const { path, proposals } = content.commit;
        const isExternal = content.sender.senderType === 'new_member_commit';
        if (!isExternal && content.sender.senderType !== 'member')
          return fail('commit_invalid', 'The commit comes from nobody in the group');
        const committerLeaf =
          content.sender.senderType === 'member' ? leafAt(state, content.sender.leafIndex) : path?.leafNode;
        const committer = committerLeaf && ownerOf(committerLeaf);
        if (!committer) return fail('commit_invalid', 'The committer is unknown');
        if (content.sender.senderType === 'member') {
          if (content.sender.leafIndex === ownLeafIndex)
            return fail('commit_invalid', 'The commit claims to be of this client');
          const after = path && ownerOf(path.leafNode);
          if (
            path &&
            (!after || after.session !== committer.session || !equalBytes(after.identity, committer.identity))
          )
            return fail('commit_invalid', 'The committer changed its own identity');
        }
        const added: KeyPackage[] = [];
        const removedLeaves: number[] = [];
        for (const entry of proposals) {
          // Proposals are never sent on their own, so a reference points at nothing.
          if (entry.proposalOrRefType !== 'proposal')
            return fail('commit_invalid', 'The commit refers to a proposal');
          const { proposal } = entry;
          if (proposal.proposalType === 'add') {
            const { keyPackage } = proposal.add as { readonly keyPackage: KeyPackage };
            if (!ownerOf(keyPackage.leafNode))
              return fail('commit_invalid', 'An added leaf has no valid credential');
            if (!checkLifetime(keyPackage, parameters.wallTime(), CLOCK_TOLERANCE_SECONDS))
              return fail('commit_invalid', 'An added key package has expired');
            added.push(keyPackage);
          } else if (proposal.proposalType === 'remove') {
            removedLeaves.push((proposal.remove as { readonly removed: number }).removed);
          } else if (proposal.proposalType !== 'external_init' || !isExternal) {
            return fail('commit_invalid', 'The commit has a kind of proposal that is not used here');
          }
        }
        if (isExternal) {
          const inits = proposals.filter(
            (entry) =>
              entry.proposalOrRefType === 'proposal' && entry.proposal.proposalType === 'external_init',
          );
          if (inits.length !== 1 || added.length > 0)
            return fail('commit_invalid', 'An external commit does more than bring in its sender');
          // The newcomer may remove one leaf, and only one that is its own.
          for (const leafIndex of removedLeaves) {
            const old = roster.find((entry) => entry.leafIndex === leafIndex);
            if (!old || ownerKey(parameters.kind, old) !== ownerKey(parameters.kind, committer))
              return fail('commit_invalid', 'An external commit removes somebody else');
          }
        }
        const removesOwn = removedLeaves.includes(ownLeafIndex);
        let authenticated = false;
        const result = await processPublicMessage(
          state,
          message.publicMessage,
          emptyPskIndex,
          implementation,
          (incoming) => {
            // Called once signature, membership tag and proposals are verified. When this very leaf is removed
            // there is nothing to go on to; the library would try when somebody added by the same commit
            // takes the freed leaf, or when the commit is external, and fail with a misleading error.
            authenticated = incoming.kind === 'commit';
            return removesOwn ? 'reject' : 'accept';
          },
        );
        if (!authenticated) return fail('commit_invalid', 'The commit was not checked');
        if (removesOwn) {
          moveOn(result.consumed);
          return { status: 'removed' };
        }
        if (result.actionTaken !== 'accept') return fail('commit_invalid', 'The commit was refused');
        const problem = checkContext(result.newState, parameters) ?? checkRoster(result.newState, parameters);
        if (problem) return fail('commit_invalid', `The commit was refused: ${problem}`);
        const before = new Set(roster.map((entry) => entry.leafIndex));
        const leavesAfter = new Map<number, LeafNode>();
        for (const [node, entry] of result.newState.ratchetTree.entries())
          if (entry?.nodeType === 'leaf') leavesAfter.set(node / 2, entry.leaf);
        const isNew = (leafIndex: number): boolean =>
          !before.has(leafIndex) || removedLeaves.includes(leafIndex);
        const externalAfter = new Set(
          [...external].filter((leafIndex) => !removedLeaves.includes(leafIndex)),
        );
        if (isExternal)
          for (const leafIndex of leavesAfter.keys()) if (isNew(leafIndex)) externalAfter.add(leafIndex);
        const after = next(result.newState, externalAfter);
        const senderLeaf = content.sender.senderType === 'member' ? content.sender.leafIndex : undefined;
        const committerEntry = after.roster.find((entry) =>
          senderLeaf === undefined
            ? ownerKey(parameters.kind, entry) === ownerKey(parameters.kind, committer)
            : entry.leafIndex === senderLeaf,
        );
        if (!committerEntry) return fail('commit_invalid', 'The committer is not in the group afterwards');
        moveOn(result.consumed);
        return {
          status: 'applied',
          group: after,
          added: after.roster.filter((entry) => isNew(entry.leafIndex)),
          removed: roster.filter((entry) => removedLeaves.includes(entry.leafIndex)),
          external: isExternal,
          committer: committerEntry,
        };
      });
    },

    async encrypt(plaintext, authenticatedData) {
      requireFresh();
      // Marked before the first await: a second call meanwhile would use the same key.
      spent = true;
      const { newState, privateMessage, consumed } = await createApplicationMessage(
        state,
        plaintext,
        implementation,
        authenticatedData,
      );
      moveOn(consumed);
      return {
        group: next(newState),
        message: encodeMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage }),
      };
    },

    async decrypt(encoded) {
      requireFresh();
      return guarded('message_invalid', 'The message', async () => {
        const message = decodeMessage(encoded, 'mls_private_message');
        if (!message || message.privateMessage.contentType !== 'application')
          return fail('message_invalid', 'The message cannot be read');
        const { privateMessage } = message;
        if (
          !equalBytes(privateMessage.groupId, parameters.groupId) ||
          privateMessage.epoch !== state.groupContext.epoch
        )
          return fail('message_invalid', 'The message belongs to another group or epoch');
        // The library verifies the sender's signature but does not say whose it was: watch which key it used.
        // Signature keys are unique in a tree, so the key names the leaf.
        let signer: Uint8Array | undefined;
        const watching: CiphersuiteImpl = {
          ...implementation,
          signature: {
            ...implementation.signature,
            async verify(publicKey, content, signature) {
              const valid = await implementation.signature.verify(publicKey, content, signature);
              if (valid) signer = publicKey;
              return valid;
            },
          },
        };
        const result = await processPrivateMessage(
          state,
          privateMessage,
          emptyPskIndex,
          watching,
          () => 'reject',
        );
        if (result.kind !== 'applicationMessage')
          return fail('message_invalid', 'The message is no application message');
        const key = signer;
        const sender =
          key &&
          roster.find((entry) =>
            equalBytes(leafAt(state, entry.leafIndex)?.signaturePublicKey ?? new Uint8Array(), key),
          );
        if (!sender) return fail('message_invalid', 'The sender is not in the group');
        moveOn(result.consumed);
        return {
          group: next(result.newState),
          plaintext: new Uint8Array(result.message),
          authenticatedData: new Uint8Array(privateMessage.authenticatedData),
          sender,
        };
      });
    },

    async exportSecret(label, context, length) {
      return new Uint8Array(
        await mlsExporter(state.keySchedule.exporterSecret, label, context, length, implementation),
      );
    },

    exportFrameKey(identity, session, kind) {
      return group.exportSecret('conclave/frame/v1', frameKeyContext(identity, session, kind), 32);
    },

    async groupInfo() {
      const info = await createGroupInfoWithExternalPubAndRatchetTree(state, [], implementation);
      return encodeMessage({ version: 'mls10', wireformat: 'mls_group_info', groupInfo: info });
    },

    serialise() {
      return encodeCbor({
        v: 1,
        suite: parameters.suite,
        state: encodeGroupState(state),
        external: [...external].sort((a, b) => a - b),
      });
    },
  };
  return group;
}

/** The exporter context of a frame key: identity (32) || u32 session || kind. */
export function frameKeyContext(identity: Uint8Array, session: number, kind: MediaKind): Bytes {
  return concatBytes(identity, u32(session), new Uint8Array([kind]));
}
