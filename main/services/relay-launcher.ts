import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import {
  createDeferred,
  systemClock,
  withTimeout,
  type Clock,
  type Deferred,
} from '../../core/base/async.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import type { Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import { logCode, type Logger } from '../../core/base/log.ts';
import type { HostInfo, RelayStartOptions, RelayStatus } from '../../core/base/rpc/host-contract.ts';
import { integer, object, oneOf, parse, string } from '../../core/base/schema.ts';
import { fetchUntrusted } from './untrusted-fetch.ts';

/** The relay bundled with the program, run as a process of its own. */
export interface RelayLauncher {
  readonly availability: HostInfo['relay'];
  status(): RelayStatus;
  readonly onDidChange: Event<RelayStatus>;
  /** Starts the relay; resolves when it answers. Already running: gives its status. */
  start(options: RelayStartOptions): Promise<RelayStatus>;
  /** Stops it and waits until it is gone. */
  stop(): Promise<RelayStatus>;
  /** The newest lines it printed. */
  log(lines: number): readonly string[];
  /** As `stop`, and nothing can be started again. */
  close(): Promise<void>;
}

/** Where the relay's parts are. */
export interface RelayLauncherOptions {
  /** Folder of the relay's own data. */
  readonly dataFolder: string;
  /** The bundled relay, `relay.js`. */
  readonly script: string;
  /** Folder that holds `@deno/<platform>`. */
  readonly packages: string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

const READY_MS = 20_000;
const STOP_MS = 5_000;
const LOG_LINES = 5_000;
const LOG_LINE_CHARACTERS = 2_000;
const RESTART_DELAYS_MS = [1_000, 2_000, 4_000, 8_000, 16_000];
/** A relay that lived this long was healthy: the next crash starts counting anew. */
const HEALTHY_MS = 60_000;

/** What the relay prints on its standard output when it serves. */
const readySchema = object({
  port: integer({ min: 1, max: 65535 }),
  serverId: string({ min: 64, max: 64, pattern: /^[0-9a-f]{64}$/ }),
});

/** What it prints on its error output when it cannot start. */
const failureSchema = object({
  event: oneOf(['relay.startFailed']),
  code: string({ min: 1, max: 64, pattern: /^[a-z_]+$/ }),
  message: string({ min: 1, max: 1000 }),
});

/** The settings given by environment; the rest comes from `server.toml` in the data folder. */
const RELAY_ENVIRONMENT = [
  'CONCLAVE_SERVER_NAME',
  'CONCLAVE_BOOTSTRAP_ADMIN_KEY',
  'CONCLAVE_BOOTSTRAP_ADMIN_NAME',
] as const;

/** The Deno binary for this computer below a packages folder, or why there is none. */
export function denoBinary(packages: string): { readonly path: string } | { readonly reason: string } {
  const architecture = process.arch;
  const platform =
    process.platform === 'linux' ? `linux-${architecture}-glibc` : `${process.platform}-${architecture}`;
  const path = join(packages, '@deno', platform, process.platform === 'win32' ? 'deno.exe' : 'deno');
  if (existsSync(path)) return { path };
  return {
    reason: `The relay cannot run here: there is no Deno for ${platform}. Connect to a relay elsewhere.`,
  };
}

/**
 * What the relay may do: no prompts, no code from the network, and files and environment limited to what it
 * needs. It may listen on this computer's own addresses and connect to nobody: somebody who breaks into it
 * reaches no other machine through it.
 *
 * @param options.read further files or folders it may read
 * @param options.environment names of the variables it may read; `*` at the end stands for any rest
 */
export function denoPermissions(options: {
  readonly script: string;
  readonly dataFolder: string;
  readonly read?: readonly string[];
  readonly environment: readonly string[];
}): readonly string[] {
  const { script, dataFolder, read = [], environment } = options;
  return [
    '--unstable-net',
    '--no-remote',
    '--cached-only',
    '--no-prompt',
    '--no-config',
    '--no-lock',
    `--allow-net=${ownAddresses().join(',')}`,
    `--allow-read=${[dataFolder, dirname(script), ...read].map(escapeComma).join(',')}`,
    `--allow-write=${escapeComma(dataFolder)}`,
    `--allow-env=${environment.join(',')}`,
  ];
}

/** Every address this computer can listen on, as Deno writes them. */
function ownAddresses(): readonly string[] {
  const found = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? [])
      .filter(({ family, scopeid }) => family === 'IPv4' || scopeid === 0)
      .map(({ family, address }) => (family === 'IPv6' ? `[${address}]` : address)),
  );
  return [...new Set(['[::]', '0.0.0.0', '[::1]', '127.0.0.1', 'localhost', ...found])];
}

