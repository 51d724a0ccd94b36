import { _electron, expect, test } from '@playwright/test';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The Electron program, when it was downloaded (`npm start` does that on a computer with a display). */
function electronBinary(): string | undefined {
  const folder = join(root, 'node_modules/electron');
  if (!existsSync(join(folder, 'path.txt'))) return undefined;
  const program = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8').trim());
  return existsSync(program) ? program : undefined;
}

const binary = electronBinary();
const hasDisplay =
  process.platform !== 'linux' || Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']);

test('the workbench runs isolated inside Electron and reaches its host', async () => {
  test.skip(
    binary === undefined,
    'the Electron binary is not downloaded; "npm start" on a computer with a display does that',
  );
  test.skip(!hasDisplay, 'there is no display');
  const profile = mkdtempSync(join(tmpdir(), 'conclave-electron-'));
  const app = await _electron.launch({
    executablePath: binary as string,
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), root, '--profile', profile],
  });
  try {
    const page = await app.firstWindow();
    await page.waitForFunction(() => performance.getEntriesByName('conclave/interactive').length > 0);
    const seen = await page.evaluate(() => ({
      isolated: crossOriginIsolated,
      address: location.href,
      node: typeof (globalThis as { process?: unknown }).process,
      bridge: Object.keys((globalThis as unknown as { conclaveHost: object }).conclaveHost),
    }));
    expect(seen).toEqual({
      isolated: true,
      address: 'app://conclave/index.html',
      node: 'undefined',
      bridge: ['send', 'onMessage'],
    });
    const preferences = await app.evaluate(({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows();
      const contents = window?.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> };
      const { sandbox, contextIsolation, nodeIntegration, webSecurity } = contents.getLastWebPreferences();
      return { sandbox, contextIsolation, nodeIntegration, webSecurity };
    });
    expect(preferences).toEqual({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
    });
    // Leaving the page, opening windows and using the network are refused.
    await page.evaluate(() => {
      location.href = 'https://example.org/';
    });
    expect(await page.evaluate(() => window.open('https://example.org/') === null)).toBe(true);
    expect(page.url()).toBe('app://conclave/index.html');
    const reached = await page.evaluate(() =>
      fetch('https://example.org/')
        .then(() => true)
        .catch(() => false),
    );
    expect(reached).toBe(false);
  } finally {
    await app.close();
    rmSync(profile, { recursive: true, force: true });
  }
});
