import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { startAgents, type Agent, type AgentProcess } from '../support/agent/agent-process.ts';
import { startRelay, type RelayProcess } from '../support/relay-process.ts';
import { loadSpeech } from '../support/speech.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

/** Push-to-talk through the whole program: what is sent, judged by those who would hear it. */
test.describe.configure({ mode: 'serial' });
const root = fileURLToPath(new URL('../..', import.meta.url));
const FRAME_MS = 20;
/** The listener counts once a second; frames that ought not to be there are seen after this long. */
const QUIET_MS = 1200;
let folder: string;
let relay: RelayProcess;
let agents: AgentProcess;
let listener: Agent;
let ada: Workbench;
let ben: Workbench;

test.beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'conclave-talk-'));
  writeFileSync(
    join(folder, 'settings.json'),
    JSON.stringify({
      'voice.mode': 'pushToTalk',
      'voice.frameMs': FRAME_MS,
      'voice.echoCancellation': false,
      'voice.autoGainControl': false,
      'voice.noiseSuppression': false,
    }),
  );
  relay = await startRelay({ recordReceived: true });
  agents = await startAgents();
  listener = await agents.create('Listener');
  await listener.call('server.connect', { host: '127.0.0.1', port: relay.port });
  await listener.call('call.join', { room: 1 });
  [ada, ben] = await Promise.all([
    openWorkbench({ profile: folder, microphone: loadSpeech(root) }),
    openWorkbench(),
  ]);
  for (const [person, name] of [
    [ada, 'Ada'],
    [ben, 'Ben'],
  ] as const) {
    await person.createIdentity(name);
    await person.connect('127.0.0.1', relay.port);
    await person.joinRoom('Lobby');
  }
  await Promise.all([ada.waitForMembers(3), ben.waitForMembers(3)]);
  await listener.until('all three', ({ call }) => call.members?.length === 3);
  await ben.page.getByTestId('call-mute').click();
  // The microphone runs: only the key is missing.
  await ada.page.getByTestId('call-talk').waitFor();
});
test.afterAll(async () => {
  await ada?.close();
  await ben?.close();
  await agents?.close();
  await relay?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const heard = async (): Promise<number> => (await listener.state()).stats.framesReceived;
const hears = (frames: number): Promise<unknown> =>
  listener.until(`${frames} frames`, ({ stats }) => stats.framesReceived >= frames);
/** Resolves when nothing comes any more; gives what has come until then. */
async function quiet(): Promise<number> {
  for (let before = await heard(); ;) {
    await ada.page.waitForTimeout(QUIET_MS);
    const now = await heard();
    if (now === before) return now;
    before = now;
  }
}
const concealedAtBen = async (): Promise<number> =>
  (await ben.page.evaluate(
    'globalThis.conclaveDiagnostics.mediaStats().then(({ people }) => people.reduce((sum, person) => sum + person.concealed, 0))',
  )) as number;

test('nothing is sent while the key is up', async () => {
  await ada.page.waitForTimeout(QUIET_MS);
  const { stats } = await listener.state();
  expect(stats).toMatchObject({ framesReceived: 0, rejected: 0 });
  expect((await ada.diagnostics()).stats?.framesSent ?? 0).toBe(0);
});

test('frames come while F9 is held, and the release ends the spurt', async () => {
  const { page } = ada;
  await page.keyboard.down('F9');
  await hears(30);
  await ben.until('Ada is heard', ({ speaking }) => speaking.length > 0);
  const concealed = await concealedAtBen();
  await page.keyboard.up('F9');
  const end = await quiet();
  await ben.until('silence', ({ speaking }) => speaking.length === 0);
  // Without the mark at its end the listener makes up 100 ms in steps of 10 and fades them out.
  expect((await concealedAtBen()) - concealed).toBeLessThan(10);
  expect(await heard()).toBe(end);
});

test('so they do while the button is held', async () => {
  const before = await heard();
  const box = await ada.page.getByTestId('call-talk').boundingBox();
  if (!box) throw new Error('the button has no place');
  await ada.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await ada.page.mouse.down();
  await hears(before + 20);
  await ada.page.mouse.up();
  await quiet();
});

test('every press opens the microphone', async () => {
  const { page } = ada;
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    await page.evaluate(`(async () => {
      const { mediaStats } = globalThis.conclaveDiagnostics;
      const before = (await mediaStats()).framesSent;
      globalThis.openedAfter = undefined;
      addEventListener('keydown', async () => {
        const pressed = performance.now();
        while ((await mediaStats()).framesSent === before);
        globalThis.openedAfter = performance.now() - pressed;
      }, { capture: true, once: true });
    })()`);
    await page.keyboard.down('F9');
    for (;;) {
      const after = await page.evaluate('globalThis.openedAfter');
      if (typeof after === 'number') {
        times.push(after);
        break;
      }
      await page.waitForTimeout(10);
    }
    await page.keyboard.up('F9');
    await quiet();
  }
  times.sort((a, b) => a - b);
  test.info().annotations.push({
    type: 'measured',
    description: `press to first frame: ${times.map((time) => time.toFixed(1)).join(', ')} ms`,
  });
  // How fast is measured, not asserted: a busy machine makes any limit a matter of luck.
  expect(times).toHaveLength(7);
});

test('a muted person sends nothing, whatever is pressed', async () => {
  const { page } = ada;
  await page.getByTestId('call-mute').click();
  const before = await quiet();
  await page.keyboard.down('F9');
  expect(await quiet()).toBe(before);
  await page.keyboard.up('F9');
  await page.getByTestId('call-mute').click();
  await page.keyboard.down('F9');
  await hears(before + 10);
  // Muting with the key held ends it, too.
  await page.keyboard.press('Control+Shift+M');
  const muted = await quiet();
  await page.waitForTimeout(QUIET_MS);
  expect(await heard()).toBe(muted);
  await page.keyboard.up('F9');
});

test('the relay got what was sent while talking, and not one frame more', async () => {
  const sent = (
    (await ada.page.evaluate('globalThis.conclaveDiagnostics.mediaStats()')) as { framesSent: number }
  ).framesSent;
  expect(sent).toBeGreaterThan(60);
  expect(ada.pageErrors).toEqual([]);
  const { datagrams } = await relay.stopAndCollect();
  expect(datagrams).toBeLessThanOrEqual(sent);
  expect(datagrams).toBeGreaterThan(0.9 * sent);
});
