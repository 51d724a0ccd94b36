import type { AnswerOf, ClientRequest, RequestOf } from '../../core/protocol/control-message.ts';
import type { Session } from './session.ts';

/**
 * Answers a request: `reply` sends the `ok`, and events that follow from it are sent after it. Throwing
 * before the reply sends an `error` instead.
 */
export type Handler<T extends ClientRequest['t']> = (
  session: Session,
  request: RequestOf<T>,
  reply: (value: AnswerOf<T>) => void,
) => void | Promise<void>;

/** A handler for each request. */
export type Handlers = { readonly [T in ClientRequest['t']]: Handler<T> };
