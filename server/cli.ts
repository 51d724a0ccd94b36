import { openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { systemClock } from '../core/base/async.ts';
import { CodedError } from '../core/base/coded-error.ts';
import { createLogger, formatLogEntry, logCode, type LogLevel } from '../core/base/log.ts';
import { ENVIRONMENT_NAMES, readConfig } from './config/server-config.ts';
import { startServer } from './server.ts';
import { CERTIFICATE_SCHEDULE, type CertificateSchedule } from './transport/certificate-store.ts';

const USAGE = `Conclave relay

  --config FILE        settings (default server.toml in the data directory, which may be missing)
  --data DIR           where keys, certificates and the database live (default: the directory of the settings)
  --port PORT          overrides the port of bind_address; 0 picks a free one
  --exit-with-parent   stop when standard input is closed
  --help               this text
`;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      data: { type: 'string' },
      port: { type: 'string' },
      'exit-with-parent': { type: 'boolean' },
      'no-bundling': { type: 'boolean' },
      'test-certificates': { type: 'string' },
      'record-received': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const configPath = resolve(values.config ?? join(values.data ?? '.', 'server.toml'));
  const environment = readEnvironment();
  const config = readConfig(readSettings(configPath, values.config !== undefined), environment);
  if (!config.ok) throw new CodedError('config_invalid', config.error);
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65535))
    throw new CodedError('usage', '--port must be a whole number from 0 to 65535.');

  const threshold = LEVELS.indexOf(config.value['server.log_level']);
  const logger = createLogger((entry) => {
    if (LEVELS.indexOf(entry.level) < threshold) return;
    process.stderr.write(`${formatLogEntry({ ...entry, fields: { at: Date.now(), ...entry.fields } })}\n`);
  });
  const server = await startServer({
    config: config.value,
    environment,
    dataDirectory: resolve(values.data ?? dirname(configPath)),
    port,
    clock: systemClock,
    logger,
    certificates: values['test-certificates']
      ? readTestSchedule(values['test-certificates'])
      : CERTIFICATE_SCHEDULE,
    bundling: !values['no-bundling'],
    record: values['record-received'] === undefined ? undefined : recordTo(values['record-received']),
  });
  process.stdout.write(`${JSON.stringify({ ready: true, port: server.port, serverId: server.serverId })}\n`);
  logger.log('info', 'relay.ready', { port: server.port });

  let stopping = false;
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    logger.log('info', 'relay.stopping', { reason: logCode(reason) });
    server.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', () => stop('sigterm'));
  process.on('SIGINT', () => stop('sigint'));
  if (values['exit-with-parent']) {
    process.stdin.on('end', () => stop('parentGone'));
    process.stdin.on('error', () => stop('parentGone'));
    process.stdin.resume();
  }
}

/** A file the operator named must exist; the default one may be missing. */
function readSettings(path: string, named: boolean): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!named && (error as { code?: string }).code === 'ENOENT') return '';
    throw new CodedError(
      'config_unreadable',
      'The settings file cannot be read. Check --config and --allow-read.',
    );
  }
}

/** Variables the sandbox does not grant count as not set. */
function readEnvironment(): Readonly<Record<string, string | undefined>> {
  const out: Record<string, string | undefined> = {};
  for (const name of ENVIRONMENT_NAMES) {
    try {
      out[name] = process.env[name];
    } catch {
      out[name] = undefined;
    }
  }
  return out;
}

/** Appends what comes in to a file, each piece behind its length, for the test of what a relay learns. */
function recordTo(path: string): (bytes: Uint8Array) => void {
  const file = openSync(path, 'a', 0o600);
  const length = new Uint8Array(4);
  return (bytes) => {
    new DataView(length.buffer).setUint32(0, bytes.length);
    writeSync(file, length);
    writeSync(file, bytes);
  };
}

/** Short-lived certificates for the rotation test: validity, announcement and replacement in milliseconds. */
function readTestSchedule(text: string): CertificateSchedule {
  const [validity, announceAfter, replaceAfter] = text.split(',').map(Number);
  if (!validity || !announceAfter || !replaceAfter)
    throw new CodedError('usage', '--test-certificates takes three numbers.');
  return { validity, announceAfter, replaceAfter };
}

try {
  await main();
} catch (error) {
  const coded = error instanceof CodedError ? error : undefined;
  const message = coded?.message ?? 'The relay could not start.';
  const detail = coded ? {} : { kind: (error as Error).name };
  process.stderr.write(
    `${JSON.stringify({ level: 'error', event: 'relay.startFailed', code: coded?.code ?? 'internal', message, ...detail })}\n`,
  );
  process.exit(1);
}
