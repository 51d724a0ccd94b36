// @ts-check
/**
 * `npm start`: from a fresh checkout with nothing but Node to a running program.
 *
 *   npm start [-- --web] [-- --profile <folder>] [conclave://join?...]
 *
 * Electron when it is there or can be fetched, else an installed Chromium, Chrome or Edge as an app window,
 * else (no display) the address to open elsewhere. CONCLAVE_SKIP_ELECTRON=1 skips the first.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuild, ensureDependencies, fail, findBrowser, run, withProgressLine } from './ensure.mjs';
import { dist, root } from './paths.mjs';

/** The Electron archive has about 110 MB. */
const ELECTRON_DOWNLOAD_MS = 4 * 60_000;
/** After a failed download it is not tried again for this long. */
const ELECTRON_RETRY_MS = 24 * 60 * 60_000;
const HOST_READY_MS = 30_000;

/** Signals that end the program; children get them too. */
const ENDING = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

const args = process.argv.slice(2);
const forceWeb = args.includes('--web');
const hostArguments = args.filter((text) => text !== '--web');

await ensureDependencies();
await ensureBuild();

const hasDisplay =
  process.platform !== 'linux' || Boolean(process.env['DISPLAY']) || Boolean(process.env['WAYLAND_DISPLAY']);
const electron = forceWeb || !hasDisplay ? undefined : await electronBinary();
if (electron) process.exitCode = await runElectron(electron);
else await runWeb();

/** Path of the Electron program, fetched when that is possible. @returns {Promise<string | undefined>} */
async function electronBinary() {
  if (process.env['CONCLAVE_SKIP_ELECTRON'] === '1') return undefined;
  const folder = join(root, 'node_modules/electron');
  const find = () => {
    const pathFile = join(folder, 'path.txt');
    if (!existsSync(pathFile)) return undefined;
    const program = join(folder, 'dist', readFileSync(pathFile, 'utf8').trim());
    return existsSync(program) ? program : undefined;
  };
  const found = find();
  if (found) return found;
  const cache = join(root, 'node_modules/.cache/conclave');
  const failedFile = join(cache, 'electron-download-failed');
  if (existsSync(failedFile) && Date.now() - statSync(failedFile).mtimeMs < ELECTRON_RETRY_MS)
    return undefined;
  await withProgressLine('Fetching Electron (once)', () =>
    run(process.execPath, [join(folder, 'install.js')], { timeoutMs: ELECTRON_DOWNLOAD_MS }),
  );
  const fetched = find();
  if (!fetched) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(failedFile, '');
    process.stdout.write(
      'Electron cannot be downloaded here; the workbench opens in a browser window instead.\n',
    );
  }
  return fetched;
}

/** @param {string} program @returns {Promise<number>} the exit code */
function runElectron(program) {
  // Chromium's sandbox cannot be set up as root; Electron refuses to start there without this.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const child = spawn(program, [...sandbox, root, ...hostArguments], { cwd: root, stdio: 'inherit' });
  for (const signal of ENDING) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('error', () => fail('Electron could not be started. Try CONCLAVE_SKIP_ELECTRON=1 npm start.'));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Serves the workbench and shows it in a browser window, or says where it is. */
async function runWeb() {
  const host = spawn(
    process.execPath,
    [join(dist, 'main/serve.js'), '--exit-with-parent', ...hostArguments],
    {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let browser = /** @type {import('node:child_process').ChildProcess | undefined} */ (undefined);
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    browser?.kill('SIGTERM');
    host.stdin.end();
  };
  // Ctrl+C reaches the children as well; this process waits for their orderly end.
  for (const signal of ENDING) process.on(signal, end);
  host.on('close', (code) => {
    browser?.kill('SIGTERM');
    process.exitCode = ending ? 0 : (code ?? 1);
  });

  const address = await firstLine(host);
  if (!address) return;
  const { url, profile } = address;
  const program = hasDisplay ? findBrowser() : undefined;
  if (!program) {
    process.stdout.write(
      hasDisplay
        ? `There is no Electron and no Chromium, Chrome or Edge here. Open this address in one of them on this computer:\n  ${url}\n`
        : `There is no display here. The workbench is served at\n  ${url}\n` +
            'and "npm run demo" shows two people talking without a display.\n',
    );
    process.stdout.write('Ctrl+C ends it.\n');
    return;
  }
  browser = spawn(
    program,
    [
      `--app=${url}`,
      `--user-data-dir=${join(profile, 'browser')}`,
      '--no-first-run',
      '--no-default-browser-check',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // As in main/electron/main.ts.
      '--audio-buffer-size=256',
      '--window-size=1280,800',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
    { stdio: 'ignore' },
  );
  browser.on('error', () =>
    process.stdout.write(`The browser could not be started. Open this address yourself:\n  ${url}\n`),
  );
  browser.on('close', end);
}

/**
 * The line the host prints when the page can be opened.
 * @param {import('node:child_process').ChildProcess} host
 * @returns {Promise<{ readonly url: string, readonly profile: string } | undefined>} undefined when it ended instead
 */
function firstLine(host) {
  return new Promise((resolve) => {
    let text = '';
    const timer = setTimeout(() => {
      host.kill('SIGKILL');
      fail('The workbench was not served within 30 s.');
    }, HOST_READY_MS);
    host.stdout?.on('data', (chunk) => {
      text += String(chunk);
      const end = text.indexOf('\n');
      if (end < 0) return;
      clearTimeout(timer);
      resolve(JSON.parse(text.slice(0, end)));
    });
    host.on('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
