import { concatBytes, utf8, type Bytes } from '../base/bytes.ts';
import { array, bytes, integer, object, oneOf, parse, string, type Infer } from '../base/schema.ts';
import { failure, success, type Result } from '../base/result.ts';
import { CborError, decodeCbor, encodeCbor } from './cbor.ts';

/** Path of the descriptor on the relay's TCP port. */
export const DESCRIPTOR_PATH = '/.well-known/conclave';
/** Path of the WebTransport session. */
export const SESSION_PATH = '/session';
/** The host must not read more than this. */
export const MAX_DESCRIPTOR_BYTES = 16 * 1024;

const descriptorFields = {
  v: integer({ min: 1, max: 1 }),
  /** Ed25519 public key of the server. */
  serverId: bytes({ length: 32 }),
  name: string({ min: 1, max: 64 }),
  /** Ports on the host the descriptor was fetched from. */
  endpoints: array(object({ kind: oneOf(['quic', 'fallback']), port: integer({ min: 1, max: 65535 }) }), {
    max: 8,
  }),
  certs: array(object({ sha256: bytes({ length: 32 }), notBefore: integer(), notAfter: integer() }), {
    max: 4,
  }),
  gate: oneOf(['none', 'password']),
  /** Seconds since 1970. */
  issuedAt: integer(),
  expiresAt: integer(),
  signature: bytes({ length: 64 }),
};
const descriptorSchema = object(descriptorFields);

/** What a relay publishes about itself, signed with its identity key. */
export type ServerDescriptor = Infer<typeof descriptorSchema>;

/** The bytes the signature covers. */
export function descriptorSigningInput(descriptor: Omit<ServerDescriptor, 'signature'>): Bytes {
  const { v, serverId, name, endpoints, certs, gate, issuedAt, expiresAt } = descriptor;
  return concatBytes(
    utf8('conclave/descriptor/v1'),
    encodeCbor({ v, serverId, name, endpoints, certs, gate, issuedAt, expiresAt }),
  );
}

/** Encodes a signed descriptor. */
export function encodeDescriptor(descriptor: ServerDescriptor): Bytes {
  return encodeCbor(descriptor);
}

/** Decodes a descriptor without trusting it; the caller verifies signature and times. */
export function decodeDescriptor(encoded: Uint8Array): Result<ServerDescriptor, string> {
  try {
    const parsed = parse(
      descriptorSchema,
      decodeCbor(encoded, { maxBytes: MAX_DESCRIPTOR_BYTES, maxDepth: 4 }),
    );
    return parsed.ok ? success(parsed.value) : failure(`${parsed.error.path}: ${parsed.error.message}`);
  } catch (error) {
    if (error instanceof CborError) return failure(error.message);
    throw error;
  }
}
