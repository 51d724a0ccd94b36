/**
 * Logging with nothing to leak: an entry is a fixed event name and fields whose values are numbers, booleans
 * or members of closed sets. There is no way to pass free text, a key, a message or an address.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A value that is safe to log. Text must come from a closed set, wrapped by {@link logCode}. */
export type LogValue = number | boolean | LogCode;

/** Text known when the program was written: an error code, a state name. */
export interface LogCode {
  readonly code: string;
}

/** Marks a literal from the source as safe to log. Refuses anything that does not look like an identifier. */
export function logCode(code: string): LogCode {
  return { code: /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(code) ? code : 'unprintable' };
}

/** One line of the log. */
export interface LogEntry {
  readonly level: LogLevel;
  /** Dotted event name, for example `call.joined`. */
  readonly event: string;
  readonly fields: Readonly<Record<string, LogValue>>;
}

/** Where entries go. */
export interface Logger {
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, LogValue>>): void;
}

/** Makes a logger that hands entries to `sink`. */
export function createLogger(sink: (entry: LogEntry) => void): Logger {
  return {
    log(level, event, fields = {}) {
      sink({ level, event, fields });
    },
  };
}

/** A logger that drops everything. */
export const silentLogger: Logger = { log: () => {} };

/** Renders an entry as one line of JSON without the braces of nested codes. */
export function formatLogEntry(entry: LogEntry): string {
  const fields = Object.fromEntries(
    Object.entries(entry.fields).map(([name, value]) => [
      name,
      typeof value === 'object' ? value.code : value,
    ]),
  );
  return JSON.stringify({ level: entry.level, event: entry.event, ...fields });
}
