import { equalBytes, randomBytes, type Bytes } from '../../core/base/bytes.ts';
import {
  PROTOCOL_VERSIONS,
  type ClientHandshakeMessage,
  type ServerMessage,
} from '../../core/protocol/control-message.ts';
import { wireError } from '../../core/protocol/error-code.ts';
import { sessionSigningInput, type SessionTranscript } from '../../core/protocol/session-signature.ts';
import type { NameStore } from '../relay/relay-store.ts';
import { parseDisplayName, type DisplayName } from './display-name.ts';
import { equalSecretText, verifyIdentitySignature, type ServerKey } from './server-key.ts';

/** What a handshake needs to know. */
export interface HandshakeContext {
  readonly serverKey: ServerKey;
  /** SHA-256 of the certificate this connection was accepted with. */
  readonly certificateHash: Bytes;
  /** Empty for an open server. */
  readonly password: string;
  readonly names: NameStore;
}

/** Somebody who proved to own a key and a name. */
export interface Authenticated {
  readonly identity: Bytes;
  readonly name: string;
}

/** One handshake from `hello` to the proof; anything out of order throws a WireError. */
export interface Handshake {
  /** Takes the next message; gives the challenge, then who it is. */
  receive(
    message: ClientHandshakeMessage,
  ):
    | { readonly reply: Extract<ServerMessage, { readonly t: 'challenge' }> }
    | { readonly done: Authenticated };
}

/** Most names one key may own, so that nobody collects them all. */
const MAX_NAMES_PER_IDENTITY = 8;

/** Starts a handshake with a fresh nonce: a signature for another challenge never fits this one. */
export function createHandshake(context: HandshakeContext): Handshake {
  let pending:
    | { readonly transcript: SessionTranscript; readonly identity: Bytes; readonly name: DisplayName }
    | undefined;
  let finished = false;
  return {
    receive(message) {
      if (finished) throw wireError('protocol_error', 'The handshake is over.');
      if (message.t === 'hello') {
        if (pending) throw wireError('protocol_error', 'A second hello is not allowed.');
        const version = PROTOCOL_VERSIONS.find((known) => message.versions.includes(known));
        if (version === undefined)
          throw wireError(
            'version_unsupported',
            `This server speaks protocol version ${PROTOCOL_VERSIONS.join(', ')}. Update the older side.`,
          );
        const name = parseDisplayName(message.name);
        if (!name)
          throw wireError(
            'name_invalid',
            'A name has 1 to 32 characters, at least one letter or digit, and no invisible characters. Choose another one.',
          );
        const transcript: SessionTranscript = {
          clientNonce: message.nonce,
          serverNonce: randomBytes(32),
          serverId: context.serverKey.serverId,
          identity: message.identity,
          certificateHash: context.certificateHash,
        };
        pending = { transcript, identity: message.identity, name };
        return {
          reply: {
            t: 'challenge',
            version,
            serverId: context.serverKey.serverId,
            nonce: transcript.serverNonce as Bytes,
            signature: context.serverKey.sign(sessionSigningInput('server', transcript)),
          },
        };
      }
      if (!pending) throw wireError('protocol_error', 'The first message must be hello.');
      finished = true;
      const { transcript, identity, name } = pending;
      if (!verifyIdentitySignature(identity, sessionSigningInput('client', transcript), message.signature))
        throw wireError('bad_signature', 'The signature does not fit the identity and this connection.');
      // The password comes first, so that names cannot be probed from outside the gate.
      if (context.password !== '') {
        if (message.password === undefined)
          throw wireError(
            'password_required',
            'This server asks for a password. Enter it and connect again.',
          );
        if (!equalSecretText(message.password, context.password))
          throw wireError('password_wrong', 'The server password is wrong.');
      }
      claimName(context.names, name, identity);
      return { done: { identity, name: name.name } };
    },
  };
}

/** Makes sure the identity owns the name, claiming it when it is free. */
export function claimName(names: NameStore, name: DisplayName, identity: Bytes, allowReserved = false): void {
  const owner = names.owner(name.key);
  if (owner && equalBytes(owner, identity)) return;
  if (owner) throw wireError('name_taken', 'This name belongs to another key. Choose another one.');
  if (name.reserved && !allowReserved)
    throw wireError('name_reserved', 'This name is reserved. Choose another one.');
  if (names.ownersOfSkeleton(name.skeleton).some((other) => !equalBytes(other, identity)))
    throw wireError('name_confusable', "This name looks like somebody else's. Choose one that differs more.");
  if (names.namesOf(identity) >= MAX_NAMES_PER_IDENTITY)
    throw wireError('not_allowed', `This key owns ${MAX_NAMES_PER_IDENTITY} names already. Use one of them.`);
  names.claim(name.key, name.skeleton, identity);
}
