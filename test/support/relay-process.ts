import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import {
  nodePrefix,
  WEBTRANSPORT_PACKAGE_DEFINES,
  webtransportPackage,
} from '../../build/webtransport-package.mjs';
import { readMediaHeader } from '../../core/protocol/media-datagram.ts';
import { ENVIRONMENT_NAMES } from '../../server/config/server-config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The bundle all tests run; the same file the application ships. */
export const RELAY_BUNDLE = join(root, 'dist/relay/relay.js');

/** How to start a relay for a test. */
export interface RelayProcessOptions {
  /** Another bundle than the relay as it is. */
  readonly bundle?: string;
  /** Kept by the caller; without it a fresh directory is made and removed by `stop` and `kill`. */
  readonly dataDir?: string;
  /** Default 0, a free port. */
  readonly port?: number;
  /** TOML text. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Writes down everything the relay receives, for {@link RelayProcess.stopAndCollect}. */
  readonly recordReceived?: boolean;
}

/** A relay that printed its ready line. */
export interface RelayProcess {
  readonly port: number;
  /** Hex identity. */
  readonly serverId: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Log lines so far; grows. */
  readonly stderr: readonly string[];
  /** Resolves with the exit code when the process is gone. */
  readonly exited: Promise<number | null>;
  /** Closes its standard input, as the end of its parent would. */
  closeInput(): void;
  /** Ends it in an orderly way and gives the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Ends it and gives all it has received (with `recordReceived`), logged and stored. */
  stopAndCollect(): Promise<CollectedTraces>;
}

/** Everything that could tell what people said. */
export interface CollectedTraces {
  /** What came in, the log, and every file of the data directory. */
  readonly everything: readonly Buffer[];
  /** Datagrams that came in. */
  readonly datagrams: number;
}

const RECORD_NAME = 'received.bin';
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** The platform's Deno binary; the npm wrapper would be one more process to end. */
export function denoBinary(): string {
  const require = createRequire(import.meta.url);
  const wrapper = dirname(require.resolve('deno/package.json'));
  const scope = join(dirname(wrapper), '@deno');
  for (const platform of existsSync(scope) ? readdirSync(scope) : []) {
    const binary = join(scope, platform, process.platform === 'win32' ? 'deno.exe' : 'deno');
    if (existsSync(binary)) return binary;
  }
  throw new Error('The Deno binary is missing: run npm install.');
}

/** Bundles an entry for Deno, unless the output is newer than everything it is made from; always with plugins. */
export async function bundleForDeno(
  entry: string,
  outfile: string,
  sources: readonly string[],
  plugins: readonly Plugin[] = [],
): Promise<void> {
  const newest = Math.max(...sources.map((source) => newestChange(join(root, source))));
  if (plugins.length === 0 && existsSync(outfile) && statSync(outfile).mtimeMs > newest) return;
  mkdirSync(dirname(outfile), { recursive: true });
  // The same file may be built at the same time, here or in another process: write beside it and rename.
  const temporary = `${outfile}.${randomUUID()}.js`;
  await build({
    entryPoints: [join(root, entry)],
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['node:*'],
    plugins: [...plugins, nodePrefix, webtransportPackage],
    define: WEBTRANSPORT_PACKAGE_DEFINES,
    outfile: temporary,
    logLevel: 'silent',
  });
  renameSync(temporary, outfile);
}

function newestChange(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}

/** Starts a relay on loopback with the same sandbox as in the application. */
export async function startRelay(options: RelayProcessOptions = {}): Promise<RelayProcess> {
  if (options.bundle === undefined)
    await bundleForDeno('server/cli.ts', RELAY_BUNDLE, ['server', 'core/base', 'core/protocol']);
  const ownData = options.dataDir === undefined;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'conclave-relay-'));
  const configDir = mkdtempSync(join(tmpdir(), 'conclave-relay-config-'));
  const configPath = join(configDir, 'server.toml');
  writeFileSync(configPath, options.config ?? '[server]\nbind_address = "0.0.0.0:8443"\n');
  const cleanUp = (): void => {
    rmSync(configDir, { recursive: true, force: true });
    if (ownData) rmSync(dataDir, { recursive: true, force: true });
  };
  const child = spawn(
    denoBinary(),
    [
      'run',
      '--unstable-net',
      '--no-remote',
      '--cached-only',
      '--no-prompt',
      '--allow-net=[::],127.0.0.1',
      `--allow-read=${dataDir},${configDir}`,
      `--allow-write=${dataDir}`,
      `--allow-env=${ENVIRONMENT_NAMES.join(',')}`,
      options.bundle ?? RELAY_BUNDLE,
      '--config',
      configPath,
      '--data',
      dataDir,
      '--port',
      String(options.port ?? 0),
      '--exit-with-parent',
      ...(options.recordReceived ? ['--record-received', join(dataDir, RECORD_NAME)] : []),
      ...(options.args ?? []),
    ],
    {
      env: { PATH: process.env['PATH'] ?? '', HOME: configDir, DENO_NO_UPDATE_CHECK: '1', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const stderr: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => stderr.push(line));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  let keep = false;
  void exited.then(() => keep || cleanUp());
  const ready = await new Promise<{ readonly port: number; readonly serverId: string }>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error('the relay did not become ready'));
    }, START_TIMEOUT_MS);
    child.once('error', reject);
    // 'close' comes after the last line of stderr.
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`the relay ended with ${code}: ${stderr.join('\n')}`));
    });
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timer);
      resolve(JSON.parse(line) as { port: number; serverId: string });
    });
  });
  return {
    ...ready,
    pid: child.pid as number,
    dataDir,
    stderr,
    exited,
    closeInput: () => void child.stdin.end(),
    async stop() {
      child.kill('SIGTERM');
      return waitForExit(child, exited);
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stopAndCollect() {
      keep = true;
      child.kill('SIGTERM');
      await waitForExit(child, exited);
      const files = filesBelow(dataDir);
      const everything = [...files.map((path) => readFileSync(path)), Buffer.from(stderr.join('\n'))];
      const record = files.find((path) => path.endsWith(RECORD_NAME));
      const datagrams = record ? countDatagrams(readFileSync(record)) : 0;
      cleanUp();
      return { everything, datagrams };
    },
  };
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** Counts the pieces of a record that look like media datagrams. */
function countDatagrams(record: Buffer): number {
  let count = 0;
  for (let offset = 0; offset + 4 <= record.length;) {
    const length = record.readUInt32BE(offset);
    if (readMediaHeader(record.subarray(offset + 4, offset + 4 + length))) count += 1;
    offset += 4 + length;
  }
  return count;
}

async function waitForExit(child: ChildProcess, exited: Promise<number | null>): Promise<number | null> {
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  try {
    return await exited;
  } finally {
    clearTimeout(timer);
  }
}
