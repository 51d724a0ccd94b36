import { parse as parseToml } from 'smol-toml';
import { failure, success, type Result } from '../../core/base/result.ts';

/** One configuration value: how it is checked and what it is without a setting. */
interface Key<T> {
  readonly fallback: T;
  /** What is allowed, for messages. */
  readonly allowed: string;
  /** Takes the value from TOML or, as text, from the environment; `undefined` refuses it. */
  read(value: unknown): T | undefined;
}

function whole(fallback: number, min: number, max: number): Key<number> {
  return {
    fallback,
    allowed: `a whole number from ${min} to ${max}`,
    read(value) {
      const numeric = typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
      return Number.isSafeInteger(numeric) && (numeric as number) >= min && (numeric as number) <= max
        ? (numeric as number)
        : undefined;
    },
  };
}

function flag(fallback: boolean): Key<boolean> {
  return {
    fallback,
    allowed: 'true or false',
    read: (value) =>
      typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined,
  };
}

function choice<const T extends readonly string[]>(fallback: T[number], values: T): Key<T[number]> {
  return {
    fallback,
    allowed: `one of ${values.map((value) => `"${value}"`).join(', ')}`,
    read: (value) => (typeof value === 'string' && values.includes(value) ? value : undefined),
  };
}

function text(fallback: string, min: number, max: number): Key<string> {
  return {
    fallback,
    allowed: `text of ${min} to ${max} characters without control characters`,
    read: (value) =>
      typeof value === 'string' && value.length >= min && value.length <= max && !/\p{Cc}/u.test(value)
        ? value
        : undefined,
  };
}

const address: Key<string> = {
  fallback: '0.0.0.0:8443',
  allowed: 'an address and a port such as "0.0.0.0:8443" or "[::1]:8443"',
  read: (value) => (typeof value === 'string' && parseAddress(value) ? value : undefined),
};

/** Every setting of the relay, by `section.key`. server.sample.toml explains each. */
const KEYS = {
  'server.bind_address': address,
  'server.name': text('Conclave', 1, 64),
  'server.max_connections': whole(1000, 1, 100_000),
  'server.log_level': choice('info', ['debug', 'info', 'warn', 'error']),
  /** Empty for no password. */
  'server.password': text('', 0, 256),
  'server.metrics_public': flag(false),
  'database.path': text('conclave.db', 1, 1024),
  'verification.mode': choice('none', ['none', 'optional', 'required']),
  'rooms.empty_room_timeout': whole(300, 1, 86_400),
  'rooms.max_rooms': whole(50, 1, 10_000),
  'rooms.max_room_name_length': whole(32, 1, 64),
  'rooms.text_log_entries': whole(10_000, 100, 1_000_000),
  'limits.handshake_per_minute': whole(60, 1, 100_000),
  'limits.handshake_burst': whole(20, 1, 100_000),
  'limits.connections_per_ip': whole(5, 1, 100_000),
  'limits.loopback_exempt': flag(true),
  'limits.handshake_timeout_secs': whole(10, 1, 300),
  'limits.idle_timeout_secs': whole(30, 5, 600),
  'limits.messages_per_second': whole(50, 1, 10_000),
  'limits.message_bytes_per_second': whole(1_048_576, 16_384, 1_073_741_824),
  'limits.text_messages_per_second': whole(5, 1, 1000),
  'limits.password_attempts_per_second': whole(1, 1, 1000),
  'limits.password_burst': whole(3, 1, 1000),
  'limits.room_create_interval_secs': whole(5, 0, 3600),
  'limits.voice_frames_per_second': whole(160, 10, 100_000),
  'limits.video_frames_per_second': whole(120, 10, 100_000),
  'limits.outgoing_queue_bytes': whole(8_388_608, 262_144, 1_073_741_824),
} as const;

/** Name of a setting. */
export type ConfigKey = keyof typeof KEYS;
/** The checked settings of a relay. */
export type ServerConfig = {
  readonly [K in ConfigKey]: (typeof KEYS)[K] extends Key<infer T> ? T : never;
};

/** All names, for documentation and its test. */
export const CONFIG_KEYS: readonly ConfigKey[] = Object.keys(KEYS) as ConfigKey[];

/** Older names that are still understood. */
const ALIASES: Readonly<Record<string, ConfigKey>> = { 'server.max_users': 'server.max_connections' };

/** Environment variables, each with its setting. They win over the file. */
const ENVIRONMENT: Readonly<Record<string, ConfigKey>> = {
  BIND_ADDRESS: 'server.bind_address',
  SERVER_NAME: 'server.name',
  MAX_CONNECTIONS: 'server.max_connections',
  LOG_LEVEL: 'server.log_level',
  PASSWORD: 'server.password',
  DATABASE_PATH: 'database.path',
  VERIFICATION_MODE: 'verification.mode',
};

/** Every environment variable the relay may read; the launcher's permission list. */
export const ENVIRONMENT_NAMES: readonly string[] = ['AURA_', 'CONCLAVE_'].flatMap((prefix) =>
  [...Object.keys(ENVIRONMENT), 'BOOTSTRAP_ADMIN_KEY', 'BOOTSTRAP_ADMIN_NAME'].map((name) => prefix + name),
);

/**
 * Reads the settings from TOML text and the environment. The error names the setting, the value (unless it
 * is a password) and what is allowed.
 */
export function readConfig(
  toml: string,
  environment: Readonly<Record<string, string | undefined>>,
): Result<ServerConfig, string> {
  let document: Record<string, unknown>;
  try {
    document = parseToml(toml);
  } catch (error) {
    return failure(`The configuration is not valid TOML: ${String((error as Error).message).split('\n')[0]}`);
  }
  const given = new Map<ConfigKey, { readonly value: unknown; readonly source: string }>();
  for (const [section, table] of Object.entries(document)) {
    if (typeof table !== 'object' || table === null || Array.isArray(table))
      return failure(`"${section}" is no setting. Settings stand in sections such as [server].`);
    for (const [name, value] of Object.entries(table)) {
      const full = `${section}.${name}`;
      const key = isConfigKey(full) ? full : ALIASES[full];
      if (!key) return failure(`Unknown setting ${full}. Known are: ${CONFIG_KEYS.join(', ')}.`);
      given.set(key, { value, source: full });
    }
  }
  for (const prefix of ['AURA_', 'CONCLAVE_']) {
    for (const [name, key] of Object.entries(ENVIRONMENT)) {
      const value = environment[prefix + name];
      if (value !== undefined) given.set(key, { value, source: prefix + name });
    }
  }
  const config: Record<string, unknown> = {};
  for (const name of CONFIG_KEYS) {
    const key = KEYS[name] as Key<unknown>;
    const setting = given.get(name);
    const value = setting ? key.read(setting.value) : key.fallback;
    if (value === undefined) {
      const shown = name === 'server.password' ? 'the value given' : JSON.stringify(setting?.value);
      return failure(`${setting?.source} cannot be ${shown}: it must be ${key.allowed}.`);
    }
    config[name] = value;
  }
  return success(config as ServerConfig);
}

function isConfigKey(name: string): name is ConfigKey {
  return Object.hasOwn(KEYS, name);
}

/** Host and port to bind. `0.0.0.0` becomes `::`, which serves IPv4 and IPv6 on one socket. */
export interface BindAddress {
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port`; `undefined` when malformed. */
export function parseAddress(value: string): BindAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z.-]+)):([0-9]{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (!match || port > 65535) return undefined;
  const host = match[1] ?? match[2];
  return { host: host === undefined || host === '0.0.0.0' ? '::' : host, port };
}
