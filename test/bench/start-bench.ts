import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchChromium } from '../support/chromium.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const RUNS = 5;

/** One built start: from the process to a window that can be used, the browser's own start included. */
async function startOnce(): Promise<{
  readonly hostMs: number;
  readonly browserMs: number;
  readonly totalMs: number;
}> {
  const profile = mkdtempSync(join(tmpdir(), 'conclave-start-'));
  const since = Date.now();
  const child = spawn(process.execPath, [join(root, 'build/start.mjs'), '--web', '--profile', profile], {
    env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const found = /http:\/\/\S+/.exec(text);
        if (found && text.indexOf('\n', found.index) >= 0) resolve(found[0]);
      });
      child.once('exit', () => reject(new Error(`npm start ended: ${text}`)));
    });
    const hostMs = Date.now() - since;
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const browserMs = Date.now() - since - hostMs;
      await page.goto(url);
      for (;;) {
        const mark = await page.evaluate(
          '(() => { const [mark] = performance.getEntriesByName("conclave/interactive"); return mark ? performance.timeOrigin + mark.startTime : 0; })()',
        );
        if (typeof mark === 'number' && mark > 0) return { hostMs, browserMs, totalMs: mark - since };
        await page.waitForTimeout(5);
      }
    } finally {
      await browser.close();
    }
  } finally {
    child.kill('SIGTERM');
    await exited;
    rmSync(profile, { recursive: true, force: true });
  }
}

/** Time from a built `npm start` to an interactive workbench in Chromium; the median of five. */
export async function startBench(): Promise<Record<string, unknown>> {
  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await startOnce());
  runs.sort((a, b) => a.totalMs - b.totalMs);
  const median = runs[runs.length >> 1] as (typeof runs)[number];
  return {
    bench: 'start',
    hostMs: Math.round(median.hostMs),
    browserMs: Math.round(median.browserMs),
    interactiveMs: Math.round(median.totalMs),
    targetMs: 1500,
  };
}
