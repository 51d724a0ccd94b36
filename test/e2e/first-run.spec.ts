import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { openWorkbench, PASSPHRASE, type Workbench } from '../support/workbench.ts';

/** What somebody meets who starts Conclave for the first time, and for the second. */
test.describe.configure({ mode: 'serial' });
let profile: string;
let workbench: Workbench;
const TEXT = 'Supper is at seven, marker 7c1f.';

test.beforeAll(async () => {
  profile = mkdtempSync(join(tmpdir(), 'conclave-first-run-'));
  workbench = await openWorkbench({ profile });
});
test.afterAll(async () => {
  await workbench?.close();
  rmSync(profile, { recursive: true, force: true });
});

test('makes an identity and starts a relay on this computer', async () => {
  await workbench.createIdentity('Ada');
  await expect(workbench.page.getByTestId('welcome-fingerprint')).toHaveText(/^([0-9a-f]{4}[ -]?){8}$/i);
  await workbench.page.getByTestId('welcome-start-relay').click();
  const { connection } = await workbench.until(
    'connected',
    (state) => state.connection.state === 'connected',
    30_000,
  );
  expect(connection.transport).toBe('quic');
});

test('the person who started the relay is its admin and makes a permanent room', async () => {
  await workbench.joinRoom('Lobby');
  await workbench.until('text ready', ({ lobby }) => lobby?.state === 'ready');
  await workbench.write(TEXT);
  await expect(workbench.page.getByTestId('chat-message').filter({ hasText: TEXT })).toHaveCount(1);
  const { connection } = await workbench.diagnostics();
  expect((connection as { readonly roles?: readonly string[] }).roles).toContain('admin');
});

test('nothing in the profile folder shows the message, the name or the passphrase', async () => {
  // A program that runs replaces files while they are read.
  await workbench.close();
  const files = (folder: string): readonly string[] =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      const stats = statSync(path);
      return stats.isDirectory() ? files(path) : stats.isFile() ? [path] : [];
    });
  // The relay's own database is in the profile too, and it knows the display name: that is its job.
  const own = files(profile).filter((path) => !path.slice(profile.length).includes('relay'));
  expect(own.length).toBeGreaterThan(3);
  for (const path of own) {
    const content = readFileSync(path);
    for (const marker of [TEXT, PASSPHRASE]) expect(content.includes(Buffer.from(marker)), path).toBe(false);
  }
  for (const path of files(profile)) expect(readFileSync(path).includes(Buffer.from(TEXT)), path).toBe(false);
});

test('a second start asks for the passphrase and brings everything back', async () => {
  workbench = await openWorkbench({ profile });
  await workbench.page.getByTestId('welcome-unlock-passphrase').fill('not the passphrase');
  await workbench.page.getByTestId('welcome-unlock').click();
  await expect(workbench.page.getByTestId('welcome-error')).toBeVisible();
  await workbench.unlock();
  await workbench.page.getByTestId('welcome-start-relay').click();
  await workbench.until('connected', (state) => state.connection.state === 'connected', 30_000);
  await workbench.joinRoom('Lobby');
  await expect(workbench.page.getByTestId('chat-message').filter({ hasText: TEXT })).toHaveCount(1);
  expect(workbench.pageErrors).toEqual([]);
});
