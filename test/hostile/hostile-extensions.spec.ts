import { readFileSync, existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { openWorkbench, type Workbench } from '../support/workbench.ts';
import { makeHostileBuild, type HostileBuild } from './hostile-build.ts';

/**
 * Every attack of `extensions/` runs as a sandboxed extension in a workbench that is in a call. None may reach
 * the network, the page, another extension or anything it has no permission for, and none may take the window
 * or the call down.
 */
test.describe.configure({ mode: 'serial' });
let build: HostileBuild;
let workbench: Workbench;
let canary: Server;
/** What reached the server that nobody may reach. */
const reached: string[] = [];
const failed = new Set<string>();

/** Longest time the page's own code may be kept waiting, in ms; half a second is felt, but nothing is lost. */
const MAX_STALL_MS = 500;

test.beforeAll(async () => {
  canary = createServer((request, response) => {
    reached.push(request.url ?? '');
    const type = request.url === '/event-source' ? 'text/event-stream' : 'text/javascript';
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': type }).end('1');
  });
  canary.on('upgrade', (request, socket) => {
    reached.push(request.url ?? '');
    socket.destroy();
  });
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
  build = makeHostileBuild(`http://127.0.0.1:${(canary.address() as AddressInfo).port}`);
  workbench = await openWorkbench({ dist: build.dist });
  await workbench.createIdentity('Ada');
  await workbench.page.getByTestId('welcome-start-relay').click();
  await workbench.until('connected', ({ connection }) => connection.state === 'connected', 30_000);
  await workbench.joinRoom('Lobby');
});
test.afterAll(async () => {
  await workbench?.close();
  canary?.close();
  build?.remove();
});

const item = (name: string) => workbench.page.locator(`[data-id="${name}.result"]`);

/** Nothing an extension did has taken the person out of the call or left something behind in the page. */
async function expectUnharmed(): Promise<void> {
  const { connection, call } = await workbench.diagnostics();
  expect(connection.state).toBe('connected');
  expect(call.state).toBe('joined');
  expect(await workbench.page.evaluate('({}).polluted ?? globalThis.polluted ?? null')).toBe(null);
  expect(await workbench.page.evaluate('crossOriginIsolated')).toBe(true);
  expect(reached).toEqual([]);
  const composer = await workbench.page.getByTestId('chat-composer').boundingBox();
  expect((composer?.x ?? Infinity) + (composer?.width ?? Infinity)).toBeLessThanOrEqual(1280);
}

/** Runs an attack and gives the longest time the page's timers were late meanwhile. */
async function stallDuring(run: () => Promise<void>): Promise<number> {
  await workbench.page.evaluate(`(() => {
    const probe = { last: performance.now(), longest: 0 };
    probe.timer = setInterval(() => {
      const now = performance.now();
      probe.longest = Math.max(probe.longest, now - probe.last - 10);
      probe.last = now;
    }, 10);
    globalThis.stallProbe = probe;
  })()`);
  await run();
  return Number(
    await workbench.page.evaluate('(clearInterval(stallProbe.timer), Math.round(stallProbe.longest))'),
  );
}

test('outside the sandbox the same attacks succeed, so their failure means something', async () => {
  const page = await workbench.page.context().newPage();
  const { port } = canary.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/`);
  const names = ['fetch', 'xhr', 'event-source', 'dynamic-import', 'import-scripts', 'nested-worker'];
  for (const name of [...names, 'indexed-db', 'cache-storage', 'eval', 'new-function', 'broadcast-channel']) {
    const source = readFileSync(new URL(`./extensions/${name}.js`, import.meta.url), 'utf8');
    const code = `const exports = {};\n${source}
      const tools = { canary: 'http://127.0.0.1:${port}', name: self.name };
      Promise.resolve().then(() => exports.attack(tools)).then((how) => postMessage(how !== undefined), () => postMessage(false));`;
    const succeeded = await page.evaluate(
      async ([text, count]) => {
        const url = URL.createObjectURL(new Blob([text as string], { type: 'text/javascript' }));
        const workers = Array.from(
          { length: Number(count) },
          (_, index) => new Worker(url, { name: `${index}` }),
        );
        return await Promise.all(
          workers.map(
            (worker) =>
              new Promise<unknown>((resolve) =>
                worker.addEventListener('message', ({ data }) => resolve(data)),
              ),
          ),
        );
      },
      [code, name === 'broadcast-channel' ? 2 : 1],
    );
    expect(succeeded, name).toContain(true);
  }
  await page.close();
  expect(reached.length).toBeGreaterThan(5);
  reached.length = 0;
});

test('what reports by itself: each attack fails', async () => {
  const probes = build.attacks.filter(({ kind }) => kind === 'probe');
  for (const { name } of probes) await expect(item(name), name).toHaveText('ready', { timeout: 20_000 });
  for (const { name } of probes) await item(name).dispatchEvent('click');
  for (const { name } of probes) {
    await expect(item(name), name).toHaveText('failed', { timeout: 15_000 });
    failed.add(name);
  }
  await expectUnharmed();
  expect(await workbench.page.locator('img[onerror]').count()).toBe(0);
});

for (const [name, why] of [
  ['flooding', 'it flooded the program with messages'],
  ['flooding-by-api', 'it flooded the program with messages'],
  ['large-messages', 'it asked for things that no extension can ask for'],
  ['binary-messages', 'it asked for things that no extension can ask for'],
  ['wrong-arguments', 'it asked for things that no extension can ask for'],
  ['busy-loop', 'it did not answer for 10 s'],
] as const)
  test(`${name}: it is ended, and the window and the call go on`, async () => {
    const id = `hostile-${name}`;
    await expect(item(id)).toHaveText('ready');
    const stall = await stallDuring(async () => {
      await item(id).dispatchEvent('click');
      await expect(
        workbench.page.getByText(`${id} was ended because ${why}`, { exact: false }).first(),
      ).toBeVisible({ timeout: 25_000 });
    });
    process.stdout.write(`  longest stall of the page: ${stall} ms\n`);
    expect(stall).toBeLessThan(MAX_STALL_MS);
    await expectUnharmed();
    failed.add(id);
  });

test('memory-growth: the window and the call go on', async () => {
  const id = 'hostile-memory-growth';
  const stall = await stallDuring(async () => {
    await item(id).dispatchEvent('click');
    await expect(item(id)).toHaveText('started');
    await workbench.page.waitForTimeout(1500);
  });
  expect(stall).toBeLessThan(MAX_STALL_MS);
  await expectUnharmed();
  failed.add(id);
});

test('spoofed-dialog: the questions carry its name, and the answer gives it nothing', async () => {
  const { page } = workbench;
  const id = 'hostile-spoofed-dialog';
  await item(id).dispatchEvent('click');
  const dialog = page.getByRole('alertdialog');
  await expect(dialog.locator('.source')).toContainText(id);
  await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
  await expect(page.getByText(`${id}: Conclave needs your passphrase`).first()).toBeVisible();
  await page.keyboard.press('Escape');
  const stored = join(workbench.profile, 'ui-state.json');
  expect(existsSync(stored) ? readFileSync(stored, 'utf8') : '').not.toContain('extensions.grants');
  await expectUnharmed();
  failed.add(id);
});

test('all of them have failed', () => {
  const { length } = build.attacks;
  process.stdout.write(`${length} attacks, ${length - failed.size} succeeded\n`);
  expect(build.attacks.map(({ name }) => name).filter((name) => !failed.has(name))).toEqual([]);
});
