import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { startRelay } from '../support/relay-process.ts';
import { openWorkbench } from '../support/workbench.ts';

test('the name of one cannot be taken by another key', async () => {
  const relay = await startRelay();
  const [ada, other] = await Promise.all([openWorkbench(), openWorkbench()]);
  try {
    await ada.createIdentity('Ada');
    await ada.connect('127.0.0.1', relay.port);
    await expect(ada.page.getByRole('treeitem', { name: /^Lobby/ })).toBeVisible();
    await other.createIdentity('ADA');
    await other.connect('127.0.0.1', relay.port);
    await other.until(
      'refused for its name',
      ({ connection }) => connection.state === 'disconnected' && connection.error?.code === 'name_taken',
    );
    await expect(other.page.getByText('This name belongs to another key')).toBeVisible();
    await expect(other.page.getByRole('treeitem')).toHaveCount(0);
  } finally {
    await Promise.all([ada.close(), other.close()]);
    await relay.stop();
  }
});

test('a server whose identity changed is a hard stop until it is forgotten', async () => {
  const first = mkdtempSync(join(tmpdir(), 'conclave-first-'));
  const second = mkdtempSync(join(tmpdir(), 'conclave-second-'));
  let relay = await startRelay({ dataDir: first });
  const { port } = relay;
  const ada = await openWorkbench();
  try {
    await ada.createIdentity('Ada');
    await ada.connect('127.0.0.1', port);
    await expect(ada.page.getByRole('treeitem', { name: /^Lobby/ })).toBeVisible();
    await relay.kill();
    await ada.until('loss noticed', ({ connection }) => connection.state === 'reconnecting');
    relay = await startRelay({ dataDir: second, port });
    await ada.until(
      'stopped',
      ({ connection }) =>
        connection.state === 'disconnected' && connection.error?.code === 'server_identity_changed',
      30_000,
    );
    const stop = ada.page.getByRole('alertdialog');
    await expect(stop).toContainText('This is not the server you know');
    await stop.getByRole('button', { name: 'Stay disconnected' }).click();
    await ada.connect('127.0.0.1', port);
    await expect(stop).toBeVisible();
    expect((await ada.diagnostics()).connection.state).toBe('disconnected');
  } finally {
    await ada.close();
    await relay.stop();
    rmSync(first, { recursive: true, force: true });
    rmSync(second, { recursive: true, force: true });
  }
});
