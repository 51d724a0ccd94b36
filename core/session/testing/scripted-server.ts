import { createEmitter } from '../../base/event.ts';
import { randomBytes, type Bytes } from '../../base/bytes.ts';
import { generateIdentity, sign, verifySignature, type Identity } from '../../crypto/identity.ts';
import type { MediaStats, TransportCloseReason, TransportOptions } from '../../media/media-contract.ts';
import {
  decodeClientHandshake,
  decodeClientRequest,
  encodeMessage,
  type ClientRequest,
  type ServerMessage,
} from '../../protocol/control-message.ts';
import { createFrameReader, frameMessage, MAX_MESSAGE_BYTES } from '../../protocol/framing.ts';
import { descriptorSigningInput, encodeDescriptor } from '../../protocol/server-descriptor.ts';
import { sessionSigningInput } from '../../protocol/session-signature.ts';
import type { MediaPort } from '../ports.ts';

/**
 * The other end of a control stream, obeying the protocol as far as a test lets it. It is for what a real
 * relay never does (lie, forge, fall silent at a chosen moment); everything else is tested on the real one.
 */
export interface ScriptedServer {
  readonly media: MediaPort;
  readonly identity: Identity;
  readonly requests: readonly ClientRequest[];
  readonly connects: readonly TransportOptions[];
  /** How often QUIC was tried beside the transport in use. */
  readonly probes: number;
  descriptor(): Bytes;
  /** Changes what the server does from now on. */
  readonly behaviour: {
    identity: Identity;
    forgeSignature: boolean;
    silent: boolean;
    refuse: { readonly code: 'name_taken' | 'server_full'; readonly retryAfterMs?: number } | undefined;
    unreachable: boolean;
    /** What the next transports are. */
    transport: 'quic' | 'fallback';
    /** Sent in one piece with the welcome. */
    afterWelcome: readonly ServerMessage[];
    answer: (request: ClientRequest) => ServerMessage;
  };
  /** One second of statistics, with so many voice frames sent since the start. */
  tellStats(framesSent: number): void;
  send(message: ServerMessage): void;
  sendRaw(bytes: Bytes): void;
  drop(reason: TransportCloseReason): void;
  dispose(): void;
}

