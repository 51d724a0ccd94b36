import { p256 } from '@noble/curves/nist.js';
import { getCiphersuiteFromName, getCiphersuiteImpl, type CiphersuiteImpl } from 'ts-mls';

/**
 * The cipher suites a group may use: the hybrid post-quantum default, and two of RFC 9420 §17.1 that a server
 * may set instead. A closed list, so that nothing received can choose another.
 */
export const MLS_SUITES = [
  'MLS_256_XWING_AES256GCM_SHA512_Ed25519',
  'MLS_128_DHKEMP256_AES128GCM_SHA256_P256',
  'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519',
] as const;

/** A suite of the closed list. */
export type MlsSuite = (typeof MLS_SUITES)[number];

/** X-Wing (ML-KEM-768 and X25519), AES-256-GCM, SHA-512, Ed25519. */
export const DEFAULT_MLS_SUITE: MlsSuite = 'MLS_256_XWING_AES256GCM_SHA512_Ed25519';

const implementations = new Map<MlsSuite, Promise<CiphersuiteImpl>>();

/** The implementation of a suite, made once. */
export function suiteImplementation(suite: MlsSuite): Promise<CiphersuiteImpl> {
  let implementation = implementations.get(suite);
  if (!implementation) {
    implementation = getCiphersuiteImpl(getCiphersuiteFromName(suite));
    implementations.set(suite, implementation);
  }
  return implementation;
}

/** A fresh signature key pair for one group. */
export async function generateSignatureKeyPair(
  suite: MlsSuite,
): Promise<{ readonly signKey: Uint8Array; readonly publicKey: Uint8Array }> {
  const pair = await (await suiteImplementation(suite)).signature.keygen();
  // RFC 9420 §5.1.1 wants the uncompressed point; the library makes the compressed one.
  return suite === 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256'
    ? { signKey: pair.signKey, publicKey: p256.getPublicKey(pair.signKey, false) }
    : pair;
}
