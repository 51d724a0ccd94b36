import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, type Bytes } from '../base/bytes.ts';

/** A person's long-term Ed25519 key pair (RFC 8032). The secret key is the 32-byte seed. */
export interface Identity {
  readonly publicKey: Bytes;
  readonly secretKey: Bytes;
}

/** Makes a new identity from the system's random source. */
export function generateIdentity(): Identity {
  return identityFromSecret(ed25519.utils.randomSecretKey());
}

/** The identity with the given 32-byte secret, which is copied. @throws Error on any other length. */
export function identityFromSecret(secretKey: Uint8Array): Identity {
  const secret = new Uint8Array(secretKey);
  return { publicKey: new Uint8Array(ed25519.getPublicKey(secret)), secretKey: secret };
}

/** Signs a message; the signature has 64 bytes. */
export function sign(identity: Identity, message: Uint8Array): Bytes {
  return new Uint8Array(ed25519.sign(message, identity.secretKey));
}

/**
 * Verifies strictly (RFC 8032 §5.1.7 with canonical encodings and no small-order key, which would accept
 * one signature for many messages). Never throws: malformed input is simply not a valid signature.
 */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

/** SHA-256 of a public key, its first 16 bytes as 8 groups of 4 hex digits, for people to compare. */
export function fingerprint(publicKey: Uint8Array): string {
  const groups = toHex(sha256(publicKey).subarray(0, 16)).match(/.{4}/g) ?? [];
  return groups.join(' ');
}
