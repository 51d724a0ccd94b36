import { concatBytes, u32, utf8, type Bytes } from '../base/bytes.ts';
import { bytes, integer, object, optional, parse, string } from '../base/schema.ts';
import { sign, verifySignature, type Identity } from '../crypto/identity.ts';
import { CborError, decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import { MAX_NAME_LENGTH } from '../protocol/control-message.ts';

/**
 * What a leaf of a group says about its holder, carried as a basic credential (RFC 9420 §5.3): the long-term
 * identity key, the relay session (0 in text groups), the name its holder goes by, and the identity's
 * signature that binds them to this leaf's signature key and to this group. MLS proves possession of the leaf
 * key; this proves whose it is. The name comes from the person, so that no relay can give somebody another
 * one. Version 1 had none.
 */
export interface LeafCredential {
  readonly identity: Bytes;
  readonly session: number;
  /** Empty when the credential gives none. */
  readonly name: string;
}

/**
 * Only the length of the name is checked: which characters are visible depends on the Unicode version, and
 * members who disagree about a credential would split the group. It is cleaned before it is shown.
 */
const schema = object({
  v: integer({ min: 1, max: 2 }),
  identity: bytes({ length: 32 }),
  session: integer({ max: 0xffffffff }),
  name: optional(string({ min: 1, max: MAX_NAME_LENGTH })),
  signature: bytes({ length: 64 }),
});
const MAX_CREDENTIAL_BYTES = 384;

function signingInput(
  signaturePublicKey: Uint8Array,
  { session, name }: { readonly session: number; readonly name: string },
  groupId: Uint8Array,
): Bytes {
  // One suite per group, so the key's length is fixed and the parts cannot be shifted against each other.
  if (name === '') return concatBytes(utf8('conclave/leaf/v1'), signaturePublicKey, u32(session), groupId);
  const encoded = utf8(name);
  return concatBytes(
    utf8('conclave/leaf/v2'),
    signaturePublicKey,
    u32(session),
    u32(encoded.length),
    encoded,
    groupId,
  );
}

/** Makes the credential of a leaf with the given signature key. */
export function encodeLeafCredential(
  identity: Identity,
  holder: { readonly session: number; readonly name: string },
  signaturePublicKey: Uint8Array,
  groupId: Uint8Array,
): Bytes {
  const { session, name } = holder;
  return encodeCbor({
    v: name === '' ? 1 : 2,
    identity: identity.publicKey,
    session,
    name: name === '' ? undefined : name,
    signature: sign(identity, signingInput(signaturePublicKey, holder, groupId)),
  });
}

/** Reads a credential without checking its signature; `undefined` when malformed. */
export function decodeLeafCredential(
  encoded: Uint8Array,
): (LeafCredential & { readonly signature: Bytes }) | undefined {
  try {
    const parsed = parse(schema, decodeCbor(encoded, { maxBytes: MAX_CREDENTIAL_BYTES, maxDepth: 1 }));
    if (!parsed.ok) return undefined;
    const { v, identity, session, name = '', signature } = parsed.value;
    return (v === 2) === (name !== '') ? { identity, session, name, signature } : undefined;
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
  const { identity, session, name, signature } = credential;
  return verifySignature(identity, signingInput(signaturePublicKey, credential, groupId), signature)
    ? { identity, session, name }
    : undefined;
}
