import { parse as parseJsonc, type ParseError } from 'jsonc-parser';
import { systemClock, type Clock } from '../../core/base/async.ts';
import { createDisposableStore, toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { ContextKeyService, ContextOverlay } from './context-keys.ts';
import { labelOfChord, parseChord, type Keystroke, type Platform } from './keystroke.ts';
import { parseWhen } from './when-clause.ts';

/** Who gave a binding; a higher weight wins, then the later one. */
export const KEYBINDING_WEIGHT = { core: 0, builtinExtension: 200, extension: 300, user: 1000 } as const;

/** A binding as code, manifests and users write it. */
export interface KeybindingRule {
  readonly command: string;
  /** `ctrl+k ctrl+s`, `mod+b`, `f6`. */
  readonly key: string;
  /** Used instead of `key` on that system. */
  readonly mac?: string;
  readonly linux?: string;
  readonly win?: string;
  readonly when?: string;
  readonly args?: readonly unknown[];
  /**
   * The command runs with `{ pressed: true }` when the key goes down and `{ pressed: false }` when it comes
   * up or the window loses the focus; for push-to-talk. Only single keystrokes can be held.
   */
  readonly hold?: boolean;
}

/** A binding in force. */
export interface Keybinding {
  readonly command: string;
  readonly strokes: readonly Keystroke[];
  readonly when: string | undefined;
  readonly args: readonly unknown[];
  readonly hold: boolean;
  readonly weight: number;
}

/** Something wrong with a rule; the others stay in force. */
export interface KeybindingProblem {
  /** What is wrong and what to do, for a person. */
  readonly message: string;
}

/** The answer for a key press. */
export type KeybindingResolution =
  | { readonly kind: 'none' }
  /** The first half of a chord. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'match'; readonly binding: Keybinding };

/**
 * Finds what a key press means: the binding with the highest precedence whose strokes and `when` match. A
 * chord that only begins with the pressed strokes makes the answer `pending`, if nothing above it matches.
 * @param bindings in ascending precedence.
 */
export function resolveKeystroke(
  bindings: readonly Keybinding[],
  pressed: readonly Keystroke[],
  holds: (when: string | undefined) => boolean,
): KeybindingResolution {
  for (let index = bindings.length - 1; index >= 0; index--) {
    const binding = bindings[index] as Keybinding;
    if (binding.strokes.length < pressed.length) continue;
    if (!pressed.every((stroke, position) => binding.strokes[position] === stroke)) continue;
    if (!holds(binding.when)) continue;
    return binding.strokes.length === pressed.length ? { kind: 'match', binding } : { kind: 'pending' };
  }
  return { kind: 'none' };
}

/** A rule with its strokes, or a removal (`-command`) of the ones below it. */
interface Rule extends Keybinding {
  readonly removes: boolean;
}

/** Applies removals and sorts: ascending weight, then order of registration. */
function effectiveBindings(rules: readonly Rule[]): readonly Keybinding[] {
  const result: Keybinding[] = [];
  const sorted = rules
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => a.rule.weight - b.rule.weight || a.index - b.index);
  for (const { rule } of sorted) {
    if (!rule.removes) {
      result.push(rule);
      continue;
    }
    for (let index = result.length - 1; index >= 0; index--) {
      const other = result[index] as Keybinding;
      const sameKey = rule.strokes.length === 0 || isSameChord(rule.strokes, other.strokes);
      const sameWhen = rule.when === undefined || rule.when === other.when;
      if (other.command === rule.command && sameKey && sameWhen) result.splice(index, 1);
    }
  }
  return result;
}

function isSameChord(a: readonly Keystroke[], b: readonly Keystroke[]): boolean {
  return a.length === b.length && a.every((stroke, index) => stroke === b[index]);
}

/**
 * Reads the user's keybindings file: a JSON array with comments of `{key, command, when?, args?, hold?}`;
 * a command with a leading `-` takes a binding away, with an empty `key` all of them.
 */
