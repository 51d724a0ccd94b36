import type { Clock } from '../../../core/base/async.ts';
import { createDisposableStore } from '../../../core/base/disposable.ts';
import { createEmitter } from '../../../core/base/event.ts';
import type { MessagePortLike, RpcPort, RpcSchemas } from '../../../core/base/rpc/rpc.ts';
import type { Schema } from '../../../core/base/schema.ts';
import { createJsonPort } from './json-port.ts';
import { MAX_MESSAGE_CHARACTERS, permissionOf, sandboxSchemas, type SandboxMethods } from './protocol.ts';

/** Messages a second, on average and at once. */
const MESSAGES_PER_SECOND = 200;
/** Questions that may wait for an answer. */
const MAX_PENDING = 64;
/** Messages refused by the budget until the extension is ended; forgiven as fast as the budget refills. */
const MAX_EXCESS = 1000;
const MAX_STRIKES = 3;

/** Why an extension was ended by the guard. */
export type GuardVerdict = 'strikes' | 'flooding';

/** The main side's end of an extension's port, behind its budgets. */
export interface GuardedPort extends RpcPort {
  /** Argument schemas that count what they refuse. */
  readonly schemas: RpcSchemas<SandboxMethods>;
  readonly strikes: number;
  /** Questions asked so far, by method. */
  readonly calls: ReadonlyMap<string, number>;
}

/**
 * Puts budgets in front of everything that comes from an extension: length, number in time, number waiting.
 * Messages no honest runtime sends (unknown method, argument outside its schema, no JSON) are strikes; the third
 * ends the extension.
 */
export function createGuardedPort(
  raw: MessagePortLike,
  options: { readonly clock: Clock; readonly onVerdict: (verdict: GuardVerdict) => void },
): GuardedPort {
  const { clock, onVerdict } = options;
  const store = createDisposableStore();
  const messages = store.add(createEmitter<unknown>());
  const calls = new Map<string, number>();
  let strikes = 0;
  let ended = false;
  let pending = 0;
  let tokens = MESSAGES_PER_SECOND;
  let excess = 0;
  let refilledAt = clock.now();

  const end = (verdict: GuardVerdict): void => {
    if (ended) return;
    ended = true;
    onVerdict(verdict);
  };
  const strike = (): void => {
    strikes += 1;
    if (strikes >= MAX_STRIKES) end('strikes');
  };
  const takeToken = (): boolean => {
    const now = clock.now();
    const earned = ((now - refilledAt) / 1000) * MESSAGES_PER_SECOND;
    refilledAt = now;
    tokens = Math.min(MESSAGES_PER_SECOND, tokens + earned);
    excess = Math.max(0, excess - earned);
    if (tokens >= 1) {
      tokens -= 1;
      return true;
    }
    excess += 1;
    if (excess > MAX_EXCESS) end('flooding');
    return false;
  };

  const port = createJsonPort(raw, (characters) => {
    if (ended) return false;
    if (characters === undefined || characters > MAX_MESSAGE_CHARACTERS) {
      strike();
      return false;
    }
    return true;
  });
  const refuse = (id: unknown, code: string, message: string): void =>
    port.send({ kind: 'throw', id, code, message });

  store.add(
    port.onMessage((message) => {
      const wire = (typeof message === 'object' && message !== null ? message : {}) as Readonly<
        Record<string, unknown>
      >;
      const inBudget = takeToken();
      if (ended) return;
      if (wire['kind'] !== 'call') {
        if (wire['kind'] !== 'return' && wire['kind'] !== 'throw') strike();
        else if (inBudget) messages.fire(message);
        return;
      }
      const { id, name } = wire;
      if (typeof id !== 'number' || typeof name !== 'string' || permissionOf(name) === undefined) {
        strike();
        refuse(id, 'unknown_method', 'There is no such method.');
        return;
      }
      if (!inBudget) return refuse(id, 'rate_limited', `More than ${MESSAGES_PER_SECOND} calls a second.`);
      if (pending >= MAX_PENDING)
        return refuse(id, 'rate_limited', `More than ${MAX_PENDING} calls wait for their answer.`);
      pending += 1;
      calls.set(name, (calls.get(name) ?? 0) + 1);
      messages.fire(message);
    }),
  );

  const counting = <T>(schema: Schema<T>): Schema<T> => ({
    check(value, path) {
      try {
        return schema.check(value, path);
      } catch (error) {
        strike();
        throw error;
      }
    },
  });
  return {
    schemas: Object.fromEntries(
      Object.entries(sandboxSchemas).map(([name, schema]) => [name, counting(schema as Schema<unknown>)]),
    ) as unknown as RpcSchemas<SandboxMethods>,
    get strikes() {
      return strikes;
    },
    calls,
    send(message) {
      const { kind } = message as { readonly kind?: unknown };
      if (kind === 'return' || kind === 'throw') pending -= 1;
      port.send(message);
    },
    onMessage: messages.event,
    onClose: port.onClose,
    dispose() {
      ended = true;
      port.dispose();
      store.dispose();
    },
  };
}
