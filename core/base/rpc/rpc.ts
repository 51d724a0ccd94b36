import { CodedError } from '../coded-error.ts';
import { createDeferred, type Deferred } from '../async.ts';
import { createDisposableStore, type Disposable } from '../disposable.ts';
import { createEmitter, type Emitter, type Event } from '../event.ts';
import { parse, type Schema } from '../schema.ts';

/**
 * Typed request/response and events over anything that carries structured messages: a MessagePort between
 * workers, a WebSocket to the web host, Electron's ports. One argument and one result per method, both
 * plain data.
 */

/** Methods of a contract: name to (argument) => result. */
export type RpcMethods = { readonly [name: string]: (argument: never) => unknown };
/** Events of a contract: name to payload. */
export type RpcEvents = { readonly [name: string]: unknown };

/** The transport below: delivers messages in order or closes. */
export interface RpcPort extends Disposable {
  send(message: unknown, transfer?: readonly object[]): void;
  readonly onMessage: Event<unknown>;
  /** Fired once when the other side is gone. */
  readonly onClose: Event<void>;
}

type Awaitable<T> = T | Promise<T>;
/** What the serving side provides. */
export type RpcHandlers<M extends RpcMethods> = {
  readonly [N in keyof M]: (argument: Parameters<M[N]>[0]) => Awaitable<ReturnType<M[N]>>;
};

/** Argument schemas for ports whose other side is not trusted; every method must have one. */
export type RpcSchemas<M extends RpcMethods> = { readonly [N in keyof M]: Schema<Parameters<M[N]>[0]> };

/** The serving side. */
export interface RpcServer<E extends RpcEvents> extends Disposable {
  emit<N extends keyof E & string>(name: N, payload: E[N], transfer?: readonly object[]): void;
}

/** The calling side. Rejections are CodedError with the code the other side gave. */
export interface RpcClient<M extends RpcMethods, E extends RpcEvents> extends Disposable {
  call<N extends keyof M & string>(
    name: N,
    argument: Parameters<M[N]>[0],
    transfer?: readonly object[],
  ): Promise<Awaited<ReturnType<M[N]>>>;
  /** The event of that name. */
  on<N extends keyof E & string>(name: N): Event<E[N]>;
  readonly onClose: Event<void>;
}

type Wire =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly argument: unknown }
  | { readonly kind: 'return'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'throw';
      readonly id: number;
      readonly code: string;
      readonly message: string;
      readonly retryAfterMs?: number;
    }
  | { readonly kind: 'event'; readonly name: string; readonly payload: unknown };

/**
 * Serves `handlers` on a port. Errors that are no CodedError reach the caller as code `internal` with a
 * fixed text, so that nothing internal leaks across a trust boundary.
 */
export function serveRpc<M extends RpcMethods, E extends RpcEvents>(
  port: RpcPort,
  handlers: RpcHandlers<M>,
  options: {
    readonly schemas?: RpcSchemas<M>;
    readonly onInternalError?: (method: string, error: unknown) => void;
  } = {},
): RpcServer<E> {
  const store = createDisposableStore();
  const answer = async (id: number, name: string, argument: unknown): Promise<void> => {
    try {
      if (!Object.hasOwn(handlers, name))
        throw new CodedError('unknown_method', `There is no method "${name}"`);
      let checked = argument;
      const schema = options.schemas?.[name];
      if (options.schemas) {
        const parsed = schema ? parse(schema, argument) : undefined;
        if (!parsed) throw new CodedError('unknown_method', `There is no method "${name}"`);
        if (!parsed.ok)
          throw new CodedError(
            'invalid_argument',
            `${name}: ${parsed.error.path === '' ? 'argument' : parsed.error.path}: ${parsed.error.message}`,
          );
        checked = parsed.value;
      }
      const handler = handlers[name] as (argument: unknown) => unknown;
      port.send({ kind: 'return', id, value: await handler(checked) } satisfies Wire);
    } catch (error) {
      if (error instanceof CodedError) {
        port.send({
          kind: 'throw',
          id,
          code: error.code,
          message: error.message,
          ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
        } satisfies Wire);
        return;
      }
      options.onInternalError?.(name, error);
      port.send({
        kind: 'throw',
        id,
        code: 'internal',
        message: 'Something went wrong inside',
      } satisfies Wire);
    }
  };
  store.add(
    port.onMessage((message) => {
      const wire = readWire(message);
      if (wire?.kind === 'call') void answer(wire.id, wire.name, wire.argument);
    }),
  );
  return {
    emit(name, payload, transfer) {
      port.send({ kind: 'event', name, payload } satisfies Wire, transfer);
    },
    dispose: () => store.dispose(),
  };
}

