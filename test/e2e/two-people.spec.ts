import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { compareSpeech } from '../../core/media/speech-comparison.ts';
import { startRelay, type RelayProcess } from '../support/relay-process.ts';
import { loadSpeech } from '../support/speech.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

/** The main job, on real input: two people, two browsers, real speech, a real relay. */
test.describe.configure({ mode: 'serial' });
const root = fileURLToPath(new URL('../..', import.meta.url));
let dataDir: string;
let relay: RelayProcess;
let ada: Workbench;
let ben: Workbench;

test.beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'conclave-e2e-'));
  relay = await startRelay({ dataDir });
  [ada, ben] = await Promise.all([openWorkbench({ microphone: loadSpeech(root) }), openWorkbench()]);
});
test.afterAll(async () => {
  await ada?.close();
  await ben?.close();
  await relay?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const message = (person: Workbench, text: string) =>
  person.page.getByTestId('chat-message').filter({ hasText: text });
const speaking = (person: Workbench, on: boolean) =>
  person.until(on ? 'somebody is heard' : 'silence', (state) => state.speaking.length > 0 === on);
const reconnecting = (person: Workbench) =>
  person.until('loss noticed', ({ connection }) => connection.state === 'reconnecting');

test('both create an identity, connect and meet in a call', async () => {
  for (const [person, name] of [
    [ada, 'Ada'],
    [ben, 'Ben'],
  ] as const) {
    await person.createIdentity(name);
    await person.connect('127.0.0.1', relay.port);
    await person.joinRoom('Lobby');
  }
  await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
  for (const person of [ada, ben])
    await person.until('both in the text group', ({ lobby }) => lobby?.members.length === 2);
  const [a, b] = await Promise.all([ada.diagnostics(), ben.diagnostics()]);
  expect(a.connection.transport).toBe('quic');
  expect(a.call.epoch).toBe(b.call.epoch);
  expect(a.call.suite).toContain('XWING');
  await expect(ben.page.getByTestId('call-members')).toContainText('Ada');
  await expect(ben.page.getByTestId('call-encryption')).toContainText(`epoch ${b.call.epoch}`);
  const code = await ada.page.getByTestId('call-code').innerText();
  expect(code).toMatch(/(\d{5} ){5}\d{5}/);
  await expect(ben.page.getByTestId('call-code')).toHaveText(code);
});

test('speech that goes into one microphone comes out of the other loudspeaker', async () => {
  await ben.page.getByTestId('call-mute').click();
  await speaking(ben, true);
  await ben.page.waitForTimeout(8_000);
  const { capture } = await ada.taps();
  const { playback } = await ben.taps();
  const comparison = compareSpeech(capture, playback, { windowMs: 500 });
  const alike = comparison.windows.filter((window) => window.correlation > 0.8);
  test.info().annotations.push({
    type: 'measured',
    description: `correlation ${comparison.correlation.toFixed(3)}, delay ${JSON.stringify(comparison.delay)}`,
  });
  expect(comparison.windows.length).toBeGreaterThanOrEqual(6);
  expect(alike.length / comparison.windows.length).toBeGreaterThan(0.6);
  expect(comparison.delay?.p50).toBeLessThan(400);
});

test('the talking light follows what is heard and goes off with mute', async () => {
  await speaking(ben, true);
  await expect(ben.page.getByTestId('call-member').filter({ hasText: 'Ada' })).toHaveAttribute(
    'data-talking',
    'true',
  );
  await ada.page.getByTestId('call-mute').click();
  await speaking(ben, false);
  await expect(ben.page.getByTestId('call-member').filter({ hasText: 'Ada' })).toHaveAttribute(
    'data-talking',
    'false',
  );
  await ada.page.keyboard.press('Control+Shift+M');
  await speaking(ben, true);
});

test('text goes both ways, once each', async () => {
  await ada.write('The harbour light is on.');
  await ben.write('I can see it from deck.');
  for (const person of [ada, ben]) {
    await expect(message(person, 'The harbour light is on.')).toHaveCount(1);
    await expect(message(person, 'I can see it from deck.')).toHaveCount(1);
  }
});

test('after the relay was killed and restarted both talk again within 5 s, without a click', async () => {
  const { port } = relay;
  await relay.kill();
  await reconnecting(ben);
  await ada.write('Written while the relay was down.');
  relay = await startRelay({ port, dataDir });
  const since = Date.now();
  await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
  await speaking(ben, true);
  const tookMs = Date.now() - since;
  test.info().annotations.push({ type: 'measured', description: `talking again after ${tookMs} ms` });
  expect(tookMs).toBeLessThan(5_000);
  await expect(message(ben, 'Written while the relay was down.')).toHaveCount(1);
});

test('volume of a person is kept over the reconnect', async () => {
  const slider = ben.page.getByTestId('call-volume');
  await slider.fill('50');
  const { port } = relay;
  await relay.kill();
  await reconnecting(ben);
  relay = await startRelay({ port, dataDir });
  await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
  await expect(ben.page.getByTestId('call-volume')).toHaveValue('50');
});

test('who leaves hears and reads nothing afterwards', async () => {
  await ben.page.getByTestId('call-leave').click();
  await ada.waitForMembers(1);
  await ben.page.evaluate('globalThis.conclaveDiagnostics.session.leaveText(1)');
  await ada.until('alone in the text group', ({ lobby }) => lobby?.members.length === 1);
  const before = (await ben.diagnostics()).stats?.framesReceived ?? 0;
  await ada.write('Only for those who are still here.');
  await expect(message(ada, 'Only for those who are still here.')).toHaveCount(1);
  const sent = (await ada.diagnostics()).stats?.framesSent ?? 0;
  await ada.until('more speech', ({ stats }) => (stats?.framesSent ?? 0) > sent + 25);
  expect((await ben.diagnostics()).stats?.framesReceived ?? 0).toBe(before);
  await expect(message(ben, 'Only for those who are still here.')).toHaveCount(0);
});

test('nothing went wrong in either page', () => {
  expect(ada.pageErrors).toEqual([]);
  expect(ben.pageErrors).toEqual([]);
});
