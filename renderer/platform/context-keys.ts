import { createDisposableStore, toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import {
  evaluateWhen,
  keysOfWhen,
  parseWhen,
  type ContextKeyValue,
  type WhenExpression,
} from './when-clause.ts';

export type { ContextKeyValue } from './when-clause.ts';

/** Values that hold in one place only, for example `viewItem` of the row a menu is opened on. */
export type ContextOverlay = Readonly<Record<string, ContextKeyValue>>;

/** What changed. */
export interface ContextKeyChange {
  /** Whether one of these keys changed. */
  affects(keys: ReadonlySet<string>): boolean;
}

/** Context keys: the facts that `when` clauses are about. */
export interface ContextKeyService extends Disposable {
  set(key: string, value: ContextKeyValue): void;
  /** Sets several keys with one change event. */
  setAll(values: ContextOverlay): void;
  get(key: string): ContextKeyValue;
  /** All keys with a value, sorted, for the inspector. */
  entries(): readonly (readonly [string, ContextKeyValue])[];
  /**
   * Evaluates a `when` clause; `undefined` and '' hold always. A clause that cannot be parsed never holds
   * and is told to `onDidFindProblem` once.
   */
  evaluate(when: string | undefined, overlay?: ContextOverlay): boolean;
  /** Calls the listener with the clause's truth now and whenever it changes. */
  watch(when: string | undefined, listener: (holds: boolean) => void): Disposable;
  readonly onDidChange: Event<ContextKeyChange>;
  readonly onDidFindProblem: Event<{ readonly when: string; readonly message: string }>;
}

/** Makes a service without keys. */
export function createContextKeyService(): ContextKeyService {
  const store = createDisposableStore();
  const values = new Map<string, ContextKeyValue>();
  const parsed = new Map<string, WhenExpression | null>();
  const changed = store.add(createEmitter<ContextKeyChange>());
  const problems = store.add(createEmitter<{ readonly when: string; readonly message: string }>());

  const expressionOf = (when: string): WhenExpression | null => {
    let expression = parsed.get(when);
    if (expression === undefined) {
      const result = parseWhen(when);
      expression = result.ok ? result.value : null;
      parsed.set(when, expression);
      if (!result.ok)
        problems.fire({ when, message: `${result.error.message} (at position ${result.error.offset + 1})` });
    }
    return expression;
  };
  const evaluate = (when: string | undefined, overlay?: ContextOverlay): boolean => {
    if (when === undefined || when.trim() === '') return true;
    const expression = expressionOf(when);
    if (!expression) return false;
    return evaluateWhen(expression, (key) =>
      overlay && Object.hasOwn(overlay, key) ? overlay[key] : values.get(key),
    );
  };
  const setAll = (next: ContextOverlay): void => {
    const changedKeys = new Set<string>();
    for (const [key, value] of Object.entries(next)) {
      if (isSame(values.get(key), value)) continue;
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      changedKeys.add(key);
    }
    if (changedKeys.size === 0) return;
    changed.fire({ affects: (keys) => [...changedKeys].some((key) => keys.has(key)) });
  };
  return {
    set: (key, value) => setAll({ [key]: value }),
    setAll,
    get: (key) => values.get(key),
    entries: () => [...values].sort(([a], [b]) => (a < b ? -1 : 1)),
    evaluate,
    watch(when, listener) {
      let last = evaluate(when);
      listener(last);
      const expression = when === undefined || when.trim() === '' ? null : expressionOf(when);
      if (!expression) return toDisposable(() => {});
      const keys = keysOfWhen(expression);
      return changed.event((change) => {
        if (!change.affects(keys)) return;
        const next = evaluate(when);
        if (next === last) return;
        last = next;
        listener(next);
      });
    },
    onDidChange: changed.event,
    onDidFindProblem: problems.event,
    dispose: () => store.dispose(),
  };
}

function isSame(a: ContextKeyValue, b: ContextKeyValue): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => item === b[index]);
  return a === b;
}
