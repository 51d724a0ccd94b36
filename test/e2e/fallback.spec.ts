import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { openNetworkWithoutUdp, type NetworkWithoutUdp } from '../support/network-without-udp.ts';
import { startRelay, type RelayProcess } from '../support/relay-process.ts';
import { loadSpeech } from '../support/speech.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

/** One person's network blocks UDP, the other's does not. */
test.describe.configure({ mode: 'serial' });
const root = fileURLToPath(new URL('../..', import.meta.url));
let relay: RelayProcess;
let network: NetworkWithoutUdp;
let ada: Workbench;
let ben: Workbench;

test.beforeAll(async () => {
  relay = await startRelay({ config: '[server]\nbind_address = "127.0.0.1:8443"\n' });
  network = await openNetworkWithoutUdp(relay.port);
  const microphone = loadSpeech(root);
  [ada, ben] = await Promise.all([openWorkbench({ microphone }), openWorkbench({ microphone })]);
});
test.afterAll(async () => {
  await ada?.close();
  await ben?.close();
  await network?.close();
  await relay?.stop();
});

const message = (person: Workbench, text: string) =>
  person.page.getByTestId('chat-message').filter({ hasText: text });

test('the person without UDP gets in over the fallback, and the status bar says so', async () => {
  await ada.createIdentity('Ada');
  await ben.createIdentity('Ben');
  await ben.connect('127.0.0.1', relay.port);
  await ben.joinRoom('Lobby');
  await ada.connect(network.host, network.port);
  await ada.joinRoom('Lobby');
  await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
  expect(network.swallowed).toBeGreaterThan(0);
  expect((await ada.diagnostics()).connection.transport).toBe('fallback');
  expect((await ben.diagnostics()).connection.transport).toBe('quic');
  await expect(ada.page.getByText('· fallback')).toBeVisible();
  await expect(ben.page.getByText('· fallback')).toHaveCount(0);
});

test('both talk and write to each other', async () => {
  for (const person of [ada, ben]) {
    const state = await person.until(
      'a second of the other person is heard',
      ({ stats }) => (stats?.people[0]?.received ?? 0) > 50,
    );
    await person.until('the other person is heard', ({ speaking }) => speaking.length > 0);
    // Frames that come before the first keys are rejected; later ones never.
    const rejected = state.stats?.rejected;
    const later = await person.until(
      'another second is heard',
      ({ stats }) => (stats?.people[0]?.received ?? 0) > (state.stats?.people[0]?.received ?? 0) + 50,
    );
    expect(later.stats?.rejected).toBe(rejected);
  }
  await ada.write('Over TCP.');
  await ben.write('Over UDP.');
  for (const person of [ada, ben]) {
    await expect(message(person, 'Over TCP.')).toHaveCount(1);
    await expect(message(person, 'Over UDP.')).toHaveCount(1);
  }
  // Nagle's algorithm anywhere on the way would make it more than 40 ms.
  const { stats } = await ada.until('the round trip is known', ({ stats }) => stats?.rttMs !== null);
  test
    .info()
    .annotations.push({ type: 'measured', description: `round trip ${stats?.rttMs?.toFixed(1)} ms` });
});

test('nothing went wrong in the page with UDP', () => {
  expect(ben.pageErrors).toEqual([]);
});
