import { createDeferred, withTimeout, type Clock, type Deferred } from '../base/async.ts';
import { equalBytes, randomBytes, type Bytes } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Event } from '../base/event.ts';
import { logCode, type Logger } from '../base/log.ts';
import { sign, verifySignature, type Identity } from '../crypto/identity.ts';
import type { TransportOptions } from '../media/media-contract.ts';
import {
  checkAnswer,
  decodeServerMessage,
  encodeMessage,
  PROTOCOL_VERSIONS,
  type AnswerOf,
  type ClientMessage,
  type ClientRequest,
  type RequestOf,
  type ServerEvent,
  type ServerMessage,
} from '../protocol/control-message.ts';
import type { WireErrorCode } from '../protocol/error-code.ts';
import { createFrameReader, frameMessage, MAX_FRAME_BYTES, MAX_MESSAGE_BYTES } from '../protocol/framing.ts';
import { sessionSigningInput } from '../protocol/session-signature.ts';
import type { MediaPort } from './ports.ts';
import { sessionError } from './session-error.ts';
import { shownText } from './shown-name.ts';

/** A request without the id, which the channel gives. */
export type RequestFields<T extends ClientRequest['t']> = Omit<RequestOf<T>, 't' | 'id'>;

/** The server's `welcome`. */
export type Welcome = Extract<ServerMessage, { readonly t: 'welcome' }>;

/** An authenticated control stream. */
export interface ControlChannel extends Disposable {
  readonly transport: number;
  readonly transportKind: 'quic' | 'fallback';
  readonly welcome: Welcome;
  /**
   * Sends a request and waits for its answer.
   * @throws CodedError with the relay's code, `timeout` or `disconnected`.
   */
  request<T extends ClientRequest['t']>(t: T, fields: RequestFields<T>): Promise<AnswerOf<T>>;
  readonly onEvent: Event<ServerEvent>;
  /** Lets events through. Those that came before are kept until then, so that no listener misses one. */
  start(): void;
  /** Fired once when the stream is gone, with the reason to show. */
  readonly onClose: Event<CodedError>;
}