/** Calls what the other end of the port serves. */
export function connectRpc<M extends RpcMethods, E extends RpcEvents>(port: RpcPort): RpcClient<M, E> {
  const store = createDisposableStore();
  const pending = new Map<number, Deferred<unknown>>();
  const emitters = new Map<string, Emitter<unknown>>();
  const closed = store.add(createEmitter<void>());
  let nextId = 1;
  let isClosed = false;
  const failAll = (): void => {
    if (isClosed) return;
    isClosed = true;
    for (const waiting of pending.values())
      waiting.reject(new CodedError('port_closed', 'The other side is gone'));
    pending.clear();
    closed.fire();
  };
  store.add(
    port.onMessage((message) => {
      const wire = readWire(message);
      if (!wire) return;
      if (wire.kind === 'event') {
        emitters.get(wire.name)?.fire(wire.payload);
        return;
      }
      if (wire.kind === 'call') return;
      const waiting = pending.get(wire.id);
      if (!waiting) return;
      pending.delete(wire.id);
      if (wire.kind === 'return') waiting.resolve(wire.value);
      else waiting.reject(new CodedError(wire.code, wire.message, wire.retryAfterMs));
    }),
  );
  store.add(port.onClose(failAll));
  return {
    async call(name, argument, transfer) {
      if (isClosed) throw new CodedError('port_closed', 'The other side is gone');
      const id = nextId++;
      const waiting = createDeferred<unknown>();
      pending.set(id, waiting);
      port.send({ kind: 'call', id, name, argument } satisfies Wire, transfer);
      return (await waiting.promise) as never;
    },
    on(name) {
      let emitter = emitters.get(name);
      if (!emitter) {
        emitter = store.add(createEmitter<unknown>());
        emitters.set(name, emitter);
      }
      return emitter.event as Event<never>;
    },
    onClose: closed.event,
    dispose() {
      failAll();
      store.dispose();
    },
  };
}

function readWire(message: unknown): Wire | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const wire = message as Record<string, unknown>;
  switch (wire['kind']) {
    case 'call':
      return typeof wire['id'] === 'number' && typeof wire['name'] === 'string'
        ? (wire as unknown as Wire)
        : undefined;
    case 'return':
      return typeof wire['id'] === 'number' ? (wire as unknown as Wire) : undefined;
    case 'throw':
      return typeof wire['id'] === 'number' &&
        typeof wire['code'] === 'string' &&
        typeof wire['message'] === 'string'
        ? (wire as unknown as Wire)
        : undefined;
    case 'event':
      return typeof wire['name'] === 'string' ? (wire as unknown as Wire) : undefined;
    default:
      return undefined;
  }
}

/** The part of a MessagePort or Worker that we use; the same in every runtime. */
export interface MessagePortLike {
  postMessage(message: unknown, transfer: never[]): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  removeEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  start?(): void;
  close?(): void;
}

/** Adapts a MessagePort or Worker. Disposing closes it (a Worker must be terminated by its owner). */
export function messagePortAdapter(port: MessagePortLike): RpcPort {
  const store = createDisposableStore();
  const messages = store.add(createEmitter<unknown>());
  const closed = store.add(createEmitter<void>());
  const listener = (event: { readonly data: unknown }): void => messages.fire(event.data);
  port.addEventListener('message', listener);
  port.start?.();
  return {
    send: (message, transfer) => port.postMessage(message, (transfer ?? []) as never[]),
    onMessage: messages.event,
    onClose: closed.event,
    dispose() {
      port.removeEventListener('message', listener);
      port.close?.();
      closed.fire();
      store.dispose();
    },
  };
}
