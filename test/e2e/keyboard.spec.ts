import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { startRelay, type RelayProcess } from '../support/relay-process.ts';
import { openWorkbench, PASSPHRASE, type Workbench } from '../support/workbench.ts';

/** The main job without a mouse, and what a screen reader is told. */
test.describe.configure({ mode: 'serial' });
let dataDir: string;
let relay: RelayProcess;
let ada: Workbench;
let ben: Workbench;

test.beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'conclave-keyboard-'));
  relay = await startRelay({
    dataDir,
    config: '[server]\nname = "Harbour"\nbind_address = "0.0.0.0:8443"\n',
  });
  [ada, ben] = await Promise.all([openWorkbench(), openWorkbench()]);
});
test.afterAll(async () => {
  await ada?.close();
  await ben?.close();
  await relay?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const FOCUS = `(() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const outlined = (candidate) => {
    const style = getComputedStyle(candidate);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
  };
  // A tree shows the focus on its active row, a composer on the box around it.
  const row = element.getRootNode().getElementById?.(element.getAttribute('aria-activedescendant') ?? '');
  const box = element.closest('.box');
  const ring = getComputedStyle(document.documentElement).getPropertyValue('--vscode-focusBorder').trim();
  const probe = document.createElement('i');
  probe.style.color = ring;
  document.body.append(probe);
  const ringColor = getComputedStyle(probe).color;
  probe.remove();
  const rect = element.getBoundingClientRect();
  const parts = [];
  for (let at = element; at; at = at.assignedSlot ?? at.parentNode ?? at.host)
    if (at.dataset?.part) parts.push(at.dataset.part);
  return {
    lost: element === document.body,
    name: element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent?.trim() ?? element.textContent.trim(),
    testId: element.dataset?.testid ?? '',
    part: parts[0] ?? '',
    inside: rect.width > 0 && rect.top >= -1 && rect.left >= -1 && rect.bottom <= innerHeight + 1 && rect.right <= innerWidth + 1,
    visible: outlined(element) || (row ? outlined(row) : false) ||
      (box ? getComputedStyle(box).borderTopColor === ringColor : false) ||
      getComputedStyle(element).boxShadow.includes(ringColor),
  };
})()`;
interface Focus {
  readonly lost: boolean;
  readonly name: string;
  readonly testId: string;
  readonly part: string;
  readonly inside: boolean;
  readonly visible: boolean;
}
const focus = async (): Promise<Focus> => (await ada.page.evaluate(FOCUS)) as Focus;
/** Waits until the focus is somewhere, and checks that one can see it there. */
async function expectFocus(expected: Partial<Focus>): Promise<void> {
  await expect.poll(focus).toMatchObject({ lost: false, inside: true, visible: true, ...expected });
}
const press = (key: string) => ada.page.keyboard.press(key);
/** Presses Tab until the focus is where it should be; it must be seen on the way. */
async function tabTo(testId: string): Promise<void> {
  for (let presses = 0; presses < 12; presses++) {
    await press('Tab');
    await expectFocus({});
    if ((await focus()).testId === testId) return;
  }
  throw new Error(`Tab does not come to ${testId}`);
}
/** What the live regions of the window and of the open tab have said. */
const said = async (): Promise<string> =>
  (await Promise.all((await ada.page.locator('[aria-live]').all()).map((region) => region.innerText()))).join(
    '\n',
  );
const hears = (text: string) => expect.poll(said).toContain(text);

test('makes an identity and connects', async () => {
  await expectFocus({ testId: 'welcome-name', part: 'editor' });
  await ada.page.keyboard.type('Ada');
  await press('Tab');
  await expectFocus({ testId: 'welcome-passphrase' });
  await ada.page.keyboard.type(PASSPHRASE);
  await press('Tab');
  await ada.page.keyboard.type('something else');
  await press('Enter');
  await expect(ada.page.getByTestId('welcome-error')).toBeVisible();
  await expectFocus({ testId: 'welcome-passphrase-again' });
  await press('Control+A');
  await ada.page.keyboard.type(PASSPHRASE);
  await press('Enter');
  await expect(ada.page.getByTestId('welcome-fingerprint')).toBeVisible();
  await expectFocus({ testId: 'welcome-start-relay' });
  await tabTo('welcome-address');
  await ada.page.keyboard.type(`127.0.0.1:${relay.port}`);
  await press('Enter');
  await ada.until('connected', ({ connection }) => connection.state === 'connected');
  await hears('Connected to Harbour.');
  await expectFocus({ name: 'Show the rooms' });
});

test('joins a room, mutes, writes, leaves', async () => {
  await press('Enter');
  await expectFocus({ name: 'Rooms', part: 'primary' });
  await press('Home');
  await press('Enter');
  await ada.until('joined', ({ call }) => call.state === 'joined');
  await hears('You are in the call of Lobby.');
  await expect(ada.page.getByTestId('chat-composer')).toBeVisible();
  await expectFocus({});
  await press('Control+Shift+M');
  await ada.until('muted', ({ call }) => (call as { readonly muted?: boolean }).muted === true);
  await expect(ada.page.getByRole('button', { name: 'Unmute', exact: true })).toBeVisible();
  await press('Control+1');
  await expectFocus({ testId: 'chat-composer', part: 'editor' });
  await ada.page.keyboard.type('Written without a mouse.');
  await press('Enter');
  await expect(ada.page.getByTestId('chat-message')).toHaveText([/Written without a mouse/]);
  await expectFocus({ testId: 'chat-composer' });
});

test('hears who comes, writes and goes', async () => {
  await ben.createIdentity('Ben');
  await ben.connect('127.0.0.1', relay.port);
  await ben.joinRoom('Lobby');
  await hears('Ben joined the call.');
  await ben.until('both in the text group', ({ lobby }) => lobby?.members.length === 2);
  await ben.write('Good evening from the **mole**.');
  await hears('Ben: Good evening from the mole.');
  await ben.page.getByTestId('call-leave').click();
  await hears('Ben left the call.');
});

test('F6 goes round all parts and comes back', async () => {
  await press('Control+1');
  const seen: string[] = [];
  for (let presses = 0; presses < 6; presses++) {
    await press('F6');
    await expectFocus({});
    seen.push((await focus()).part);
  }
  expect(seen).toEqual(['secondary', 'statusBar', 'titleBar', 'activityBar', 'primary', 'editor']);
  await press('Shift+F6');
  await expectFocus({ part: 'primary' });
});

test('a button that goes away leaves the focus in its part', async () => {
  const parts = ['editor', 'secondary'];
  for (const part of parts) {
    await press('F6');
    await expectFocus({ part });
  }
  await tabTo('call-leave');
  await press('Enter');
  await ada.until('left', ({ call }) => call.state === 'none');
  await hears('You left the call.');
  await expectFocus({ part: 'secondary' });
});

test('the palette runs a command and gives the focus back', async () => {
  await press('Control+0');
  await expectFocus({ name: 'Rooms' });
  await press('F1');
  await expect(ada.page.getByRole('combobox')).toBeFocused();
  await ada.page.keyboard.type('create room');
  await press('Escape');
  await expectFocus({ name: 'Rooms' });
  await press('F1');
  await ada.page.keyboard.type('open settings');
  await press('Enter');
  await expect(ada.page.getByRole('searchbox', { name: 'Search settings' })).toBeVisible();
  await expectFocus({});
});

test('main controls have names and roles', async () => {
  const { page } = ada;
  await press('Control+0');
  await press('Home');
  await press('Enter');
  await ada.until('joined', ({ call }) => call.state === 'joined');
  await expect(page.getByRole('navigation', { name: 'Activity bar' })).toMatchAriaSnapshot(`
    - navigation "Activity bar":
      - tablist "Activity bar":
        - tab "Rooms" [selected]
        - tab "People"
      - button "Manage"
  `);
  await expect(page.getByRole('tree', { name: 'Rooms' })).toMatchAriaSnapshot(`
    - tree "Rooms":
      - treeitem /Lobby/ [expanded] [level=1]
      - treeitem /Ada/ [level=2]
  `);
  await expect(page.getByRole('region', { name: 'Secondary side bar' })).toMatchAriaSnapshot(`
    - heading "Call in Lobby" [level=3]
    - list "People who can hear":
      - listitem:
        - img /Talking|Silent/
        - text: Ada (you)
    - button "Unmute" [pressed]
    - button "Deafen"
    - button "Leave"
  `);
  await expect(page.getByRole('main', { name: 'Tabs' })).toMatchAriaSnapshot(`
    - main "Tabs":
      - heading "# Lobby" [level=2]
      - button /End-to-end encrypted/
      - region "Messages in Lobby"
      - textbox "Message Lobby"
      - button "Send" [disabled]
  `);
  await expect(page.getByRole('toolbar', { name: 'Status bar' })).toMatchAriaSnapshot(`
    - toolbar "Status bar":
      - button /127\\.0\\.0\\.1/
      - button "The microphone is muted. Click to unmute it."
  `);
});

test('the loss of the connection is told at once, and that it is back', async () => {
  const { port } = relay;
  await relay.kill();
  await hears('The connection is lost. It is being made again.');
  await expectFocus({});
  relay = await startRelay({ dataDir, port });
  await ada.until('back', ({ connection }) => connection.state === 'connected', 45_000);
  await hears('The connection is back.');
});
