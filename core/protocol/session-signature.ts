import { concatBytes, utf8, type Bytes } from '../base/bytes.ts';

/** What both sides of a handshake sign (protocol.md §2). */
export interface SessionTranscript {
  readonly clientNonce: Uint8Array;
  readonly serverNonce: Uint8Array;
  readonly serverId: Uint8Array;
  readonly identity: Uint8Array;
  /** SHA-256 of the TLS certificate in use, so that neither signature can be relayed through another server. */
  readonly certificateHash: Uint8Array;
}

/** The bytes to sign in the given role. All parts have fixed lengths, so the encoding is unambiguous. */
export function sessionSigningInput(role: 'client' | 'server', transcript: SessionTranscript): Bytes {
  return concatBytes(
    utf8(`conclave/session/v1/${role}`),
    transcript.clientNonce,
    transcript.serverNonce,
    transcript.serverId,
    transcript.identity,
    transcript.certificateHash,
  );
}
