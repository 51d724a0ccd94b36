import { afterEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { createDeferred } from './async.ts';
import { CodedError } from './coded-error.ts';
import { createDisposableStore, type Disposable } from './disposable.ts';
import { createEmitter } from './event.ts';
import { connectRpc, messagePortAdapter, serveRpc, type RpcClient, type RpcPort } from './rpc/rpc.ts';
import { integer, object } from './schema.ts';

type Methods = {
  readonly add: (argument: { readonly a: number; readonly b: number }) => number;
  readonly fail: (argument: { readonly how: string }) => null;
  readonly wait: (argument: null) => string;
};
type Events = { readonly tick: number };

/** Two ends that hand messages over as structured clones, later. */
function createPair(): readonly [RpcPort & { close(): void }, RpcPort & { close(): void }] {
  const end = () => ({ messages: createEmitter<unknown>(), closed: createEmitter<void>() });
  const [left, right] = [end(), end()];
  const port = (own: ReturnType<typeof end>, other: ReturnType<typeof end>) => ({
    send: (message: unknown) => {
      const copy: unknown = structuredClone(message);
      queueMicrotask(() => other.messages.fire(copy));
    },
    onMessage: own.messages.event,
    onClose: own.closed.event,
    close: () => other.closed.fire(),
    dispose: () => {},
  });
  return [port(left, right), port(right, left)];
}

const held: Disposable[] = [];
afterEach(() => {
  for (const each of held.splice(0)) each.dispose();
});
const setUp = (schemas = false) => {
  const [near, far] = createPair();
  const gate = createDeferred<string>();
  const internal: unknown[] = [];
  const server = serveRpc<Methods, Events>(
    far,
    {
      add: ({ a, b }) => a + b,
      fail: ({ how }) => {
        if (how === 'coded') throw new CodedError('rate_limited', 'Slow down', 250);
        throw new Error('secret internals');
      },
      wait: () => gate.promise,
    },
    {
      onInternalError: (_method, error) => internal.push(error),
      ...(schemas
        ? {
            schemas: {
              add: object({ a: integer(), b: integer() }),
              fail: { check: (value) => value as { how: string } },
              wait: { check: () => null },
            },
          }
        : {}),
    },
  );
  const client: RpcClient<Methods, Events> = connectRpc<Methods, Events>(near);
  held.push(server, client);
  return { near, far, server, client, gate, internal };
};

describe('rpc', () => {
  it('answers calls, also out of order', async () => {
    const { client, gate } = setUp();
    const slow = client.call('wait', null);
    expect(await client.call('add', { a: 2, b: 3 })).toBe(5);
    gate.resolve('done');
    expect(await slow).toBe('done');
  });

  it('carries coded errors and hides others', async () => {
    const { client, internal } = setUp();
    await expect(client.call('fail', { how: 'coded' })).rejects.toMatchObject({
      code: 'rate_limited',
      message: 'Slow down',
      retryAfterMs: 250,
    });
    await expect(client.call('fail', { how: 'other' })).rejects.toMatchObject({
      code: 'internal',
      message: 'Something went wrong inside',
    });
    expect(internal).toEqual([new Error('secret internals')]);
  });

  it('knows only its own methods', async () => {
    const { client } = setUp();
    for (const name of ['nope', 'toString', '__proto__', 'constructor'])
      await expect(client.call(name as 'add', { a: 1, b: 1 })).rejects.toMatchObject({
        code: 'unknown_method',
      });
  });

  it('checks arguments where schemas are given', async () => {
    const { client } = setUp(true);
    await expect(client.call('add', { a: 'x' as never, b: 1 })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: 'add: a: expected a whole number from 0 to 9007199254740991',
    });
    expect(await client.call('add', { a: 1, b: 1 })).toBe(2);
    await expect(client.call('hasOwnProperty' as 'add', { a: 1, b: 1 })).rejects.toMatchObject({
      code: 'unknown_method',
    });
  });

  it('delivers events', async () => {
    const { client, server } = setUp();
    const first = createDeferred<number>();
    held.push(client.on('tick')(first.resolve));
    server.emit('tick', 7);
    expect(await first.promise).toBe(7);
  });

  it('fails what is under way, and what comes later, when the other side is gone', async () => {
    const { client, far } = setUp();
    let closed = 0;
    held.push(client.onClose(() => closed++));
    const waiting = client.call('wait', null);
    far.close();
    far.close();
    await expect(waiting).rejects.toMatchObject({ code: 'port_closed' });
    await expect(client.call('add', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'port_closed' });
    expect(closed).toBe(1);
  });

  it('ignores messages that are none of its own', () => {
    const { near, far, client } = setUp(true);
    fc.assert(
      fc.property(
        fc.anything(),
        fc.constantFrom('call', 'return', 'throw', 'event', 'other'),
        (value, kind) => {
          for (const port of [near, far]) {
            port.send(structuredCloneable(value));
            port.send(
              structuredCloneable({ ...(typeof value === 'object' ? value : {}), kind, name: 'nope' }),
            );
          }
        },
      ),
      { numRuns: 200 },
    );
    return expect(client.call('add', { a: 1, b: 1 })).resolves.toBe(2);
  });

  it('works over real message ports', async () => {
    const { port1, port2 } = new MessageChannel();
    const store = createDisposableStore();
    const [near, far] = [
      store.add(messagePortAdapter(port1 as never)),
      store.add(messagePortAdapter(port2 as never)),
    ];
    const server = store.add(serveRpc<Pick<Methods, 'add'>, Events>(far, { add: ({ a, b }) => a + b }));
    const client = store.add(connectRpc<Pick<Methods, 'add'>, Events>(near));
    const ticked = createDeferred<number>();
    store.add(client.on('tick')(ticked.resolve));
    expect(await client.call('add', { a: 20, b: 22 })).toBe(42);
    server.emit('tick', 1);
    expect(await ticked.promise).toBe(1);
    store.dispose();
  });
});

function structuredCloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return undefined;
  }
}
