import { fromHex, randomBytes, toHex, wipe, type Bytes } from '../base/bytes.ts';
import { createEmitter, type Event } from '../base/event.ts';
import type { Disposable } from '../base/disposable.ts';
import { bytes, integer, object, oneOf, optional, parse, string } from '../base/schema.ts';
import { fingerprint, generateIdentity, identityFromSecret, type Identity } from '../crypto/identity.ts';
import {
  createRecordCipher,
  deriveKey,
  unwrapKeyWithPassphrase,
  wrapKeyWithPassphrase,
  type RecordCipher,
} from '../crypto/vault.ts';
import { decodeCbor, encodeCbor, type CborValue } from '../protocol/cbor.ts';
import { MAX_NAME_LENGTH } from '../protocol/control-message.ts';
import type { KeychainPort, RecordPort } from './ports.ts';
import type { VaultStatus } from './session-contract.ts';
import { sessionError } from './session-error.ts';

/**
 * The identity and everything else worth stealing, encrypted under one random storage key. The key itself is
 * in the system's keychain, or, where there is none, wrapped by a passphrase; it is never plain on disk.
 */
export interface VaultStore extends Disposable {
  status(): Promise<VaultStatus>;
  create(displayName: string, passphrase: string | undefined): Promise<VaultStatus>;
  unlock(passphrase: string | undefined): Promise<VaultStatus>;
  setDisplayName(displayName: string): Promise<void>;
  /** @throws CodedError `vault_locked` */
  readonly identity: Identity;
  readonly displayName: string;
  /** Reads and decrypts a record. @throws CodedError `vault_locked`, `vault_damaged` */
  read(key: string): Promise<Bytes | undefined>;
  /** Encrypts and writes records in order; undefined deletes. Durable when it returns. */
  write(changes: readonly { readonly key: string; readonly value: Bytes | undefined }[]): Promise<void>;
  list(prefix: string): Promise<readonly string[]>;
  /** A record name for `text` (an address, a room) that tells nobody without the storage key what it stands for. */
  recordName(text: string): string;
  readonly onDidChange: Event<VaultStatus>;
}

const HEADER_KEY = 'vault/header';
const NAME_LABEL = 'conclave/record-names/v1';
const IDENTITY_KEY = 'vault/identity';
/** Below this a passphrase falls to a dictionary, whatever the key derivation costs. */
const MIN_PASSPHRASE_LENGTH = 8;

const headerSchema = object({
  v: integer({ min: 1, max: 1 }),
  protection: oneOf(['keychain', 'passphrase']),
  /** Names the entry in the keychain. */
  account: optional(string({ min: 1, max: 64 })),
  /** The storage key under the passphrase. */
  wrapped: optional(bytes({ max: 1024 })),
});
const identitySchema = object({
  v: integer({ min: 1, max: 1 }),
  secretKey: bytes({ length: 32 }),
  displayName: string({ min: 1, max: MAX_NAME_LENGTH }),
});

/** Trims a display name and refuses what no server would take. @throws CodedError `display_name_invalid` */
export function checkDisplayName(displayName: string): string {
  const name = displayName.normalize('NFC').trim();
  if (name.length < 1 || name.length > MAX_NAME_LENGTH || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name))
    throw sessionError(
      'display_name_invalid',
      `A display name has 1 to ${MAX_NAME_LENGTH} visible characters. Choose another one.`,
    );
  return name;
}