export function parseUserKeybindings(text: string): {
  readonly rules: readonly KeybindingRule[];
  readonly problems: readonly KeybindingProblem[];
} {
  if (text.trim() === '') return { rules: [], problems: [] };
  const errors: ParseError[] = [];
  const value: unknown = parseJsonc(text, errors, { allowTrailingComma: true });
  const problems: KeybindingProblem[] = [];
  if (errors.length > 0)
    problems.push({
      message: `The keybindings file is not valid JSON near character ${(errors[0]?.offset ?? 0) + 1}.`,
    });
  if (!Array.isArray(value)) {
    if (errors.length === 0) problems.push({ message: 'The keybindings file must hold a list: [ … ].' });
    return { rules: [], problems };
  }
  const rules: KeybindingRule[] = [];
  value.slice(0, 2000).forEach((entry: unknown, index) => {
    const where = `Keybinding ${index + 1}`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
      problems.push({ message: `${where} is not an object; it is ignored.` });
      return;
    }
    const { key, command, when, args, hold } = entry as Record<string, unknown>;
    if (typeof command !== 'string' || command === '' || command === '-') {
      problems.push({ message: `${where} has no "command"; it is ignored.` });
      return;
    }
    if (typeof key !== 'string' && !(command.startsWith('-') && key === undefined)) {
      problems.push({ message: `${where} (${command}) has no "key"; it is ignored.` });
      return;
    }
    if (when !== undefined && typeof when !== 'string') {
      problems.push({ message: `${where} (${command}): "when" must be text; the binding is ignored.` });
      return;
    }
    rules.push({
      command,
      key: typeof key === 'string' ? key : '',
      ...(when === undefined ? {} : { when }),
      ...(args === undefined ? {} : { args: Array.isArray(args) ? (args as readonly unknown[]) : [args] }),
      ...(hold === true ? { hold: true } : {}),
    });
  });
  return { rules, problems };
}

/** The resolver at work: registered rules, the user's rules, and the state of chords and holds. */
export interface KeybindingService extends Disposable {
  readonly platform: Platform;
  /** Adds rules. @throws Error on a key or `when` that cannot be parsed: those come from our own code. */
  register(rules: readonly KeybindingRule[], weight?: number): Disposable;
  /** As `register`, for rules that others wrote: bad ones are left out and told. */
  registerChecked(
    rules: readonly KeybindingRule[],
    weight: number,
  ): { readonly registration: Disposable; readonly problems: readonly KeybindingProblem[] };
  /** Replaces the user's rules by the ones in the text of the keybindings file. */
  setUserText(text: string): readonly KeybindingProblem[];
  /** The bindings in force, ascending precedence. */
  bindings(): readonly Keybinding[];
  /** The label of the winning binding of a command: `Ctrl+Shift+P`; undefined without one. */
  labelFor(command: string, overlay?: ContextOverlay): string | undefined;
  /** @returns true when the key was used and must not reach anything else. */
  keyDown(
    stroke: Keystroke,
    options?: { readonly repeat?: boolean; readonly overlay?: ContextOverlay },
  ): boolean;
  /** Ends a hold of this key. `key` is the key name without modifiers. */
  keyUp(key: string): void;
  /** Ends all holds and a started chord: the window lost the focus. */
  releaseAll(): void;
  /** The started chord's label, or undefined when none is started; for the status bar. */
  readonly onDidChangePending: Event<string | undefined>;
  readonly onDidChange: Event<void>;
}

const CHORD_TIMEOUT_MS = 5000;

