import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { randomBytes, type Bytes } from '../../core/base/bytes.ts';
import {
  decodeServerMessage,
  encodeMessage,
  type ClientMessage,
  type ServerMessage,
} from '../../core/protocol/control-message.ts';
import { createFrameReader, frameMessage, MAX_MESSAGE_BYTES } from '../../core/protocol/framing.ts';
import { sessionSigningInput } from '../../core/protocol/session-signature.ts';

/** A client that speaks the wire protocol and nothing above it, over Deno's own WebTransport. */
export interface WireConnection {
  send(message: ClientMessage): Promise<void>;
  /** Bytes onto the control stream as they are. */
  sendRaw(bytes: Uint8Array): Promise<void>;
  sendDatagram(datagram: Uint8Array): void;
  /** Stops reading the control stream for good. */
  pauseReading(): void;
  close(): void;
}

/** What a connection tells its owner. */
export interface WireObserver {
  onMessage(message: ServerMessage): void;
  onDatagram(datagram: Uint8Array): void;
  onClosed(): void;
}

/** Connects and opens the control stream. */
export async function openWireConnection(
  target: {
    readonly port: number;
    readonly certificateHash: Uint8Array;
    readonly path?: string;
  },
  observer: WireObserver,
): Promise<WireConnection> {
  const transport = new WebTransport(`https://127.0.0.1:${target.port}${target.path ?? '/session'}`, {
    serverCertificateHashes: [{ algorithm: 'sha-256', value: target.certificateHash as Bytes }],
  });
  keepAlive.add(transport);
  transport.closed.then(
    () => observer.onClosed(),
    () => observer.onClosed(),
  );
  await transport.ready;
  const stream = await transport.createBidirectionalStream();
  const writer = (stream.writable as WritableStream<Uint8Array>).getWriter();
  writer.closed.catch(() => {});
  const datagrams = (transport.datagrams.writable as WritableStream<Uint8Array>).getWriter();
  datagrams.closed.catch(() => {});
  let paused = false;
  void (async () => {
    const frames = createFrameReader(MAX_MESSAGE_BYTES);
    const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
    while (!paused) {
      const { value, done } = await reader.read();
      if (done) return;
      for (const encoded of frames.push(value)) {
        const message = decodeServerMessage(encoded);
        if (!message.ok) throw new Error(`the relay sent what no client understands: ${message.error}`);
        observer.onMessage(message.value);
      }
    }
  })().catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('the relay sent')) throw error;
  });
  void (async () => {
    const reader = (transport.datagrams.readable as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      observer.onDatagram(value);
    }
  })().catch(() => {});
  return {
    send: (message) => writer.write(frameMessage(encodeMessage(message))),
    sendRaw: (bytes) => writer.write(bytes),
    sendDatagram: (datagram) => void datagrams.write(datagram as Bytes).catch(() => {}),
    pauseReading() {
      paused = true;
    },
    close() {
      try {
        transport.close();
      } catch {
        // Closed already.
      }
    },
  };
}

/** Collected transports lose their streams. */
const keepAlive = new Set<WebTransport>();

/** An Ed25519 key from a 32-byte seed. */
export interface WireIdentity {
  readonly identity: Bytes;
  sign(message: Uint8Array): Bytes;
}

/** Makes the key of a seed. */
export function wireIdentity(seed: Uint8Array): WireIdentity {
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    identity: new Uint8Array(spki.subarray(spki.length - 32)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** What a client signs in answer to a challenge. */
export function answerChallenge(
  key: WireIdentity,
  hello: { readonly nonce: Uint8Array },
  challenge: Extract<ServerMessage, { readonly t: 'challenge' }>,
  certificateHash: Uint8Array,
): Bytes {
  return key.sign(
    sessionSigningInput('client', {
      clientNonce: hello.nonce,
      serverNonce: challenge.nonce,
      serverId: challenge.serverId,
      identity: key.identity,
      certificateHash,
    }),
  );
}

/** A hello of an ordinary client. */
export function makeHello(key: WireIdentity, name: string): Extract<ClientMessage, { readonly t: 'hello' }> {
  return {
    t: 'hello',
    versions: [1],
    nonce: randomBytes(32),
    identity: key.identity,
    name,
    capabilities: [],
  };
}