/** Deno separates paths by commas and takes a doubled one as a comma that belongs to the path. */
function escapeComma(path: string): string {
  return path.replaceAll(',', ',,');
}

/** Makes a launcher; nothing is started yet. */
export function createRelayLauncher(options: RelayLauncherOptions): RelayLauncher {
  const { dataFolder, script, packages, logger, clock = systemClock } = options;
  const changed = createEmitter<RelayStatus>();
  const lines: string[] = [];
  let status: RelayStatus = { state: 'stopped' };
  let child: ChildProcess | undefined;
  let wanted: RelayStartOptions | undefined;
  let restart: Disposable | undefined;
  let failures = 0;
  let closedForGood = false;
  /** Settles when the relay first answers or has definitely failed. */
  let starting: Deferred<RelayStatus> | undefined;

  const binary = denoBinary(packages);
  const availability: HostInfo['relay'] =
    'reason' in binary
      ? { available: false, reason: binary.reason }
      : existsSync(script)
        ? { available: true }
        : { available: false, reason: 'The relay is not part of this installation.' };

  const setStatus = (next: RelayStatus): void => {
    status = next;
    changed.fire(next);
  };
  const remember = (text: string): void => {
    lines.push(text.slice(0, LOG_LINE_CHARACTERS));
    if (lines.length > LOG_LINES) lines.splice(0, lines.length - LOG_LINES);
  };
  const giveUp = (code: string, message: string): void => {
    wanted = undefined;
    logger.log('error', 'relay.failed', { reason: logCode(code) });
    setStatus({ state: 'failed', code, message });
    starting?.resolve(status);
    starting = undefined;
  };

  const launch = async (request: RelayStartOptions): Promise<void> => {
    if ('reason' in binary) return giveUp('relay_unavailable', binary.reason);
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    if (wanted !== request) return;
    const startedAt = clock.now();
    const process_ = spawn(
      binary.path,
      [
        'run',
        ...denoPermissions({ script, dataFolder, environment: RELAY_ENVIRONMENT }),
        script,
        ...['--data', dataFolder, '--port', String(request.port), '--exit-with-parent'],
      ],
      {
        cwd: dataFolder,
        env: relayEnvironment(request),
        // The relay ends when its standard input does: it cannot outlive this process.
        stdio: ['pipe', 'pipe', 'pipe'],
        windowsHide: true,
      },
    );
    child = process_;
    let ready = false;
    let lastError = '';
    process_.on('error', () => {
      lastError = 'The Deno program could not be started';
    });
    process_.stdin.on('error', () => {});
    readLines(process_.stderr, (line) => {
      remember(line);
      lastError = line;
    });
    readLines(process_.stdout, (line) => {
      remember(line);
      if (ready) return;
      const announced = readReadyLine(line);
      if (!announced) return;
      ready = true;
      void waitUntilHealthy(announced.port, clock).then(
        () => {
          if (child !== process_) return;
          // A crash later must come back on the same port, which invites already name.
          if (request.port === 0 && wanted === request) wanted = { ...request, port: announced.port };
          setStatus({ state: 'running', ...announced, startedAt: clock.wallTime() });
          logger.log('info', 'relay.running', {});
          starting?.resolve(status);
          starting = undefined;
        },
        () => process_.kill('SIGKILL'),
      );
    });
    const patience = clock.setTimer(READY_MS, () => {
      if (!ready) process_.kill('SIGKILL');
    });
    process_.once('close', (code) => {
      patience.dispose();
      if (child === process_) child = undefined;
      if (!wanted) return;
      if (clock.now() - startedAt > HEALTHY_MS) failures = 0;
      const neverRan = status.state === 'starting' && failures === 0;
      logger.log('warn', 'relay.exited', { exitCode: code ?? -1, attempt: failures });
      // A relay that cannot even start once (port taken, no rights) will not do better by trying again.
      const delay = neverRan ? undefined : RESTART_DELAYS_MS[failures];
      if (delay === undefined) {
        const reason = readFailureLine(lastError);
        giveUp(
          reason?.code ?? 'relay_crashed',
          reason?.message ?? 'The relay ended unexpectedly. Its log tells more.',
        );
        return;
      }
      failures += 1;
      setStatus({ state: 'starting' });
      const again = wanted;
      restart = clock.setTimer(delay, () => void launch(again));
    });
  };

  const stop = async (): Promise<RelayStatus> => {
    wanted = undefined;
    restart?.dispose();
    const process_ = child;
    if (process_) {
      const gone = createDeferred<void>();
      process_.once('close', () => gone.resolve());
      process_.stdin?.end();
      process_.kill('SIGTERM');
      const force = clock.setTimer(STOP_MS, () => process_.kill('SIGKILL'));
      await gone.promise;
      force.dispose();
    }
    starting?.reject(new CodedError('cancelled', 'The relay was stopped while it was starting'));
    starting = undefined;
    if (status.state !== 'stopped') setStatus({ state: 'stopped' });
    return status;
  };

  return {
    availability,
    status: () => status,
    onDidChange: changed.event,
    async start(request) {
      if (closedForGood) throw new CodedError('relay_unavailable', 'The program is closing');
      if (!availability.available) throw new CodedError('relay_unavailable', availability.reason);
      if (status.state === 'running') return status;
      if (!starting) {
        starting = createDeferred<RelayStatus>();
        failures = 0;
        wanted = request;
        setStatus({ state: 'starting' });
        void launch(request).catch(() =>
          giveUp('relay_unavailable', "The relay's data folder cannot be written."),
        );
      }
      const outcome = await starting.promise;
      if (outcome.state === 'failed') throw new CodedError(outcome.code, outcome.message);
      return outcome;
    },
    stop,
    log: (count) => lines.slice(-count),
    async close() {
      closedForGood = true;
      await stop().catch(() => {});
      changed.dispose();
    },
  };
}

