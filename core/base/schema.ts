/**
 * A small schema language for every boundary of the program: it checks values that came from outside and
 * says where and why one is refused. Objects ignore unknown fields (protocol.md) and return a fresh object
 * holding only the declared ones, so nothing undeclared travels further.
 */

/** What is wrong with a value: where (`a.b[3]`) and what was expected. */
export interface SchemaIssue {
  readonly path: string;
  readonly message: string;
}

/** Thrown inside `check`; use `parse` to get a Result instead. */
class SchemaError extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** Checks a value and returns it typed. */
export interface Schema<T> {
  /** @throws an internal error carrying the path; call it through {@link parse}. */
  check(value: unknown, path: string): T;
  /** True when a missing field is acceptable. */
  readonly optional?: boolean;
}

/** The type a schema accepts. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** Checks `value`, giving the typed copy or the first issue found. */
export function parse<T>(
  schema: Schema<T>,
  value: unknown,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SchemaIssue } {
  try {
    return { ok: true, value: schema.check(value, '') };
  } catch (error) {
    if (error instanceof SchemaError)
      return { ok: false, error: { path: error.path, message: error.message } };
    throw error;
  }
}

function refuse(path: string, expected: string): never {
  throw new SchemaError(path, `expected ${expected}`);
}

/** A string, measured in UTF-16 units. */
export function string(limits: {
  readonly min?: number;
  readonly max: number;
  readonly pattern?: RegExp;
}): Schema<string> {
  const { min = 0, max, pattern } = limits;
  return {
    check(value, path) {
      if (typeof value !== 'string') return refuse(path, 'text');
      if (value.length < min || value.length > max)
        return refuse(path, `text of ${min} to ${max} characters`);
      if (pattern && !pattern.test(value)) return refuse(path, `text matching ${pattern.source}`);
      return value;
    },
  };
}

/** A byte string. */
export function bytes(
  limits: { readonly length: number } | { readonly min?: number; readonly max: number },
): Schema<Uint8Array<ArrayBuffer>> {
  const min = 'length' in limits ? limits.length : (limits.min ?? 0);
  const max = 'length' in limits ? limits.length : limits.max;
  return {
    check(value, path) {
      if (!(value instanceof Uint8Array)) return refuse(path, 'bytes');
      if (value.length < min || value.length > max)
        return refuse(path, min === max ? `${min} bytes` : `${min} to ${max} bytes`);
      return value as Uint8Array<ArrayBuffer>;
    },
  };
}

/** A safe integer. */
export function integer(limits: { readonly min?: number; readonly max?: number } = {}): Schema<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
  return {
    check(value, path) {
      if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
        return refuse(path, `a whole number from ${min} to ${max}`);
      return value as number;
    },
  };
}

/** A finite number. */
export function number(limits: { readonly min?: number; readonly max?: number } = {}): Schema<number> {
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = limits;
  return {
    check(value, path) {
      if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max)
        return refuse(path, `a number from ${min} to ${max}`);
      return value;
    },
  };
}

/** true or false. */
export const boolean: Schema<boolean> = {
  check(value, path) {
    return typeof value === 'boolean' ? value : refuse(path, 'true or false');
  },
};

/** Any value; for payloads that are checked further in. */
export const anything: Schema<unknown> = { check: (value) => value };

/** Exactly null. */
export const nothing: Schema<null> = {
  check(value, path) {
    return value === null ? null : refuse(path, 'null');
  },
};

/** One of a closed list of strings. */
export function oneOf<const T extends readonly string[]>(values: T): Schema<T[number]> {
  return {
    check(value, path) {
      return typeof value === 'string' && values.includes(value)
        ? value
        : refuse(path, `one of ${values.join(', ')}`);
    },
  };
}

/** A list with a bounded number of items. */
export function array<T>(item: Schema<T>, limits: { readonly max: number }): Schema<readonly T[]> {
  return {
    check(value, path) {
      if (!Array.isArray(value)) return refuse(path, 'a list');
      if (value.length > limits.max) return refuse(path, `a list of at most ${limits.max} items`);
      return value.map((entry, index) => item.check(entry, `${path}[${index}]`));
    },
  };
}

/** A field that may be missing. */
export function optional<T>(inner: Schema<T>): Schema<T | undefined> & { readonly optional: true } {
  return {
    optional: true,
    check(value, path) {
      return value === undefined ? undefined : inner.check(value, path);
    },
  };
}

/** A value that may be null. */
export function nullable<T>(inner: Schema<T>): Schema<T | null> {
  return {
    check(value, path) {
      return value === null ? null : inner.check(value, path);
    },
  };
}

/** A map from text keys to values of one shape. */
export function record<T>(
  item: Schema<T>,
  limits: { readonly max: number },
): Schema<Readonly<Record<string, T>>> {
  return {
    check(value, path) {
      if (!isPlainObject(value)) return refuse(path, 'a map');
      const entries = Object.entries(value);
      if (entries.length > limits.max) return refuse(path, `a map of at most ${limits.max} entries`);
      const out: Record<string, T> = Object.create(null) as Record<string, T>;
      for (const [key, entry] of entries) out[key] = item.check(entry, join(path, key));
      return out;
    },
  };
}

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly optional: true } ? K : never;
}[keyof F];
type Flatten<T> = { readonly [K in keyof T]: T[K] };
/** The object type described by a record of schemas. */
export type ObjectOf<F extends Fields> = Flatten<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & {
    [K in OptionalKeys<F>]?: Exclude<Infer<F[K]>, undefined>;
  }
>;

/** An object with the declared fields; unknown fields are ignored and dropped. */
export function object<F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  const names = Object.keys(fields);
  return {
    check(value, path) {
      if (!isPlainObject(value)) return refuse(path, 'an object');
      const out: Record<string, unknown> = {};
      for (const name of names) {
        const schema = fields[name] as Schema<unknown>;
        const present = Object.hasOwn(value, name) ? value[name] : undefined;
        if (present === undefined) {
          if (!schema.optional) return refuse(join(path, name), 'a value');
          continue;
        }
        out[name] = schema.check(present, join(path, name));
      }
      return out as ObjectOf<F>;
    },
  };
}

/** A union told apart by the string in one field. */
export function variants<K extends string, V extends Readonly<Record<string, Schema<object>>>>(
  discriminant: K,
  cases: V,
): Schema<{ [N in keyof V & string]: Flatten<{ readonly [P in K]: N } & Infer<V[N]>> }[keyof V & string]> {
  return {
    check(value, path) {
      if (!isPlainObject(value)) return refuse(path, 'an object');
      const name = value[discriminant];
      if (typeof name !== 'string' || !Object.hasOwn(cases, name))
        return refuse(join(path, discriminant), `one of ${Object.keys(cases).join(', ')}`);
      const checked = (cases[name] as Schema<object>).check(value, path);
      return { ...checked, [discriminant]: name } as never;
    },
  };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
