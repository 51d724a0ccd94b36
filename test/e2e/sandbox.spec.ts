import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

/** A built-in extension in the sandbox, used by a person: asked, allowed, working, taken back. */
test.describe.configure({ mode: 'serial' });
let profile: string;
let workbench: Workbench;

test.beforeAll(async () => {
  profile = mkdtempSync(join(tmpdir(), 'conclave-sandbox-'));
  workbench = await openWorkbench({ profile });
  await workbench.createIdentity('Ada');
});
test.afterAll(async () => {
  await workbench?.close();
  rmSync(profile, { recursive: true, force: true });
});

const dialog = () => workbench.page.getByRole('alertdialog');
/** A click on the shown container hides it, so another one is chosen first. */
const openLog = async (): Promise<void> => {
  await workbench.page.getByRole('tab', { name: 'Rooms' }).click();
  await workbench.page.getByRole('tab', { name: 'Call log' }).click();
};

test('the page stays isolated, and nothing is asked before the extension is used', async () => {
  expect(await workbench.page.evaluate('crossOriginIsolated')).toBe(true);
  await expect(dialog()).toBeHidden();
  expect(workbench.page.frames()).toHaveLength(1);
});

test('opening its view asks once, names the extension and its publisher, and is not in a hurry', async () => {
  await openLog();
  await expect(dialog()).toContainText('“Call log” by conclave');
  await expect(dialog()).toContainText('see who is in your call and who talks');
  const allow = dialog().getByRole('button', { name: 'Allow', exact: true });
  await expect(allow).toBeDisabled();
  await expect(allow).toBeEnabled();
  await allow.click();
  await expect(workbench.page.getByText('Who joins and leaves the call you are in')).toBeVisible();
});

test('it runs in a frame of its own host name without an origin', async () => {
  const frame = workbench.page.frames()[1];
  expect(frame?.url()).toMatch(/^http:\/\/ext-[0-9a-f]{32}\.localhost:\d+\/host\.html$/);
  expect(await frame?.evaluate('origin')).toBe('null');
});

test('it writes down who is in the call', async () => {
  const { page } = workbench;
  await page.getByTestId('welcome-start-relay').click();
  await workbench.until('connected', ({ connection }) => connection.state === 'connected', 30_000);
  await page.getByRole('tab', { name: 'Rooms' }).click();
  await workbench.joinRoom('Lobby');
  await openLog();
  await expect(page.getByRole('treeitem', { name: /^Ada.*was there/ })).toBeVisible();
});

test('the answer is kept for the next start, and the command takes it back', async () => {
  await workbench.close();
  workbench = await openWorkbench({ profile });
  await workbench.unlock();
  const { page } = workbench;
  await expect(page.locator('iframe')).toHaveCount(1);
  await expect(dialog()).toBeHidden();
  await page.keyboard.press('F1');
  await page.keyboard.type('Show Running Extensions');
  await page.keyboard.press('Enter');
  await page.getByText(/Call log 0\.1\.0/).click();
  await page.getByText('Take its permissions back').click();
  await expect(page.locator('iframe')).toHaveCount(0);
  await openLog();
  await expect(dialog()).toContainText('“Call log” by conclave');
  await dialog().getByRole('button', { name: 'Don’t allow' }).click();
  await expect(page.getByText('it was not given the permission "call.read"').first()).toBeVisible();
});