/** Makes the store; it starts locked. */
export function createVaultStore(records: RecordPort, keychain: KeychainPort): VaultStore {
  const changed = createEmitter<VaultStatus>();
  let open:
    | {
        readonly identity: Identity;
        displayName: string;
        readonly cipher: RecordCipher;
        readonly nameKey: Bytes;
        readonly protection: 'keychain' | 'passphrase';
      }
    | undefined;

  const requireOpen = (): NonNullable<typeof open> => {
    if (!open) throw sessionError('vault_locked', 'Unlock Conclave first.');
    return open;
  };
  const readHeader = async (): Promise<ReturnType<typeof decodeHeader> | undefined> => {
    const encoded = await records.get(HEADER_KEY);
    return encoded ? decodeHeader(encoded) : undefined;
  };
  const openStatus = (): VaultStatus => {
    const { identity, displayName, protection } = requireOpen();
    return {
      state: 'open',
      protection,
      identity: {
        identity: toHex(identity.publicKey),
        fingerprint: fingerprint(identity.publicKey),
        displayName,
      },
    };
  };
  const status = async (): Promise<VaultStatus> => {
    if (open) return openStatus();
    const [header, keychainState] = await Promise.all([readHeader(), keychain.status()]);
    return header
      ? { state: 'locked', protection: header.protection, keychain: keychainState }
      : { state: 'absent', keychain: keychainState };
  };
  const announce = (): VaultStatus => {
    const now = openStatus();
    changed.fire(now);
    return now;
  };
  const sealIdentity = (cipher: RecordCipher, identity: Identity, displayName: string): Bytes =>
    cipher.seal(IDENTITY_KEY, encodeCbor({ v: 1, secretKey: identity.secretKey, displayName }));

  return {
    status,
    async create(displayName, passphrase) {
      const name = checkDisplayName(displayName);
      if (await readHeader())
        throw sessionError('vault_exists', 'There is an identity on this computer already.');
      const keychainState = await keychain.status();
      const storageKey = randomBytes(32);
      const identity = generateIdentity();
      let header: CborValue;
      if (passphrase !== undefined) {
        if (passphrase.length < MIN_PASSPHRASE_LENGTH)
          throw sessionError(
            'passphrase_weak',
            `A passphrase needs at least ${MIN_PASSPHRASE_LENGTH} characters. Several words are best.`,
          );
        header = {
          v: 1,
          protection: 'passphrase',
          wrapped: await wrapKeyWithPassphrase(storageKey, passphrase),
        };
      } else if (keychainState.available) {
        const account = `vault.${toHex(randomBytes(8))}`;
        try {
          await keychain.set(account, toHex(storageKey));
        } catch {
          throw sessionError(
            'keychain_failed',
            'The system’s keychain did not take the key. Use a passphrase instead.',
          );
        }
        header = { v: 1, protection: 'keychain', account };
      } else {
        throw sessionError(
          'passphrase_required',
          'This system has no keychain, so a passphrase must protect your identity. Choose one.',
        );
      }
      const cipher = createRecordCipher(storageKey);
      const nameKey = deriveKey(storageKey, NAME_LABEL, 32);
      wipe(storageKey);
      // The identity first: a header without it would look like a vault that lost its contents.
      await records.write([
        { key: IDENTITY_KEY, value: sealIdentity(cipher, identity, name) },
        { key: HEADER_KEY, value: encodeCbor(header) },
      ]);
      open = {
        identity,
        displayName: name,
        cipher,
        nameKey,
        protection: passphrase !== undefined ? 'passphrase' : 'keychain',
      };
      return announce();
    },
    async unlock(passphrase) {
      if (open) return openStatus();
      const header = await readHeader();
      if (!header) throw sessionError('vault_absent', 'There is no identity on this computer yet.');
      let storageKey: Bytes;
      if (header.protection === 'passphrase') {
        if (passphrase === undefined || !header.wrapped)
          throw sessionError('passphrase_required', 'Type your passphrase to unlock Conclave.');
        storageKey = await unwrapKeyWithPassphrase(header.wrapped, passphrase);
      } else {
        const stored =
          header.account === undefined
            ? undefined
            : await keychain.get(header.account).catch(() => undefined);
        const key = stored === undefined ? undefined : fromHex(stored);
        if (key?.length !== 32)
          throw sessionError(
            'keychain_failed',
            'The system’s keychain does not give out the key. Unlock the keychain and try again.',
          );
        storageKey = key;
      }
      const cipher = createRecordCipher(storageKey);
      const nameKey = deriveKey(storageKey, NAME_LABEL, 32);
      wipe(storageKey);
      const sealed = await records.get(IDENTITY_KEY);
      if (!sealed)
        throw sessionError('vault_damaged', 'The identity file is missing. Restore it from a backup.');
      const decoded = parse(identitySchema, decodeCbor(cipher.open(IDENTITY_KEY, sealed)));
      if (!decoded.ok)
        throw sessionError('vault_damaged', 'The identity file is damaged. Restore it from a backup.');
      open = {
        identity: identityFromSecret(decoded.value.secretKey),
        displayName: decoded.value.displayName,
        cipher,
        nameKey,
        protection: header.protection,
      };
      return announce();
    },
    async setDisplayName(displayName) {
      const name = checkDisplayName(displayName);
      const { cipher, identity } = requireOpen();
      await records.write([{ key: IDENTITY_KEY, value: sealIdentity(cipher, identity, name) }]);
      requireOpen().displayName = name;
      announce();
    },
    get identity() {
      return requireOpen().identity;
    },
    get displayName() {
      return requireOpen().displayName;
    },
    async read(key) {
      const { cipher } = requireOpen();
      const sealed = await records.get(key);
      return sealed && cipher.open(key, sealed);
    },
    async write(changes) {
      const { cipher } = requireOpen();
      await records.write(
        changes.map(({ key, value }) => ({
          key,
          value: value === undefined ? null : cipher.seal(key, value),
        })),
      );
    },
    list: (prefix) => records.list(prefix),
    recordName: (text) => toHex(deriveKey(requireOpen().nameKey, text, 16)),
    onDidChange: changed.event,
    dispose() {
      changed.dispose();
      open = undefined;
    },
  };
}

function decodeHeader(encoded: Bytes): {
  readonly protection: 'keychain' | 'passphrase';
  readonly account?: string;
  readonly wrapped?: Bytes;
} {
  try {
    const parsed = parse(headerSchema, decodeCbor(encoded));
    if (parsed.ok) return parsed.value;
  } catch {
    // Reported below like any other damage.
  }
  throw sessionError(
    'vault_damaged',
    'The vault’s header is damaged. Restore the profile folder from a backup.',
  );
}
