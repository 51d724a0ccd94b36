// @ts-check
/**
 * `npm run package [-- <electron-builder options>]`: a release build, then installers for this platform.
 *
 * electron-builder and the Electron archive it needs are fetched by npx when this runs; they are no
 * dependencies of the project, because nobody who runs or tests it needs them. With `--dry` nothing is
 * fetched: the release is built and every file the configuration names is checked to be there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDependencies, fail, run } from './ensure.mjs';
import { root } from './paths.mjs';

const BUILDER = 'electron-builder@26.17.0';
const CONFIG = 'build/package/electron-builder.json';

const args = process.argv.slice(2);
await ensureDependencies();
const { build } = await import('./bundle.mjs');
if (!(await build({ release: true }))) fail('The release build failed; see above.');

const config = JSON.parse(readFileSync(join(root, CONFIG), 'utf8'));
/** @type {string[]} */
const named = [
  ...config.files,
  ...config.extraResources.map((/** @type {{ from: string }} */ entry) => entry.from),
];
const missing = named.filter((pattern) => !pattern.startsWith('!') && !exists(pattern));
if (missing.length > 0)
  fail(`The package configuration names files that do not exist: ${missing.join(', ')}`);
if (args.includes('--dry')) {
  process.stdout.write('The release is built and the package configuration is complete.\n');
} else {
  const { code } = await run('npx', ['--yes', BUILDER, '--config', CONFIG, ...args], {
    timeoutMs: 60 * 60_000,
    inherit: true,
  });
  process.exitCode = code;
}

/** @param {string} pattern */
function exists(pattern) {
  const folder = pattern.replace(/\/\*\*$/, '');
  return existsSync(join(root, folder));
}
