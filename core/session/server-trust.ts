import { equalBytes, fromHex, toHex, type Bytes } from '../base/bytes.ts';
import { verifySignature } from '../crypto/identity.ts';
import {
  decodeDescriptor,
  descriptorSigningInput,
  type ServerDescriptor,
} from '../protocol/server-descriptor.ts';
import { sessionError } from './session-error.ts';

/** Clocks of two machines may differ by this much without an alarm. */
const CLOCK_TOLERANCE_S = 24 * 3600;

/**
 * Decides whether a fetched descriptor may be used (protocol.md §1). TLS proved nothing; the signature of the
 * server's identity key does, and that key must be the one known from before.
 * @param pinned hex identity known from an earlier connection or an invitation; undefined at first contact.
 * @throws CodedError `not_conclave`, `descriptor_invalid`, `descriptor_expired` or, as a hard stop,
 * `server_identity_changed`.
 */
export function checkDescriptor(
  encoded: Bytes,
  pinned: string | undefined,
  wallTimeMs: number,
): ServerDescriptor {
  const decoded = decodeDescriptor(encoded);
  if (!decoded.ok)
    throw sessionError(
      'not_conclave',
      `What answered there is not a Conclave server (${decoded.error}). Check host and port.`,
    );
  const descriptor = decoded.value;
  if (!verifySignature(descriptor.serverId, descriptorSigningInput(descriptor), descriptor.signature))
    throw sessionError(
      'descriptor_invalid',
      'The server’s description of itself is not signed correctly. It was not used.',
    );
  const expected = pinned === undefined ? undefined : fromHex(pinned);
  if (expected && !equalBytes(expected, descriptor.serverId))
    throw sessionError(
      'server_identity_changed',
      `This server is not the one you trusted before: its identity was ${shorten(pinned as string)} and is now ` +
        `${shorten(toHex(descriptor.serverId))}. Somebody may be pretending to be it. Nothing was sent. ` +
        'If its operator confirms that it was set up anew, forget the server and connect again.',
    );
  const now = wallTimeMs / 1000;
  if (descriptor.expiresAt + CLOCK_TOLERANCE_S < now || descriptor.issuedAt - CLOCK_TOLERANCE_S > now)
    throw sessionError(
      'descriptor_expired',
      'The server’s description of itself is out of date. Check the clocks of this computer and of the server.',
    );
  return descriptor;
}

/** The hashes of the certificates that may be met now. */
export function acceptableCertificates(descriptor: ServerDescriptor): readonly Bytes[] {
  return descriptor.certs.map((certificate) => certificate.sha256);
}

function shorten(hex: string): string {
  return `${hex.slice(0, 4)} ${hex.slice(4, 8)} ${hex.slice(8, 12)} …`;
}
