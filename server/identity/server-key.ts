import { createHash, createPrivateKey, createPublicKey, sign, verify, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes, type Bytes } from '../../core/base/bytes.ts';

/** The relay's long-term Ed25519 identity, which clients pin. */
export interface ServerKey {
  /** Public key, 32 bytes. */
  readonly serverId: Bytes;
  sign(message: Uint8Array): Bytes;
}

/** PKCS #8 head of a raw Ed25519 seed (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** SubjectPublicKeyInfo head of a raw Ed25519 key (RFC 8410 §4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Loads the server key, making it at the first start. The file holds the 32-byte seed and is readable by
 * its owner only. Losing it means a new server for every client.
 * @throws Error when the file is damaged; it is never replaced by a new key.
 */
export function loadServerKey(path: string): ServerKey {
  if (!existsSync(path)) writePrivateFile(path, randomBytes(32));
  const seed = readFileSync(path);
  if (seed.length !== 32)
    throw new Error(
      'The server key file is damaged. Restore it from a backup, or delete it to become a new server.',
    );
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    serverId: new Uint8Array(spki.subarray(spki.length - 32)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** Writes a file only its owner can read, all of it or nothing. */
export function writePrivateFile(path: string, content: Uint8Array | string): void {
  const temporary = `${path}.new`;
  // Anew each time: an existing file would keep its own mode, and a link would lead elsewhere.
  rmSync(temporary, { force: true });
  writeFileSync(temporary, content, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(temporary, path);
}

/** Checks an Ed25519 signature by a raw public key; false for anything malformed. */
export function verifyIdentitySignature(
  identity: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, identity]), format: 'der', type: 'spki' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}

/** Compares two texts in a time that depends on neither. */
export function equalSecretText(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
