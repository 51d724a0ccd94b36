// @ts-check
/**
 * `npm run check`: everything that can be said about the sources without running them. Two checks run at a
 * time, the slowest first; every one runs to its end and all problems are printed.
 *
 *   node build/check.mjs [name ...]
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies, run } from './ensure.mjs';
import { root } from './paths.mjs';

const CHECK_MS = 5 * 60_000;
const CACHE = 'node_modules/.cache/conclave';

/** One tsconfig per runtime, so that a DOM call in core or a Node call in the renderer does not compile. */
const PROJECTS = [
  'test',
  'renderer',
  'main',
  'core',
  'server',
  'core/workers',
  'extensions',
  'renderer/audio/worklets',
  'main/preload',
  'build',
  'test/deno',
];

/** @param {string} package_ @param {string} file @param {readonly string[]} args @returns {() => Promise<{ code: number, output: string }>} */
const tool = (package_, file, args) => () =>
  run(process.execPath, [join(root, 'node_modules', package_, file), ...args], { timeoutMs: CHECK_MS });

/** @type {Readonly<Record<string, () => Promise<{ readonly code: number, readonly output: string }>>>} */
const CHECKS = {
  lint: tool('eslint', 'bin/eslint.js', [
    '.',
    '--max-warnings',
    '0',
    '--cache',
    '--cache-location',
    `${CACHE}/eslint`,
  ]),
  ...Object.fromEntries(
    PROJECTS.map((project) => [
      `types ${project}`,
      tool('typescript', 'bin/tsc', [
        ...['-p', `${project}/tsconfig.json`, '--pretty', 'false'],
        ...['--incremental', '--tsBuildInfoFile', `${CACHE}/${project.replaceAll('/', '-')}.tsbuildinfo`],
      ]),
    ]),
  ),
  format: tool('prettier', 'bin/prettier.cjs', [
    '--check',
    '--log-level',
    'warn',
    '--cache',
    '--cache-location',
    `${CACHE}/prettier`,
    '.',
  ]),
  dependencies: tool('dependency-cruiser', 'bin/dependency-cruise.mjs', [
    ...['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long'],
    ...['core', 'server', 'renderer', 'main', 'extensions'],
  ]),
  'dead code': tool('knip', 'bin/knip.js', ['--no-progress', '--no-config-hints']),
  'file names': async () => {
    const problems = misnamedFiles();
    return { code: problems.length === 0 ? 0 : 1, output: problems.join('\n') };
  },
};

/** Files whose names are not kebab-case, with what they should be. */
function misnamedFiles() {
  const pattern = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
  return ['core', 'server', 'renderer', 'main', 'extensions', 'build', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => !pattern.test(entry.name) && !entry.parentPath.includes('fixtures'))
      .map(
        (entry) =>
          `${join(entry.parentPath, entry.name).slice(root.length + 1)}: names are kebab-case, such as jitter-buffer.ts`,
      ),
  );
}

/**
 * Runs checks, two at a time.
 * @param {readonly string[]} names
 * @returns {Promise<{ readonly passed: number, readonly failed: readonly string[] }>}
 */
export async function check(names = Object.keys(CHECKS)) {
  const waiting = [...names];
  /** @type {string[]} */
  const failed = [];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const started = performance.now();
      const { code, output } = await (CHECKS[name]?.() ?? { code: 1, output: `There is no check "${name}"` });
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`);
      if (code === 0) continue;
      failed.push(name);
      process.stdout.write(`${output.trim().replace(/^/gm, '       ')}\n`);
    }
  };
  await Promise.all([work(), work()]);
  return { passed: names.length - failed.length, failed };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await ensureDependencies();
  const names = process.argv.slice(2);
  const { passed, failed } = await check(names.length > 0 ? names : undefined);
  process.stdout.write(`${passed} checks passed, ${failed.length} failed\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
