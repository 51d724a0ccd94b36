import { describe, expect, it } from 'vitest';
import { createCommandRegistry } from './commands.ts';
import { createContextKeyService } from './context-keys.ts';
import { createDialogService } from './dialogs.ts';
import { createMenuRegistry } from './menus.ts';
import { createNotificationService } from './notifications.ts';
import { createQuickAccessRegistry } from './quick-input.ts';
import { createStatusBarRegistry } from './status-bar.ts';
import { createStorageService } from './storage.ts';
import { localize } from './nls.ts';

describe('commands', () => {
  it('runs, refuses and tells', async () => {
    const keys = createContextKeyService();
    const commands = createCommandRegistry(keys);
    const ran: string[] = [];
    const subscription = commands.onDidExecute(({ id }) => ran.push(id));
    const registration = commands.register(
      { id: 'add', title: 'Add', enablement: 'ready' },
      (a, b) => Number(a) + Number(b),
    );
    await expect(commands.execute('add', 1, 2)).rejects.toMatchObject({ code: 'command_disabled' });
    keys.set('ready', true);
    await expect(commands.execute('add', 1, 2)).resolves.toBe(3);
    await expect(commands.execute('nothing')).rejects.toMatchObject({ code: 'unknown_command' });
    expect(() => commands.register({ id: 'add', title: 'Again' }, () => 0)).toThrow(/already/);
    registration.dispose();
    await expect(commands.execute('add')).rejects.toMatchObject({ code: 'unknown_command' });
    expect(ran).toEqual(['add']);
    subscription.dispose();
    commands.dispose();
    keys.dispose();
  });
});

describe('menus', () => {
  it('sorts groups and items, navigation first, and follows conditions', () => {
    const keys = createContextKeyService();
    const commands = createCommandRegistry(keys);
    const menus = createMenuRegistry(keys, commands);
    const held = [
      ...['a', 'b', 'c', 'd'].map((id) => commands.register({ id, title: id.toUpperCase() }, () => 0)),
      menus.register('view/title', { command: 'a', group: '2_more', order: 2 }),
      menus.register('view/title', { command: 'b', group: '2_more', order: 1 }),
      menus.register('view/title', { command: 'c', group: 'navigation', when: 'view == rooms' }),
      menus.register('view/title', { command: 'unknown' }),
    ];
    const shape = (overlay: { readonly view: string }) =>
      menus.resolve('view/title', overlay).map((group) => group.map((item) => item.title));
    expect(shape({ view: 'rooms' })).toEqual([['C'], ['B', 'A']]);
    expect(shape({ view: 'people' })).toEqual([['B', 'A']]);
    held.forEach((registration) => registration.dispose());
    menus.dispose();
    commands.dispose();
    keys.dispose();
  });
});

describe('the status bar', () => {
  it('shows visible items with text, left before right, outermost first', () => {
    const bar = createStatusBarRegistry();
    const make = (id: string, alignment: 'left' | 'right', priority: number) => {
      const item = bar.createItem({ id, name: id, alignment, priority });
      item.text = id;
      return item;
    };
    const items = [
      make('r1', 'right', 1),
      make('l1', 'left', 1),
      make('l9', 'left', 9),
      make('off', 'left', 5),
    ];
    const off = items[3];
    if (off) off.visible = false;
    expect(bar.entries().map((entry) => entry.id)).toEqual(['l9', 'l1', 'r1']);
    bar.setHidden('l9', true);
    expect(bar.entries().map((entry) => entry.id)).toEqual(['l1', 'r1']);
    expect(() => bar.createItem({ id: 'l1', name: '', alignment: 'left', priority: 0 })).toThrow(/exists/);
    items.forEach((item) => item.dispose());
    expect(bar.known()).toEqual([]);
    bar.dispose();
  });
});

describe('notifications', () => {
  it('answers with the choice, or with nothing when closed', async () => {
    const service = createNotificationService(() => 0);
    const chosen = service.show({ severity: 'error', message: 'a', actions: [{ title: 'Retry' }] });
    const closed = service.show({ severity: 'info', message: 'b' });
    service.choose(1, { title: 'Retry' });
    closed.dispose();
    expect([await chosen.closed, await closed.closed]).toEqual(['Retry', undefined]);
    service.dispose();
  });

  it('shows the same message once, keeps at most 100 and is quiet when told to', () => {
    const service = createNotificationService(() => 0);
    service.info('same');
    service.info('same');
    expect(service.all()).toHaveLength(1);
    for (let index = 0; index < 150; index++) service.info(`message ${index}`);
    expect(service.all()).toHaveLength(100);
    service.doNotDisturb = true;
    service.info('quiet');
    service.error(new Error('loud'));
    expect(
      service
        .all()
        .slice(0, 2)
        .map(({ message, toast }) => [message, toast]),
    ).toEqual([
      ['loud', true],
      ['quiet', false],
    ]);
    service.dispose();
  });
});

describe('dialogs', () => {
  it('asks one question after the other', async () => {
    const dialogs = createDialogService();
    const first = dialogs.confirm({ message: 'one', action: 'Do it' });
    const second = dialogs.show({ message: 'two', actions: ['A', 'B'] });
    const current = dialogs.current;
    current?.answer('Do it');
    current?.answer(undefined);
    expect(await first).toBe(true);
    expect(dialogs.current?.message).toBe('two');
    dialogs.dispose();
    expect(await second).toBeUndefined();
  });
});

describe('quick access', () => {
  it('takes the longest prefix', () => {
    const access = createQuickAccessRegistry();
    const provider = (prefix: string) => ({ prefix, placeholder: '', help: '', items: () => [] });
    const held = ['', '>', '>>'].map((prefix) => access.register(provider(prefix)));
    expect(['x', '>x', '>>x'].map((text) => access.match(text)?.provider.prefix)).toEqual(['', '>', '>>']);
    expect(access.match('>x')?.query).toBe('x');
    expect(() => access.register(provider('>'))).toThrow(/taken/);
    held.forEach((registration) => registration.dispose());
    expect(access.match('x')).toBeUndefined();
  });
});

describe('storage', () => {
  it('writes several changes once, reads its own writes and survives a damaged value', async () => {
    const stored = new Map<string, string>([['bad', '{']]);
    const writes: string[] = [];
    const timers: (() => void)[] = [];
    const storage = createStorageService(
      {
        get: async (key) => stored.get(key) ?? null,
        set: async (key, value) => {
          writes.push(key);
          stored.set(key, value);
        },
      },
      {
        clock: {
          now: () => 0,
          wallTime: () => 0,
          setTimer(_milliseconds, callback) {
            timers.push(callback);
            return { dispose: () => timers.splice(0) };
          },
        },
      },
    );
    storage.set('a', 1);
    storage.set('a', 2);
    expect(await storage.get('a')).toBe(2);
    expect(writes).toEqual([]);
    await storage.flush();
    expect([writes, await storage.get('a'), await storage.get('bad'), await storage.get('none')]).toEqual([
      ['a'],
      2,
      undefined,
      undefined,
    ]);
    storage.dispose();
  });
});

describe('texts', () => {
  it('fills in values and leaves unknown places alone', () => {
    expect(localize('sash.label', { part: 'panel' })).toBe('Resize panel');
    expect(localize('sash.label')).toBe('Resize {part}');
  });
});
