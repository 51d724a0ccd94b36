import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { layoutProblems } from '../support/layout-check.ts';
import { startRelay, type RelayProcess } from '../support/relay-process.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

/** How the workbench looks in its main states: two themes, two sizes, and high contrast. */
test.describe.configure({ mode: 'serial' });
const folder = fileURLToPath(new URL('../output/screenshots/', import.meta.url));
const SIZES = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
] as const;
const LONG_TEXT =
  'I went through the **whole list** again. The lamp on the east mole is fine, the fuse was not. Three things are left:\n\n- the spare fuse for the fog horn\n- a new rope for the dinghy, at least `12 m`\n- somebody who keeps the log on *Sunday*\n\n> The tide tables on the wall are from last year.\n\nWhoever passes the chandler, please bring the first two along.';
const LONG_WORD =
  'https://charts.harbour.example/editions/2026/approaches/eastmole_and_outer_anchorage_with_all_soundings_and_buoys_revised.pdf';

let dataDir: string;
let relay: RelayProcess;
let ada: Workbench;
let ben: Workbench;

test.beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  dataDir = mkdtempSync(join(tmpdir(), 'conclave-looks-'));
  [ada, ben] = await Promise.all([openWorkbench(), openWorkbench()]);
});
test.afterAll(async () => {
  await ada?.close();
  await ben?.close();
  await relay?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Looks at one state in every theme and size, and leaves the window as it was. */
async function look(state: string, person: Workbench = ada): Promise<void> {
  const { page } = person;
  const problems: string[] = [];
  const shoot = async (name: string): Promise<void> => {
    // Two frames: resizing lays out in one and measures in the next.
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))',
    );
    await page.screenshot({ path: join(folder, `${name}.png`), caret: 'hide' });
    problems.push(...(await layoutProblems(page)).map((problem) => `${name}: ${problem}`));
  };
  for (const size of [...SIZES].reverse()) {
    await page.setViewportSize(size);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await shoot(`${state}-${colorScheme}-${size.width}`);
    }
  }
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, contrast: 'more' });
    await shoot(`${state}-contrast-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'dark', contrast: null });
  expect(problems).toEqual([]);
}

test('first run', async () => {
  await ada.page.getByTestId('welcome-name').waitFor();
  await look('first-run');
  await ada.createIdentity('Ada');
  await look('identity');
});

test('connected, with nothing open', async () => {
  const identity = (await ada.page.evaluate(
    'globalThis.conclaveDiagnostics.session.vault.current.identity.identity',
  )) as string;
  relay = await startRelay({
    dataDir,
    config:
      '[server]\nname = "Harbour"\nbind_address = "0.0.0.0:8443"\n[limits]\nroom_create_interval_secs = 0\n',
    env: { CONCLAVE_BOOTSTRAP_ADMIN_KEY: identity },
  });
  await ada.connect('127.0.0.1', relay.port);
  await ada.until('connected', ({ connection }) => connection.state === 'connected');
  const rooms = [
    { parent: null, name: 'Deck', description: 'Work on deck, wind or no wind', permanent: true },
    { parent: 2, name: 'Chart room', description: 'Routes and tides', permanent: true },
    { parent: 2, name: 'Engine room', permanent: true, password: 'more steam', limit: 4 },
    { parent: 4, name: 'Spare parts and everything else', permanent: true, limit: 12 },
    { parent: null, name: 'Night watch', permanent: true },
  ];
  for (const room of rooms)
    await ada.page.evaluate(`globalThis.conclaveDiagnostics.session.createRoom(${JSON.stringify(room)})`);
  await expect(ada.page.getByRole('treeitem', { name: /^Night watch/ })).toBeVisible();
  await look('connected');
});

test('in a call of two, with messages', async () => {
  await ben.createIdentity('Ben');
  await ben.connect('127.0.0.1', relay.port);
  await ben.joinRoom('Lobby');
  await ada.joinRoom('Lobby');
  await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
  for (const person of [ada, ben])
    await person.until('both in the text group', ({ lobby }) => lobby?.members.length === 2);
  await look('call-empty');
  const conversation = [
    [ada, 'The wind turns to north-west tonight. Who is on watch?'],
    [ben, 'I am, until four. The lamp on the east mole was out at noon.'],
    [ada, LONG_TEXT],
    [ben, LONG_WORD],
    [ada, 'Got it. The soundings off the outer anchorage are new.'],
    [ben, 'Then I will put the new chart up in the chart room.'],
  ] as const;
  for (const [index, [person, text]] of conversation.entries()) {
    await person.write(text);
    for (const { page } of [ada, ben]) await expect(page.getByTestId('chat-message')).toHaveCount(index + 1);
  }
  await look('call');
  await ada.page.setViewportSize(SIZES[1]);
  await expect(ada.page.getByTestId('chat-message').last()).toBeInViewport();
  await ada.page.setViewportSize(SIZES[0]);
  await ada.page.getByTestId('chat-encryption').click();
  await expect(ada.page.getByTestId('chat-members')).toBeVisible();
  await look('call-members');
  await ada.page.keyboard.press('Escape');
});

test('choosing, typing and asking', async () => {
  await ada.page.keyboard.press('F1');
  await expect(ada.page.getByRole('option').first()).toBeVisible();
  await look('palette');
  await ada.page.keyboard.press('Escape');
  await ada.page.getByRole('tab', { name: 'People', exact: true }).click();
  await expect(ada.page.getByRole('treeitem', { name: /^Ben/ })).toBeVisible();
  await look('people');
  await ada.page.getByRole('tab', { name: 'Rooms', exact: true }).click();
  await ada.page.getByRole('treeitem', { name: /^Deck/ }).click({ button: 'right' });
  await expect(ada.page.getByRole('menuitem').first()).toBeVisible();
  await look('menu');
  await ada.page.getByRole('menuitem', { name: 'Delete room' }).click();
  await expect(ada.page.getByRole('alertdialog')).toBeVisible();
  await look('dialog');
  await ada.page.keyboard.press('Escape');
});

test('settings and keyboard shortcuts', async () => {
  await ada.page.keyboard.press('Control+,');
  await expect(ada.page.getByRole('searchbox', { name: 'Search settings' })).toBeVisible();
  await look('settings');
  await ada.page.keyboard.press('Control+K');
  await ada.page.keyboard.press('Control+S');
  await expect(ada.page.getByRole('searchbox', { name: 'Search commands and keys' })).toBeVisible();
  await look('keybindings');
});

test('notifications', async () => {
  await ada.page.getByRole('treeitem', { name: /^Lobby/ }).click({ button: 'right' });
  await ada.page.getByRole('menuitem', { name: 'Delete room' }).click();
  await ada.page.getByRole('button', { name: 'Delete room' }).click();
  await expect(ada.page.getByRole('listitem').filter({ hasText: 'still inside' })).toBeVisible();
  await look('notification');
});

test('reconnecting', async () => {
  await ben.write('Back in a minute, I look at the mooring lines.');
  const { port } = relay;
  await relay.kill();
  await ben.until('loss noticed', ({ connection }) => connection.state === 'reconnecting');
  await ben.write('This goes out when the line is back.');
  // Who was in the call stays readable, although nobody is heard.
  const members = ben.page.getByTestId('call-member');
  await expect(members).toHaveText([/Ben/, /Ada/]);
  await look('reconnecting', ben);
  // The view has moved to the panel and back meanwhile.
  await expect(members).toHaveText([/Ben/, /Ada/]);
  relay = await startRelay({ dataDir, port });
  await ben.waitForMembers(2, 45_000);
});

test('nothing went wrong in either page', () => {
  for (const person of [ada, ben]) {
    // A relay that is killed is an error in the console of everybody who tries to reach it.
    const errors = person.pageErrors.filter(
      (error) => !/ERR_CONNECTION_REFUSED|ERR_QUIC|WebTransport/.test(error),
    );
    expect(errors).toEqual([]);
  }
});
