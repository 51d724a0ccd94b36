// @ts-check
/**
 * `npm test`: everything, from a fresh checkout, with no questions asked. The last line is
 * `N passed, N failed`, summed over the checks, the unit and integration tests and the end-to-end tests.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBrowser, ensureBuild, ensureDependencies, run } from './ensure.mjs';
import { root } from './paths.mjs';

const VITEST_MS = 20 * 60_000;
const PLAYWRIGHT_MS = 20 * 60_000;

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @type {Counts} */
const total = { passed: 0, failed: 0, skipped: 0 };
/** @param {Counts} counts */
const add = (counts) => {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
};
/** @param {string} title */
const heading = (title) => process.stdout.write(`\n== ${title}\n`);

await ensureDependencies();
const browser = await ensureBrowser();
await ensureBuild();
// Colour codes around every dot would bury the words of a log.
const plain = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
const env = { ...process.env, ...plain, CI: 'true', CONCLAVE_CHROMIUM: browser };
const reports = join(root, 'node_modules/.cache/conclave/reports');
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });

heading('Checks');
const { check } = await import('./check.mjs');
const checks = await check();
add({ passed: checks.passed, failed: checks.failed.length, skipped: 0 });

heading('Unit and integration tests');
const unitReport = join(reports, 'vitest.json');
const unit = await run(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=dot',
    '--reporter=json',
    `--outputFile.json=${unitReport}`,
  ],
  { timeoutMs: VITEST_MS, env, inherit: true },
);
add(withExitCode(readVitest(unitReport), unit.code));

heading('End-to-end tests');
await playwright('playwright.json', []);

heading('Attacks by extensions');
await playwright('hostile.json', ['--config', join(root, 'test/hostile/playwright.config.ts')]);

if (checks.failed.length > 0) process.stdout.write(`\nFailed checks: ${checks.failed.join(', ')}\n`);
process.stdout.write(
  `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}\n`,
);
process.exitCode = total.failed === 0 ? 0 : 1;

/** @param {string} name of the report @param {readonly string[]} args @returns {Promise<void>} */
async function playwright(name, args) {
  const report = join(reports, name);
  const { code } = await run(
    process.execPath,
    [join(root, 'node_modules/@playwright/test/cli.js'), 'test', ...args, '--reporter=list,json'],
    { timeoutMs: PLAYWRIGHT_MS, env: { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: report }, inherit: true },
  );
  add(withExitCode(readPlaywright(report), code));
}

/** @param {string} file @returns {Counts} */
function readVitest(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0 };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  // A file that cannot be loaded has no tests to count, yet it failed.
  const broken = report.testResults.filter(
    (/** @type {{ status: string, assertionResults: unknown[] }} */ result) =>
      result.status === 'failed' && result.assertionResults.length === 0,
  ).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** @param {string} file @returns {Counts} */
function readPlaywright(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0 };
  const { stats, errors } = JSON.parse(readFileSync(file, 'utf8'));
  return {
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + errors.length,
    skipped: stats.skipped,
  };
}

/**
 * A runner that ended badly without naming a failed test counts as one.
 * @param {Counts} counts
 * @param {number} code
 * @returns {Counts}
 */
function withExitCode(counts, code) {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}
