// @ts-check
/**
 * Makes sure that what a command needs is there: the npm packages, the build, a browser. Uses nothing but
 * Node, because it runs first on a fresh machine.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { manifestFile, root } from './paths.mjs';

/** Oldest Node that works: type stripping is not needed, `import.meta.dirname` and `recursive` readdir are. */
const MINIMUM_NODE = [20, 19];

/**
 * Says why in one sentence and ends the process.
 * @param {string} sentence
 * @returns {never}
 */
export function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

/** Refuses a Node that is too old, in words. */
export function ensureNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = MINIMUM_NODE;
  if (major < needMajor || (major === needMajor && minor < needMinor))
    fail(
      `Node ${process.versions.node} is too old: Conclave needs Node ${needMajor}.${needMinor} or newer (nodejs.org).`,
    );
}

/**
 * Runs a program and gives what it printed.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ readonly timeoutMs: number, readonly env?: NodeJS.ProcessEnv, readonly inherit?: boolean }} options
 * @returns {Promise<{ readonly code: number, readonly output: string }>}
 */
export function run(program, args, options) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: options.env ?? process.env,
      stdio: options.inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
      // npm is a script on Windows.
      shell: process.platform === 'win32' && program === 'npm',
    });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += String(chunk)));
    child.stderr?.on('data', (chunk) => (output += String(chunk)));
    const timer = setTimeout(() => {
      output += `\nended after ${Math.round(options.timeoutMs / 1000)} s`;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, output: error.message });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output });
    });
  });
}

/**
 * One line that says what is going on and for how long, rewritten in place on a terminal.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgressLine(what, work) {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const terminal = process.stdout.isTTY;
  if (!terminal) process.stdout.write(`${what} ...\n`);
  const timer = terminal
    ? setInterval(() => process.stdout.write(`\r${what} ... ${seconds()} `), 250)
    : undefined;
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (terminal) process.stdout.write(`\r${what}: done in ${seconds()}\n`);
  }
}

/** Whether node_modules holds what package-lock.json asks for. */
export function dependenciesAreCurrent() {
  const installedFile = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  try {
    /** @typedef {{ packages: Record<string, { version?: string, optional?: boolean, integrity?: string }> }} Lock */
    const wanted = /** @type {Lock} */ (JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')))
      .packages;
    const installed = /** @type {Lock} */ (JSON.parse(readFileSync(installedFile, 'utf8'))).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true;
      const there = installed[path];
      return there
        ? there.version === entry.version && there.integrity === entry.integrity
        : entry.optional === true;
    });
  } catch {
    return false;
  }
}

/** Installs the npm packages when they are missing or do not match the lock file. */
export async function ensureDependencies() {
  ensureNode();
  if (dependenciesAreCurrent()) return;
  const { code, output } = await withProgressLine('Installing the npm packages (once)', () =>
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { timeoutMs: 15 * 60_000 }),
  );
  if (code === 0) return;
  process.stderr.write(`${output.trim().split('\n').slice(-15).join('\n')}\n`);
  fail(
    'The npm packages could not be installed. Check that the npm registry can be reached and run the command again.',
  );
}

/** Time of the newest source, ms since 1970. @param {string} folder @returns {number} */
function newestBelow(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestBelow(path) : statSync(path).mtimeMs);
  }
  return newest;
}

/** Whether `dist` was built from the sources as they are. */
export function buildIsCurrent() {
  if (!existsSync(manifestFile)) return false;
  const built = statSync(manifestFile).mtimeMs;
  const folders = ['core', 'renderer', 'extensions', 'main', 'server', 'build'];
  const files = ['package.json', 'package-lock.json'];
  return (
    folders.every((folder) => newestBelow(join(root, folder)) <= built) &&
    files.every((file) => statSync(join(root, file)).mtimeMs <= built)
  );
}

/** Builds when a source is newer than the build. */
export async function ensureBuild() {
  if (buildIsCurrent()) return;
  const { build } = await import('./bundle.mjs');
  if (!(await withProgressLine('Building', () => build({ quiet: true }))))
    fail('The build failed; see above.');
}

/** Where a Chromium may be, most wanted first. @returns {readonly string[]} */
function browserCandidates() {
  const fromEnvironment = process.env['CONCLAVE_CHROMIUM'];
  if (fromEnvironment) return [fromEnvironment];
  if (process.platform === 'darwin')
    return ['Chromium', 'Google Chrome', 'Microsoft Edge'].map(
      (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
    );
  if (process.platform === 'win32')
    return [process.env['ProgramFiles'], process.env['ProgramFiles(x86)'], process.env['LOCALAPPDATA']]
      .filter((folder) => folder !== undefined)
      .flatMap((folder) => [
        join(folder, 'Chromium/Application/chrome.exe'),
        join(folder, 'Google/Chrome/Application/chrome.exe'),
        join(folder, 'Microsoft/Edge/Application/msedge.exe'),
      ]);
  const names = [
    'chromium',
    'chromium-browser',
    'google-chrome-stable',
    'google-chrome',
    'microsoft-edge-stable',
    'microsoft-edge',
  ];
  const folders = (process.env['PATH'] ?? '/usr/bin:/usr/local/bin').split(':');
  return names.flatMap((name) => folders.map((folder) => join(folder, name)));
}

/** The installed Chromium, Chrome or Edge, if any. @returns {string | undefined} */
export function findBrowser() {
  return browserCandidates().find((path) => existsSync(path));
}

/** Gives a Chromium for the tests, installing Debian's package where that is possible without asking. */
export async function ensureBrowser() {
  const found = findBrowser();
  if (found) return found;
  const advice = 'Install Chromium (Debian: apt-get install chromium) or set CONCLAVE_CHROMIUM to its path.';
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    fail(`The end-to-end tests need Chromium. ${advice}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { code, output } = await withProgressLine('Installing Chromium (once)', async () => {
    await run('apt-get', ['update', '-qq'], { timeoutMs: 5 * 60_000, env });
    return run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
      timeoutMs: 15 * 60_000,
      env,
    });
  });
  const installed = findBrowser();
  if (installed) return installed;
  process.stderr.write(`${output.trim().split('\n').slice(-10).join('\n')}\n`);
  return fail(`Chromium could not be installed (apt-get ended with ${code}). ${advice}`);
}
