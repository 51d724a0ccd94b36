import { concatBytes, u32, utf8, type Bytes } from '../base/bytes.ts';
import { bytes, integer, object, parse } from '../base/schema.ts';
import { sign, verifySignature, type Identity } from '../crypto/identity.ts';
import { CborError, decodeCbor, encodeCbor } from '../protocol/cbor.ts';

/**
 * What a leaf of a group says about its holder, carried as a basic credential (RFC 9420 §5.3): the long-term
 * identity key, the relay session (0 in text groups), and the identity's signature that binds both to this
 * leaf's signature key and to this group. MLS proves possession of the leaf key; this proves whose it is.
 */
export interface LeafCredential {
  readonly identity: Bytes;
  readonly session: number;
}

const schema = object({
  v: integer({ min: 1, max: 1 }),
  identity: bytes({ length: 32 }),
  session: integer({ max: 0xffffffff }),
  signature: bytes({ length: 64 }),
});
const MAX_CREDENTIAL_BYTES = 256;

function signingInput(signaturePublicKey: Uint8Array, session: number, groupId: Uint8Array): Bytes {
  // One suite per group, so the key's length is fixed and the parts cannot be shifted against each other.
  return concatBytes(utf8('conclave/leaf/v1'), signaturePublicKey, u32(session), groupId);
}

/** Makes the credential of a leaf with the given signature key. */
export function encodeLeafCredential(
  identity: Identity,
  session: number,
  signaturePublicKey: Uint8Array,
  groupId: Uint8Array,
): Bytes {
  const signature = sign(identity, signingInput(signaturePublicKey, session, groupId));
  return encodeCbor({ v: 1, identity: identity.publicKey, session, signature });
}

/** Reads a credential without checking its signature; `undefined` when malformed. */
export function decodeLeafCredential(
  encoded: Uint8Array,
): (LeafCredential & { readonly signature: Bytes }) | undefined {
  try {
    const parsed = parse(schema, decodeCbor(encoded, { maxBytes: MAX_CREDENTIAL_BYTES, maxDepth: 1 }));
    return parsed.ok ? parsed.value : undefined;
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}

/** Reads a credential and checks that it belongs to this leaf key and group; `undefined` when it does not. */
export function verifyLeafCredential(
  encoded: Uint8Array,
  signaturePublicKey: Uint8Array,
  groupId: Uint8Array,
): LeafCredential | undefined {
  const credential = decodeLeafCredential(encoded);
  if (!credential) return undefined;
  const { identity, session, signature } = credential;
  return verifySignature(identity, signingInput(signaturePublicKey, session, groupId), signature)
    ? { identity, session }
    : undefined;
}
