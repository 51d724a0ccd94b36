import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Locator } from '@playwright/test';
import { startRelay, type RelayProcess } from '../support/relay-process.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

/** Everything about rooms, as people do it: Ada runs the server, Ben is a guest on it. */
test.describe.configure({ mode: 'serial' });
let dataDir: string;
let relay: RelayProcess;
let ada: Workbench;
let ben: Workbench;

test.beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'conclave-rooms-'));
  [ada, ben] = await Promise.all([openWorkbench(), openWorkbench()]);
  await Promise.all([ada.createIdentity('Ada'), ben.createIdentity('Ben')]);
  const identity = (await ada.page.evaluate(
    'globalThis.conclaveDiagnostics.session.vault.current.identity.identity',
  )) as string;
  relay = await startRelay({
    dataDir,
    config:
      '[server]\nname = "Harbour"\nbind_address = "0.0.0.0:8443"\n[limits]\nroom_create_interval_secs = 0\n',
    env: { CONCLAVE_BOOTSTRAP_ADMIN_KEY: identity },
  });
  for (const person of [ada, ben]) {
    await person.connect('127.0.0.1', relay.port);
    await expect(room(person, 'Lobby')).toBeVisible();
  }
});
test.afterAll(async () => {
  await ada?.close();
  await ben?.close();
  await relay?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const room = (person: Workbench, name: string): Locator =>
  person.page.getByRole('tree', { name: 'Rooms' }).getByRole('treeitem', { name: new RegExp(`^${name}`) });
/** The one-line question that is open, known by its title. */
const question = (person: Workbench, title: string): Locator =>
  person.page.getByRole('textbox', { name: title });
async function answer(person: Workbench, title: string, text: string): Promise<void> {
  await question(person, title).fill(text);
  await question(person, title).press('Enter');
}
async function choose(person: Workbench, label: string | RegExp): Promise<void> {
  await person.page.getByRole('option', { name: label }).click();
}
async function fromMenu(person: Workbench, name: string, item: string): Promise<void> {
  await room(person, name).click({ button: 'right' });
  await person.page.getByRole('menuitem', { name: item }).click();
}
const toast = (person: Workbench, text: string): Locator =>
  person.page.getByRole('listitem').filter({ hasText: text });
/** Writes in the tab that is in front; others keep composers of their own. */
async function write(person: Workbench, name: string, text: string): Promise<void> {
  await answer(person, `Message ${name}`, text);
}
const PASSWORD_NEW = /^Password \(optional\)/;
async function noPassword(person: Workbench): Promise<void> {
  await person.page.getByRole('textbox', { name: PASSWORD_NEW }).press('Enter');
}

test('an admin makes a permanent room, and one inside it', async () => {
  await ada.page.getByRole('button', { name: 'Create room' }).click();
  await expect(ada.page.getByText('Give the room a name.')).toBeVisible();
  await question(ada, 'Name of the room').press('Enter');
  await answer(ada, 'Name of the room', 'Deck');
  await choose(ada, 'At the top');
  await choose(ada, /^Permanent/);
  await noPassword(ada);
  await expect(room(ben, 'Deck')).toHaveAttribute('aria-level', '1');

  await fromMenu(ada, 'Deck', 'Create room');
  await answer(ada, 'Name of the room', 'Chart room');
  await choose(ada, /^Permanent/);
  await noPassword(ada);
  for (const person of [ada, ben]) {
    await expect(room(person, 'Chart room')).toHaveAttribute('aria-level', '2');
    await expect(room(person, 'Deck')).toHaveAttribute('aria-expanded', 'true');
  }
});

test('a guest makes temporary rooms only, and changes nothing else', async () => {
  await ben.page.getByRole('button', { name: 'Create room' }).click();
  await answer(ben, 'Name of the room', 'Deck');
  await choose(ben, 'At the top');
  await noPassword(ben);
  await expect(toast(ben, 'A room here has this name already.')).toBeVisible();
  await ben.page.getByRole('button', { name: 'Create room' }).click();
  await answer(ben, 'Name of the room', 'Dinghy');
  await choose(ben, 'At the top');
  await noPassword(ben);
  await expect(room(ada, 'Dinghy')).toBeVisible();
  await room(ben, 'Deck').click({ button: 'right' });
  await expect(ben.page.getByRole('menuitem', { name: 'Join call' })).toBeVisible();
  await expect(ben.page.getByRole('menuitem', { name: 'Edit room' })).toHaveCount(0);
  await expect(ben.page.getByRole('menuitem', { name: 'Delete room' })).toHaveCount(0);
  await ben.page.keyboard.press('Escape');
  await fromMenu(ben, 'Dinghy', 'Edit room');
  await choose(ben, /^Name/);
  await answer(ben, 'Name of the room', 'Rowing boat');
  await expect(room(ada, 'Rowing boat')).toBeVisible();
  await expect(room(ada, 'Dinghy')).toHaveCount(0);
});

test('a description is shown, an empty room goes away on request', async () => {
  await fromMenu(ada, 'Deck', 'Edit room');
  await choose(ada, /^Description/);
  await answer(ada, 'Description (optional)', 'Work on deck');
  await ben.joinRoom('Deck');
  await expect(ben.page.getByText('Work on deck')).toBeVisible();
  await fromMenu(ada, 'Deck', 'Delete room');
  await ada.page.getByRole('button', { name: 'Delete room', exact: true }).last().click();
  await expect(toast(ada, 'People or rooms are still inside.')).toBeVisible();
  await fromMenu(ben, 'Rowing boat', 'Delete room');
  await ben.page.getByRole('alertdialog').getByRole('button', { name: 'Delete room' }).click();
  for (const person of [ada, ben]) await expect(room(person, 'Rowing boat')).toHaveCount(0);
});

test('a room with a password asks for it until it is right', async () => {
  await fromMenu(ada, 'Chart room', 'Edit room');
  await choose(ada, /^Set a password/);
  await answer(ada, 'New password for Chart room', 'north star');
  await expect(room(ben, 'Chart room').getByRole('img', { name: 'Needs a password' })).toBeVisible();
  await room(ben, 'Chart room').click();
  await answer(ben, 'Password for Chart room', 'south star');
  await answer(ben, 'That was not the password for Chart room. Try again', 'north star');
  await ben.until('joined', ({ call }) => call.state === 'joined');
  await expect(ben.page.getByTestId('call-room')).toHaveText('Call in Chart room');
  // The messages of a room one is in are open without asking again.
  await write(ben, 'Chart room', 'The chart is on the table.');
  await expect(ben.page.getByTestId('chat-message')).toHaveText([/The chart is on the table/]);
});

test('the password of a room is changed and removed again', async () => {
  await fromMenu(ada, 'Chart room', 'Edit room');
  await choose(ada, /^Change the password/);
  await answer(ada, 'New password for Chart room', 'evening star');
  await room(ada, 'Chart room').click();
  await answer(ada, 'Password for Chart room', 'north star');
  await expect(question(ada, 'That was not the password for Chart room. Try again')).toBeVisible();
  await ada.page.keyboard.press('Escape');
  expect((await ada.diagnostics()).call.state).toBe('none');
  await fromMenu(ada, 'Chart room', 'Edit room');
  await choose(ada, 'Remove the password');
  await expect(room(ada, 'Chart room').getByRole('img', { name: 'Needs a password' })).toHaveCount(0);
  await ada.joinRoom('Chart room');
  await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
});

test('a full room lets nobody else in, and says so', async () => {
  await ben.joinRoom('Lobby');
  await ada.waitForMembers(1);
  await fromMenu(ada, 'Lobby', 'Edit room');
  await choose(ada, /^Limit of people/);
  await answer(ada, 'Most people inside; 0 for no limit', 'many');
  await expect(ada.page.getByText('Give a whole number from 0 to 1000.')).toBeVisible();
  await answer(ada, 'Most people inside; 0 for no limit', '1');
  await expect(room(ada, 'Lobby')).toHaveAccessibleName(/1\/1/);
  await room(ada, 'Lobby').click();
  await expect(toast(ada, 'This room is full.')).toBeVisible();
  // Being refused costs nothing: the call one is in goes on.
  await ada.until('still in the chart room', ({ call }) => call.state === 'joined');
  await expect(ada.page.getByTestId('call-room')).toHaveText('Call in Chart room');
});

test('people are listed with their rooms', async () => {
  await ada.page.getByRole('tab', { name: 'People', exact: true }).click();
  const people = ada.page.getByRole('tree', { name: 'People' });
  await expect(people.getByRole('treeitem', { name: /^Ada.*admin.*Chart room/ })).toBeVisible();
  await expect(people.getByRole('treeitem', { name: /^Ben.*Lobby/ })).toBeVisible();
  await ada.page.getByRole('tab', { name: 'Rooms', exact: true }).click();
});

test('messages that come while another tab is open are counted on the tab', async () => {
  await fromMenu(ada, 'Lobby', 'Edit room');
  await choose(ada, /^Limit of people/);
  await answer(ada, 'Most people inside; 0 for no limit', '0');
  await ada.joinRoom('Lobby');
  await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
  for (const person of [ada, ben])
    await person.until('both in the text group', ({ lobby }) => lobby?.members.length === 2);
  await ada.page.getByRole('tab', { name: 'Welcome' }).click();
  await write(ben, 'Lobby', 'Is the kettle on?');
  await write(ben, 'Lobby', 'It is now.');
  const tab = ada.page.getByRole('tab', { name: '# Lobby (2)' });
  await expect(tab).toBeVisible();
  await tab.click();
  await expect(ada.page.getByRole('tab', { name: '# Lobby', exact: true })).toBeVisible();
});

test('who leaves a room is in none', async () => {
  await ben.page.getByRole('button', { name: 'Leave room' }).click();
  await ben.until('out', ({ call }) => call.state === 'none');
  await expect(room(ada, 'Ben')).toHaveCount(0);
  await ada.page.getByRole('tab', { name: 'People', exact: true }).click();
  await expect(ada.page.getByRole('treeitem', { name: /^Ben/ })).not.toHaveAccessibleName(/Lobby/);
  for (const person of [ada, ben]) expect(person.pageErrors).toEqual([]);
});
