import { applyEdits, modify, parse as parseJsonc, type ParseError } from 'jsonc-parser';
import { CodedError } from '../../core/base/coded-error.ts';
import { createDisposableStore, toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';

/** A setting: the part of JSON Schema that settings need. Values are checked against it everywhere. */
export interface SettingSchema {
  readonly type: 'boolean' | 'string' | 'number' | 'integer' | 'array' | 'object';
  readonly default: unknown;
  /** What the setting does, one or two sentences. */
  readonly description: string;
  /** Closed list of values, for `string`, `number` and `integer`. */
  readonly enum?: readonly (string | number)[];
  readonly enumDescriptions?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** A regular expression that the whole text must match. */
  readonly pattern?: string;
  /** Type of the items, for `array`. */
  readonly items?: { readonly type: 'string' | 'number' | 'boolean' };
  /** Shown as a title instead of the one made from the key. */
  readonly title?: string;
  readonly order?: number;
}

/** What a value is missing, or undefined when it is fine. */
export function checkSetting(schema: SettingSchema, value: unknown): string | undefined {
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'string': {
      if (typeof value !== 'string') return 'must be text';
      if (schema.enum && !schema.enum.includes(value)) return `must be one of ${schema.enum.join(', ')}`;
      const { minLength = 0, maxLength = 10_000 } = schema;
      if (value.length < minLength || value.length > maxLength)
        return `must be ${minLength} to ${maxLength} characters long`;
      if (schema.pattern !== undefined && !new RegExp(`^(?:${schema.pattern})$`).test(value))
        return `must match ${schema.pattern}`;
      return undefined;
    }
    case 'number':
    case 'integer': {
      if (typeof value !== 'number' || !Number.isFinite(value)) return 'must be a number';
      if (schema.type === 'integer' && !Number.isInteger(value)) return 'must be a whole number';
      if (schema.enum && !schema.enum.includes(value)) return `must be one of ${schema.enum.join(', ')}`;
      if (schema.minimum !== undefined && value < schema.minimum) return `must be at least ${schema.minimum}`;
      if (schema.maximum !== undefined && value > schema.maximum) return `must be at most ${schema.maximum}`;
      return undefined;
    }
    case 'array': {
      if (!Array.isArray(value)) return 'must be a list';
      const item = schema.items?.type;
      if (item !== undefined && value.some((entry) => typeof entry !== item))
        return `must be a list of ${item === 'boolean' ? 'true and false' : `${item === 'string' ? 'texts' : 'numbers'}`}`;
      return undefined;
    }
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? undefined
        : 'must be an object';
  }
}

/** A registered setting. */
export interface RegisteredSetting {
  readonly key: string;
  readonly schema: SettingSchema;
  /** Who declared it: `core` or an extension id. */
  readonly owner: string;
  /** Heading it stands under in the settings editor. */
  readonly section: string;
}

/** Something wrong in the settings file. */
export interface ConfigurationProblem {
  /** The setting, or undefined for the file as a whole. */
  readonly key: string | undefined;
  readonly message: string;
}

/** The layers of one setting. */
export interface SettingLayers<T = unknown> {
  readonly value: T;
  readonly defaultValue: unknown;
  readonly extensionValue: unknown;
  /** What the user's file holds in force, undefined when it says nothing. */
  readonly userValue: unknown;
}

/** What changed. */
export interface ConfigurationChange {
  /** True for a key itself and for a prefix of it: `affects('voice')` is true when `voice.mode` changed. */
  affects(key: string): boolean;
}

/** Settings: declared by schema, layered default < extension < user. */
export interface ConfigurationService extends Disposable {
  /** @throws Error when a key is declared twice or its default does not fit its own schema. */
  register(
    settings: Readonly<Record<string, SettingSchema>>,
    options: { readonly owner: string; readonly section: string },
  ): Disposable;
  /** Defaults an extension gives to settings of others; the last one wins. */
  registerDefaults(values: Readonly<Record<string, unknown>>): Disposable;
  settings(): readonly RegisteredSetting[];
  /** @throws CodedError `unknown_setting` for a key nobody declared. */
  get<T>(key: string): T;
  inspect<T>(key: string): SettingLayers<T>;
  /**
   * Writes a value into the user's file, keeping its comments and order; `undefined` removes the key.
   * Rejects with CodedError `unknown_setting`, `invalid_setting` or `settings_unreadable`.
   */
  update(key: string, value: unknown): Promise<void>;
  /** The user's file was read or edited. */
  setUserText(text: string): void;
  readonly userText: string;
  readonly problems: readonly ConfigurationProblem[];
  readonly onDidChange: Event<ConfigurationChange>;
  readonly onDidChangeProblems: Event<void>;
}