/** Makes a server with one certificate and one room. */
export function createScriptedServer(wallTime: () => number): ScriptedServer {
  const received = createEmitter<{ readonly transport: number; readonly bytes: Bytes }>();
  const closed = createEmitter<{ readonly transport: number; readonly reason: TransportCloseReason }>();
  const stats = createEmitter<MediaStats>();
  const counts = { probes: 0 };
  const certificate = randomBytes(32);
  const requests: ClientRequest[] = [];
  const connects: TransportOptions[] = [];
  let transport = 0;
  let reader = createFrameReader(MAX_MESSAGE_BYTES);
  let hello: { readonly nonce: Bytes; readonly identity: Bytes } | undefined;
  let serverNonce = randomBytes(32);
  const behaviour: ScriptedServer['behaviour'] = {
    identity: generateIdentity(),
    forgeSignature: false,
    silent: false,
    refuse: undefined,
    unreachable: false,
    transport: 'quic',
    afterWelcome: [],
    answer: (request) => ({ t: 'ok', id: request.id, value: {} }),
  };
  const emit = (...messages: readonly ServerMessage[]): void => {
    const frames = messages.map((message) => frameMessage(encodeMessage(message)));
    const bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
    let offset = 0;
    for (const frame of frames) {
      bytes.set(frame, offset);
      offset += frame.length;
    }
    received.fire({ transport, bytes });
  };
  const transcript = (): Parameters<typeof sessionSigningInput>[1] => ({
    clientNonce: (hello as NonNullable<typeof hello>).nonce,
    serverNonce,
    serverId: behaviour.identity.publicKey,
    identity: (hello as NonNullable<typeof hello>).identity,
    certificateHash: certificate,
  });
  const handle = (encoded: Bytes): void => {
    if (behaviour.silent) return;
    const handshake = decodeClientHandshake(encoded);
    if (!handshake.ok) {
      const request = decodeClientRequest(encoded);
      if (!request.ok) throw new Error(request.error);
      requests.push(request.value);
      emit(behaviour.answer(request.value));
      return;
    }
    if (handshake.value.t === 'hello') {
      hello = handshake.value;
      serverNonce = randomBytes(32);
      const signer = behaviour.forgeSignature ? generateIdentity() : behaviour.identity;
      emit({
        t: 'challenge',
        version: 1,
        serverId: behaviour.identity.publicKey,
        nonce: serverNonce,
        signature: sign(signer, sessionSigningInput('server', transcript())),
      });
      return;
    }
    const known = hello as NonNullable<typeof hello>;
    if (
      !verifySignature(known.identity, sessionSigningInput('client', transcript()), handshake.value.signature)
    )
      throw new Error('the client signed something else');
    if (behaviour.refuse) {
      emit({ t: 'refused', message: 'No.', ...behaviour.refuse });
      return;
    }
    emit(
      {
        t: 'welcome',
        session: 7,
        roles: [],
        verified: false,
        serverName: 'Harbour',
        limits: { roomNameLength: 32, rooms: 50, messagesPerSecond: 50 },
        rooms: [
          { id: 1, parent: null, name: 'Lobby', description: '', limit: 0, gated: false, permanent: true },
        ],
        people: [],
        subscriptions: [],
      },
      ...behaviour.afterWelcome,
    );
  };
  return {
    behaviour,
    requests,
    connects,
    get probes() {
      return counts.probes;
    },
    get identity() {
      return behaviour.identity;
    },
    media: {
      connect(options) {
        connects.push(options);
        if (behaviour.unreachable) return Promise.reject(new Error('unreachable'));
        transport += 1;
        reader = createFrameReader(MAX_MESSAGE_BYTES);
        return Promise.resolve({ transport, kind: behaviour.transport });
      },
      probeQuic() {
        counts.probes += 1;
        return Promise.resolve(behaviour.transport === 'quic');
      },
      close: () => Promise.resolve(),
      send(_, bytes) {
        // Answers come later, as they do from a network.
        for (const encoded of reader.push(bytes)) queueMicrotask(() => handle(encoded));
      },
      startCall: () => Promise.resolve(),
      stopCall: () => Promise.resolve(),
      setEpoch: () => Promise.resolve(),
      setTransmission: () => Promise.resolve(),
      setVolume: () => Promise.resolve(),
      onReceive: received.event,
      onClose: closed.event,
      onStats: stats.event,
    },
    descriptor() {
      const now = Math.round(wallTime() / 1000);
      const unsigned = {
        v: 1,
        serverId: behaviour.identity.publicKey,
        name: 'Harbour',
        endpoints: [
          { kind: 'quic' as const, port: 8443 },
          { kind: 'fallback' as const, port: 8444 },
        ],
        certs: [
          { sha256: randomBytes(32), notBefore: now, notAfter: now + 1000 },
          { sha256: certificate, notBefore: now, notAfter: now + 1000 },
        ],
        gate: 'none' as const,
        issuedAt: now,
        expiresAt: now + 3600,
      };
      return encodeDescriptor({
        ...unsigned,
        signature: sign(behaviour.identity, descriptorSigningInput(unsigned)),
      });
    },
    tellStats: (framesSent) =>
      stats.fire({
        rttMs: 1,
        lossPercent: 0,
        jitterMs: 0,
        framesSent,
        framesReceived: 0,
        datagramsSent: 0,
        datagramsReceived: 0,
        rejected: 0,
        otherEpoch: 0,
        kbpsIn: 0,
        kbpsOut: 0,
        people: [],
      }),
    send: (message) => emit(message),
    sendRaw: (bytes) => received.fire({ transport, bytes }),
    drop: (reason) => closed.fire({ transport, reason }),
    dispose() {
      received.dispose();
      closed.dispose();
      stats.dispose();
    },
  };
}
