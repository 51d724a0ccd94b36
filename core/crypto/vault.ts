import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, randomBytes, utf8, wipe, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';

/** Why something sealed cannot be opened. */
export type VaultErrorCode = 'vault_damaged' | 'passphrase_wrong';

function damaged(message: string): CodedError<VaultErrorCode> {
  return new CodedError('vault_damaged', message);
}

/** Derives an independent key: HKDF-SHA256 (RFC 5869) without salt, the label as info. */
export function deriveKey(key: Uint8Array, label: string, length: number): Bytes {
  return new Uint8Array(hkdf(sha256, key, undefined, utf8(label), length));
}

/** Encrypts records for the store on disk. */
export interface RecordCipher {
  seal(name: string, plaintext: Uint8Array): Bytes;
  /** @throws CodedError `vault_damaged` when the record is not what was sealed under this name and key. */
  open(name: string, sealed: Uint8Array): Bytes;
}

const RECORD_VERSION = 1;
const RECORD_NONCE_BYTES = 24;
const RECORD_LABEL = utf8('conclave/record/v1');

/**
 * XChaCha20-Poly1305 with a random 24-byte nonce: `version || nonce || ciphertext`. The name is authenticated,
 * so records cannot be exchanged for one another. The key must have 32 bytes; it is copied.
 */
export function createRecordCipher(storageKey: Uint8Array): RecordCipher {
  if (storageKey.length !== 32) throw new RangeError('a storage key has 32 bytes');
  const key = new Uint8Array(storageKey);
  const head = new Uint8Array([RECORD_VERSION]);
  const additional = (name: string): Bytes => concatBytes(RECORD_LABEL, head, utf8(name));
  return {
    seal(name, plaintext) {
      const nonce = randomBytes(RECORD_NONCE_BYTES);
      return concatBytes(head, nonce, xchacha20poly1305(key, nonce, additional(name)).encrypt(plaintext));
    },
    open(name, sealed) {
      if (sealed.length < 1 + RECORD_NONCE_BYTES + 16) throw damaged('A stored record is too short');
      if (sealed[0] !== RECORD_VERSION) throw damaged('A stored record has an unknown version');
      const nonce = sealed.subarray(1, 1 + RECORD_NONCE_BYTES);
      try {
        const plain = xchacha20poly1305(key, nonce, additional(name)).decrypt(
          sealed.subarray(1 + RECORD_NONCE_BYTES),
        );
        return plain as Bytes;
      } catch {
        throw damaged('A stored record was changed or belongs to another vault');
      }
    },
  };
}

const WRAP_VERSION = 1;
/** OWASP's figure for PBKDF2-HMAC-SHA256. */
const ITERATIONS = 600_000;
/** Read bounds: below, somebody weakened the header; above, somebody wants to keep the machine busy. */
const MIN_ITERATIONS = ITERATIONS;
const MAX_ITERATIONS = 10_000_000;
const SALT_BYTES = 32;
const WRAP_NONCE_BYTES = 12;
const WRAP_HEAD_BYTES = 1 + 4 + SALT_BYTES + WRAP_NONCE_BYTES;

async function passphraseKey(passphrase: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  // The same passphrase typed on another keyboard may come as other code points (Unicode TR 15).
  const typed = utf8(passphrase.normalize('NFKC'));
  try {
    const material = await crypto.subtle.importKey('raw', typed, 'PBKDF2', false, ['deriveBits']);
    const bits = await crypto.subtle.deriveBits(
      { name: 'PBKDF2', hash: 'SHA-256', salt, iterations },
      material,
      256,
    );
    const raw = new Uint8Array(bits);
    try {
      return await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
    } finally {
      wipe(raw);
    }
  } finally {
    wipe(typed);
  }
}

/**
 * Wraps a key under a passphrase: `version || u32 iterations || salt || nonce || AES-256-GCM`, the head
 * authenticated. The key for it is PBKDF2-HMAC-SHA256 with 600,000 iterations (RFC 8018).
 */
export async function wrapKeyWithPassphrase(key: Uint8Array, passphrase: string): Promise<Bytes> {
  const head = new Uint8Array(WRAP_HEAD_BYTES);
  head[0] = WRAP_VERSION;
  new DataView(head.buffer).setUint32(1, ITERATIONS);
  head.set(randomBytes(SALT_BYTES + WRAP_NONCE_BYTES), 5);
  const wrapping = await passphraseKey(passphrase, head.slice(5, 5 + SALT_BYTES), ITERATIONS);
  const plain = new Uint8Array(key);
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv: head.slice(5 + SALT_BYTES), additionalData: head },
    wrapping,
    plain,
  );
  wipe(plain);
  return concatBytes(head, new Uint8Array(sealed));
}

/** Undoes {@link wrapKeyWithPassphrase}. @throws CodedError `vault_damaged` or `passphrase_wrong`. */
export async function unwrapKeyWithPassphrase(wrapped: Uint8Array, passphrase: string): Promise<Bytes> {
  if (wrapped.length < WRAP_HEAD_BYTES + 16) throw damaged('The wrapped key is too short');
  if (wrapped[0] !== WRAP_VERSION) throw damaged('The wrapped key has an unknown version');
  const head = wrapped.slice(0, WRAP_HEAD_BYTES);
  const iterations = new DataView(head.buffer).getUint32(1);
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS)
    throw damaged('The wrapped key asks for an unreasonable number of iterations');
  const wrapping = await passphraseKey(passphrase, head.slice(5, 5 + SALT_BYTES), iterations);
  try {
    const plain = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv: head.slice(5 + SALT_BYTES), additionalData: head },
      wrapping,
      wrapped.slice(WRAP_HEAD_BYTES),
    );
    return new Uint8Array(plain);
  } catch {
    // GCM cannot tell a wrong key from changed bytes; the passphrase is by far the likelier reason.
    throw new CodedError<VaultErrorCode>('passphrase_wrong', 'The passphrase does not open this vault');
  }
}