/** Makes a service; `write` puts the user's file away. */
export function createConfigurationService(write: (text: string) => Promise<unknown>): ConfigurationService {
  const store = createDisposableStore();
  const changed = store.add(createEmitter<ConfigurationChange>());
  const problemsChanged = store.add(createEmitter<void>());
  const registered = new Map<string, RegisteredSetting>();
  const extensionDefaults: Readonly<Record<string, unknown>>[] = [];
  let text = '';
  /** The user's values in force: a value that became invalid leaves the last good one here. */
  let good = new Map<string, unknown>();
  let raw: Readonly<Record<string, unknown>> = {};
  let fileProblem: ConfigurationProblem | undefined;
  let problems: readonly ConfigurationProblem[] = [];
  let values = new Map<string, unknown>();
  let writing: Promise<unknown> = Promise.resolve();

  const extensionValue = (key: string, schema: SettingSchema): unknown => {
    for (let index = extensionDefaults.length - 1; index >= 0; index--) {
      const value = extensionDefaults[index]?.[key];
      if (value !== undefined && checkSetting(schema, value) === undefined) return value;
    }
    return undefined;
  };
  const recompute = (): void => {
    const nextGood = new Map<string, unknown>();
    const nextValues = new Map<string, unknown>();
    const nextProblems: ConfigurationProblem[] = fileProblem ? [fileProblem] : [];
    for (const { key, schema } of registered.values()) {
      const user = Object.hasOwn(raw, key) ? raw[key] : undefined;
      if (user !== undefined) {
        const problem = checkSetting(schema, user);
        if (problem === undefined) nextGood.set(key, user);
        else {
          if (good.has(key)) nextGood.set(key, good.get(key));
          nextProblems.push({ key, message: `"${key}" ${problem}. The last good value stays in use.` });
        }
      }
      nextValues.set(key, nextGood.get(key) ?? extensionValue(key, schema) ?? schema.default);
    }
    const changedKeys = [...nextValues.keys()].filter(
      (key) => JSON.stringify(nextValues.get(key)) !== JSON.stringify(values.get(key)),
    );
    const problemsDiffer = JSON.stringify(nextProblems) !== JSON.stringify(problems);
    good = nextGood;
    values = nextValues;
    problems = nextProblems;
    if (problemsDiffer) problemsChanged.fire();
    if (changedKeys.length > 0)
      changed.fire({
        affects: (key) =>
          changedKeys.some((changedKey) => changedKey === key || changedKey.startsWith(`${key}.`)),
      });
  };
  const setUserText = (next: string): void => {
    text = next;
    const errors: ParseError[] = [];
    const value: unknown = next.trim() === '' ? {} : parseJsonc(next, errors, { allowTrailingComma: true });
    if (errors.length > 0 || typeof value !== 'object' || value === null || Array.isArray(value)) {
      fileProblem = {
        key: undefined,
        message:
          errors.length > 0
            ? `The settings file is not valid JSON near character ${(errors[0]?.offset ?? 0) + 1}. The last good settings stay in use.`
            : 'The settings file must hold one object: { … }. The last good settings stay in use.',
      };
    } else {
      fileProblem = undefined;
      raw = value as Readonly<Record<string, unknown>>;
    }
    recompute();
  };
  const require = (key: string): RegisteredSetting => {
    const setting = registered.get(key);
    if (!setting) throw new CodedError('unknown_setting', `There is no setting "${key}".`);
    return setting;
  };
  return {
    register(settings, { owner, section }) {
      const added: RegisteredSetting[] = [];
      for (const [key, schema] of Object.entries(settings)) {
        if (registered.has(key)) throw new Error(`The setting "${key}" is declared already`);
        const problem = checkSetting(schema, schema.default);
        if (problem !== undefined) throw new Error(`The default of "${key}" ${problem}`);
        const setting = { key, schema, owner, section };
        registered.set(key, setting);
        added.push(setting);
      }
      recompute();
      return toDisposable(() => {
        for (const { key } of added) registered.delete(key);
        recompute();
      });
    },
    registerDefaults(defaults) {
      extensionDefaults.push(defaults);
      recompute();
      return toDisposable(() => {
        const index = extensionDefaults.indexOf(defaults);
        if (index >= 0) extensionDefaults.splice(index, 1);
        recompute();
      });
    },
    settings: () => [...registered.values()],
    get<T>(key: string) {
      require(key);
      return structuredClone(values.get(key)) as T;
    },
    inspect<T>(key: string) {
      const { schema } = require(key);
      return {
        value: values.get(key) as T,
        defaultValue: schema.default,
        extensionValue: extensionValue(key, schema),
        userValue: good.get(key),
      };
    },
    async update(key, value) {
      const { schema } = require(key);
      if (value !== undefined) {
        const problem = checkSetting(schema, value);
        if (problem !== undefined) throw new CodedError('invalid_setting', `"${key}" ${problem}.`);
      }
      if (fileProblem)
        throw new CodedError('settings_unreadable', `${fileProblem.message} Repair the file first.`);
      const edits = modify(text.trim() === '' ? '{}' : text, [key], value, {
        formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' },
      });
      const next = applyEdits(text.trim() === '' ? '{}' : text, edits);
      setUserText(next);
      // One write at a time, in order, so that an older text never overwrites a newer one.
      const result = writing.then(() => write(next));
      writing = result.catch(() => {});
      await result;
    },
    setUserText,
    get userText() {
      return text;
    },
    get problems() {
      return problems;
    },
    onDidChange: changed.event,
    onDidChangeProblems: problemsChanged.event,
    dispose: () => store.dispose(),
  };
}