/** Makes a service that runs commands through `execute`. */
export function createKeybindingService(options: {
  readonly platform: Platform;
  readonly contextKeys: ContextKeyService;
  readonly execute: (command: string, args: readonly unknown[]) => void;
  readonly clock?: Clock;
}): KeybindingService {
  const { platform, contextKeys, execute, clock = systemClock } = options;
  const store = createDisposableStore();
  const changed = store.add(createEmitter<void>());
  const pendingChanged = store.add(createEmitter<string | undefined>());
  const registered: (readonly Rule[])[] = [];
  let userRules: readonly Rule[] = [];
  let bindings: readonly Keybinding[] = [];
  let pending: readonly Keystroke[] = [];
  let pendingTimer: Disposable | undefined;
  const held = new Map<string, Keybinding>();

  const recompute = (): void => {
    bindings = effectiveBindings([...registered.flat(), ...userRules]);
    changed.fire();
  };
  const compile = (
    rules: readonly KeybindingRule[],
    weight: number,
  ): { readonly compiled: readonly Rule[]; readonly problems: readonly KeybindingProblem[] } => {
    const compiled: Rule[] = [];
    const problems: KeybindingProblem[] = [];
    for (const rule of rules) {
      const removes = rule.command.startsWith('-');
      const command = removes ? rule.command.slice(1) : rule.command;
      const key =
        (platform === 'darwin' ? rule.mac : platform === 'win32' ? rule.win : rule.linux) ?? rule.key;
      const chord =
        removes && key.trim() === '' ? ({ ok: true, value: [] } as const) : parseChord(key, platform);
      if (!chord.ok) {
        problems.push({
          message: `The key "${key}" of ${command} is not understood (${chord.error}); it is ignored.`,
        });
        continue;
      }
      const when = rule.when === undefined ? undefined : parseWhen(rule.when);
      if (when && !when.ok) {
        problems.push({
          message: `The condition of ${command} on ${key} is not understood (${when.error.message}); it is ignored.`,
        });
        continue;
      }
      if (rule.hold === true && chord.value.length > 1) {
        problems.push({
          message: `${command} can only be held with one keystroke, not "${key}"; it is ignored.`,
        });
        continue;
      }
      compiled.push({
        command,
        strokes: chord.value,
        when: rule.when,
        args: rule.args ?? [],
        hold: rule.hold ?? false,
        weight,
        removes,
      });
    }
    return { compiled, problems };
  };
  const add = (compiled: readonly Rule[]): Disposable => {
    registered.push(compiled);
    recompute();
    return toDisposable(() => {
      const index = registered.indexOf(compiled);
      if (index >= 0) registered.splice(index, 1);
      recompute();
    });
  };
  const setPending = (next: readonly Keystroke[]): void => {
    pendingTimer?.dispose();
    pendingTimer = undefined;
    if (pending.length === 0 && next.length === 0) return;
    pending = next;
    pendingChanged.fire(next.length === 0 ? undefined : labelOfChord(next, platform));
    if (next.length > 0) pendingTimer = clock.setTimer(CHORD_TIMEOUT_MS, () => setPending([]));
  };
  const release = (key: string): void => {
    const binding = held.get(key);
    if (!binding) return;
    held.delete(key);
    execute(binding.command, [{ pressed: false }, ...binding.args]);
  };
  const releaseAll = (): void => {
    for (const key of [...held.keys()]) release(key);
    setPending([]);
  };
  return {
    platform,
    register(rules, weight = KEYBINDING_WEIGHT.core) {
      const { compiled, problems } = compile(rules, weight);
      if (problems[0]) throw new Error(problems[0].message);
      return add(compiled);
    },
    registerChecked(rules, weight) {
      const { compiled, problems } = compile(rules, weight);
      return { registration: add(compiled), problems };
    },
    setUserText(text) {
      const parsed = parseUserKeybindings(text);
      const { compiled, problems } = compile(parsed.rules, KEYBINDING_WEIGHT.user);
      userRules = compiled;
      recompute();
      return [...parsed.problems, ...problems];
    },
    bindings: () => bindings,
    labelFor(command, overlay) {
      const own = bindings.filter((binding) => binding.command === command);
      // A binding that works right now is the better hint than one that does not.
      const best = own.findLast((binding) => contextKeys.evaluate(binding.when, overlay)) ?? own.at(-1);
      return best && labelOfChord(best.strokes, platform);
    },
    keyDown(stroke, { repeat = false, overlay } = {}) {
      const key = stroke.split('+').at(-1) ?? stroke;
      if (held.has(key)) return true;
      const inChord = pending.length > 0;
      // A modifier on its own neither continues nor ends a chord.
      if (inChord && /^(?:control|shift|alt|meta)(?:left|right)$/.test(stroke)) return false;
      const resolution = resolveKeystroke(bindings, [...pending, stroke], (when) =>
        contextKeys.evaluate(when, overlay),
      );
      switch (resolution.kind) {
        case 'none':
          setPending([]);
          return inChord;
        case 'pending':
          if (!repeat) setPending([...pending, stroke]);
          return true;
        case 'match': {
          setPending([]);
          const { binding } = resolution;
          if (binding.hold) {
            if (repeat) return true;
            held.set(key, binding);
            execute(binding.command, [{ pressed: true }, ...binding.args]);
          } else execute(binding.command, binding.args);
          return true;
        }
      }
    },
    keyUp: release,
    releaseAll,
    onDidChangePending: pendingChanged.event,
    onDidChange: changed.event,
    dispose() {
      releaseAll();
      store.dispose();
    },
  };
}