/** What is needed to open a channel. */
export interface ControlChannelOptions {
  readonly media: MediaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly target: TransportOptions;
  /** The server's identity key; anybody else is refused. */
  readonly serverId: Bytes;
  readonly identity: Identity;
  readonly displayName: string;
  readonly password: string | undefined;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Generous, because a commit for hundreds of members may be on its way up. */
const REQUEST_TIMEOUT_MS = 15_000;

/** The server must not make a client wait for longer; beyond 2^31 ms a timer would fire at once. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;
const HANDSHAKE_MESSAGES: ReadonlySet<ServerMessage['t']> = new Set(['challenge', 'welcome', 'refused']);

/** An error as the server tells it, with text fit to be shown. */
function serverError(told: {
  readonly code: WireErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
}): CodedError {
  return new CodedError(
    told.code,
    shownText(told.message),
    told.retryAfterMs === undefined ? undefined : Math.min(told.retryAfterMs, MAX_RETRY_AFTER_MS),
  );
}

/**
 * Opens the transport and runs the handshake of protocol.md §2.
 * @throws CodedError: the relay's refusal, or `server_not_authentic`, `transport_failed`, `timeout`.
 */
export async function openControlChannel(options: ControlChannelOptions): Promise<ControlChannel> {
  const { media, clock, logger } = options;
  const { transport, kind } = await media.connect(options.target);
  const store = createDisposableStore();
  const events = store.add(createEmitter<ServerEvent>());
  const closed = store.add(createEmitter<CodedError>());
  const pending = new Map<number, { readonly t: ClientRequest['t']; readonly answer: Deferred<unknown> }>();
  // Whoever is there has proved nothing yet.
  const reader = createFrameReader(MAX_FRAME_BYTES);
  let nextId = 1;
  let isClosed = false;
  /** Why it closed. */
  let closedBy: CodedError | undefined;
  let held: ServerEvent[] | undefined = [];
  const fire = (event: ServerEvent): void => {
    if (held) held.push(event);
    else events.fire(event);
  };
  let ending: CodedError | undefined;
  /** Takes the next step of the handshake; unset while none is awaited. */
  let handshake: ((message: ServerMessage) => void) | undefined;
  /** The server has shown who it is, and this client has answered. */
  let proved = false;
  let welcomed = false;
  let failHandshake: ((error: CodedError) => void) | undefined;

  const close = (error: CodedError, tell: boolean): void => {
    if (isClosed) return;
    isClosed = true;
    closedBy = error;
    for (const { answer } of pending.values()) answer.reject(error);
    pending.clear();
    failHandshake?.(error);
    if (tell) closed.fire(error);
    store.dispose();
  };
  const breakOff = (error: CodedError): void => {
    void media.close(transport).catch(() => {});
    close(error, true);
  };
  const send = (message: ClientMessage): void => media.send(transport, frameMessage(encodeMessage(message)));

  const handle = (message: ServerMessage): void => {
    if (!welcomed && !HANDSHAKE_MESSAGES.has(message.t)) {
      breakOff(sessionError('protocol_error', 'The server sent something before the handshake was over.'));
      return;
    }
    switch (message.t) {
      case 'challenge':
      case 'welcome':
      case 'refused':
        if (handshake) {
          welcomed = message.t === 'welcome' && proved;
          const step = handshake;
          handshake = undefined;
          step(message);
        } else
          breakOff(
            sessionError('protocol_error', 'The server repeated a step of the handshake. Reconnecting.'),
          );
        return;
      case 'ok':
      case 'error': {
        const waiting = pending.get(message.id);
        if (!waiting) return;
        pending.delete(message.id);
        if (message.t === 'error') {
          waiting.answer.reject(serverError(message));
          return;
        }
        const checked = checkAnswer(waiting.t, message.value);
        if (checked.ok) waiting.answer.resolve(checked.value);
        else
          waiting.answer.reject(
            sessionError('protocol_error', `The server answered ${waiting.t} wrongly: ${checked.error}`),
          );
        return;
      }
      case 'session.ended':
        ending = serverError(message);
        fire(message);
        return;
      default:
        fire(message);
    }
  };

  store.add(
    media.onReceive((received) => {
      if (received.transport !== transport || isClosed) return;
      try {
        for (const encoded of reader.push(received.bytes)) {
          const message = decodeServerMessage(encoded);
          if (!message.ok) {
            logger.log('warn', 'control.malformed');
            breakOff(sessionError('protocol_error', `The server sent something malformed: ${message.error}`));
            return;
          }
          handle(message.value);
          if (isClosed) return;
        }
      } catch {
        breakOff(sessionError('protocol_error', 'The server broke the framing of the control stream.'));
      }
    }),
  );
  store.add(
    media.onClose(({ transport: gone, reason }) => {
      if (gone !== transport) return;
      logger.log('info', 'control.closed', { reason: logCode(reason) });
      close(
        ending ??
          sessionError(
            'disconnected',
            reason === 'unresponsive'
              ? 'The server stopped answering.'
              : 'The connection to the server was lost.',
          ),
        true,
      );
    }),
  );

  const clientNonce = randomBytes(32);
  const runHandshake = async (): Promise<Welcome> => {
    const next = createDeferred<ServerMessage>();
    let waiting = next;
    handshake = (message) => waiting.resolve(message);
    failHandshake = (error) => waiting.reject(error);
    send({
      t: 'hello',
      versions: PROTOCOL_VERSIONS,
      nonce: clientNonce,
      identity: options.identity.publicKey,
      name: options.displayName,
      capabilities: [],
    });
    const challenge = await waiting.promise;
    if (challenge.t === 'refused') throw serverError(challenge);
    if (challenge.t !== 'challenge')
      throw sessionError('protocol_error', 'The server skipped a step of the handshake.');
    if (!PROTOCOL_VERSIONS.includes(challenge.version))
      throw sessionError('version_unsupported', 'The server speaks another version. Update Conclave.');
    if (!equalBytes(challenge.serverId, options.serverId))
      throw sessionError(
        'server_identity_changed',
        'The server that answered is not the one its address belongs to.',
      );
    // The browser does not say which of the accepted certificates is in use, so each is tried; the relay
    // could only have signed over one whose key it holds.
    const transcriptFor = (certificateHash: Bytes): Parameters<typeof sessionSigningInput>[1] => ({
      clientNonce,
      serverNonce: challenge.nonce,
      serverId: challenge.serverId,
      identity: options.identity.publicKey,
      certificateHash,
    });
    const inUse = options.target.certificateHashes.find((hash) =>
      verifySignature(
        challenge.serverId,
        sessionSigningInput('server', transcriptFor(hash)),
        challenge.signature,
      ),
    );
    if (!inUse)
      throw sessionError(
        'server_not_authentic',
        'The server could not prove its identity. Somebody may be between you and it. Do not continue on this network.',
      );
    // It may have closed between the two steps, when nobody was waiting.
    if (closedBy) throw closedBy;
    waiting = createDeferred<ServerMessage>();
    handshake = (message) => waiting.resolve(message);
    proved = true;
    reader.setMaxMessageBytes(MAX_MESSAGE_BYTES);
    failHandshake = (error) => waiting.reject(error);
    send({
      t: 'authenticate',
      signature: sign(options.identity, sessionSigningInput('client', transcriptFor(inUse))),
      ...(options.password === undefined ? {} : { password: options.password }),
    });
    const answer = await waiting.promise;
    if (answer.t === 'refused') throw serverError(answer);
    if (answer.t !== 'welcome')
      throw sessionError('protocol_error', 'The server skipped a step of the handshake.');
    return answer;
  };

  let welcome: Welcome;
  try {
    welcome = await withTimeout(clock, HANDSHAKE_TIMEOUT_MS, runHandshake(), () =>
      sessionError('timeout', 'The server did not finish the handshake in time.'),
    );
  } catch (error) {
    void media.close(transport).catch(() => {});
    const coded = error instanceof CodedError ? error : sessionError('internal', 'The handshake failed.');
    close(coded, false);
    throw coded;
  }
  handshake = undefined;
  failHandshake = undefined;
  logger.log('info', 'control.open', { session: welcome.session, transport: logCode(kind) });

  return {
    transport,
    transportKind: kind,
    welcome,
    onEvent: events.event,
    start() {
      const waiting = held ?? [];
      held = undefined;
      for (const event of waiting) events.fire(event);
    },
    onClose: closed.event,
    async request(t, fields) {
      if (isClosed) throw sessionError('disconnected', 'There is no connection to the server.');
      const id = nextId++;
      const answer = createDeferred<unknown>();
      try {
        send({ t, id, ...fields } as unknown as ClientRequest);
        pending.set(id, { t, answer });
        return (await withTimeout(clock, REQUEST_TIMEOUT_MS, answer.promise, () =>
          sessionError('timeout', 'The server did not answer in time.'),
        )) as never;
      } finally {
        pending.delete(id);
      }
    },
    dispose() {
      if (isClosed) return;
      void media.close(transport).catch(() => {});
      close(sessionError('disconnected', 'Disconnected.'), false);
    },
  };
}