/** The little the relay needs: its own variables and what Deno itself uses to find temporary folders. */
function relayEnvironment(request: RelayStartOptions): NodeJS.ProcessEnv {
  const inherited = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LANG'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    DENO_NO_UPDATE_CHECK: '1',
    DENO_NO_PACKAGE_JSON: '1',
    NO_COLOR: '1',
    CONCLAVE_SERVER_NAME: request.name,
    ...(request.adminIdentity === undefined ? {} : { CONCLAVE_BOOTSTRAP_ADMIN_KEY: request.adminIdentity }),
    ...(request.adminName === undefined ? {} : { CONCLAVE_BOOTSTRAP_ADMIN_NAME: request.adminName }),
  };
}

function readReadyLine(line: string): { readonly port: number; readonly serverId: string } | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed = parse(readySchema, JSON.parse(line));
    return parsed.ok ? parsed.value : undefined;
  } catch {
    return undefined;
  }
}

/** Why the relay did not start, when it says so itself. */
function readFailureLine(line: string): { readonly code: string; readonly message: string } | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed = parse(failureSchema, JSON.parse(line));
    return parsed.ok ? parsed.value : undefined;
  } catch {
    return undefined;
  }
}

function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split(/\r?\n/);
    rest = (parts.pop() ?? '').slice(0, LOG_LINE_CHARACTERS);
    for (const line of parts) if (line !== '') onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

async function waitUntilHealthy(port: number, clock: Clock): Promise<void> {
  await withTimeout(
    clock,
    READY_MS,
    fetchUntrusted({ host: '127.0.0.1', port, path: '/healthz', maxBytes: 4096, timeoutMs: READY_MS, clock }),
    () => new CodedError('timeout', 'The relay does not answer'),
  );
}
