import { afterEach, describe, expect, it } from 'vitest';
import { createDisposableStore } from '../../core/base/disposable.ts';
import { createTestWorkbench, manifestOf, type TestExtension } from './testing/test-workbench.ts';

const store = createDisposableStore();
afterEach(() => store.clear());

function create(extensions: Readonly<Record<string, TestExtension>>) {
  return store.add(createTestWorkbench(extensions));
}

const COMMAND = { commands: [{ id: 'sample.run', title: 'Run' }] };

describe('registering', () => {
  it('takes the contributions without running any code', async () => {
    const { service, services, loaded } = create({
      sample: {
        manifest: manifestOf('sample', {
          contributes: {
            ...COMMAND,
            keybindings: [{ command: 'sample.run', key: 'ctrl+alt+r' }],
            menus: { 'view/title': [{ command: 'sample.run' }] },
            viewsContainers: { secondary: [{ id: 'box', title: 'Box', icon: 'home' }] },
            views: {
              box: [{ id: 'sample.view', name: 'View', kind: 'tree' }],
              editor: [{ id: 'sample.page', name: 'Page', kind: 'editor' }],
            },
            viewsWelcome: [
              { view: 'sample.view', contents: 'Offline.\n[Go](command:sample.run)', when: '!online' },
              { view: 'sample.view', contents: 'Nothing here.' },
            ],
            configuration: {
              title: 'Sample',
              properties: { 'sample.size': { type: 'integer', default: 3, description: 'Size.' } },
            },
          },
        }),
        activate: () => {},
      },
    });
    await service.start();
    expect(loaded).toEqual([]);
    expect(service.all()).toMatchObject([{ id: 'test.sample', state: 'registered', problems: [] }]);
    expect(services.commands.get('sample.run')?.title).toBe('Run');
    expect(services.keybindings.labelFor('sample.run')).toBe('Ctrl+Alt+R');
    expect(services.menus.resolve('view/title').flat()).toHaveLength(1);
    expect(services.viewRegistry.container('box')?.location).toBe('secondary');
    expect(services.viewRegistry.editorView('sample.page')?.title).toBe('Page');
    expect(services.configuration.get('sample.size')).toBe(3);
    expect(services.viewRegistry.view('sample.view')?.welcome).toEqual({
      text: 'Offline.',
      actions: [{ title: 'Go', command: 'sample.run' }],
    });
    services.contextKeys.set('online', true);
    expect(services.viewRegistry.view('sample.view')?.welcome?.text).toBe('Nothing here.');
  });

  it('takes all of it away when the extension is stopped', async () => {
    const { service, services } = create({
      sample: {
        manifest: manifestOf('sample', {
          activationEvents: ['onStartupFinished'],
          contributes: {
            ...COMMAND,
            keybindings: [{ command: 'sample.run', key: 'f2' }],
            viewsContainers: { panel: [{ id: 'box', title: 'Box', icon: 'home' }] },
            views: { box: [{ id: 'sample.view', name: 'View', kind: 'tree' }] },
            configuration: {
              title: 'S',
              properties: { 'sample.on': { type: 'boolean', default: true, description: 'On.' } },
            },
          },
        }),
        activate: ({ api }) => {
          api.commands.register('sample.run', () => 1);
          api.views.registerTreeView('sample.view', {
            onDidChange: () => ({ dispose: () => {} }),
            getChildren: () => [],
            getItem: () => ({ id: 'x', label: 'x' }),
          });
          api.window.createStatusBarItem({
            id: 'sample.item',
            name: 'i',
            alignment: 'left',
            priority: 1,
          }).text = 'x';
          api.context.set('test.sample.ready', true);
        },
      },
    });
    await service.start();
    expect(services.statusBar.entries()).toHaveLength(1);
    expect(services.contextKeys.get('test.sample.ready')).toBe(true);
    await service.stop('test.sample');
    expect(services.commands.get('sample.run')).toBeUndefined();
    expect(services.viewRegistry.views()).toEqual([]);
    expect(services.viewRegistry.containers()).toEqual([]);
    expect(services.viewRegistry.content('sample.view')).toBeUndefined();
    expect(services.statusBar.entries()).toEqual([]);
    expect(services.contextKeys.get('test.sample.ready')).toBeUndefined();
    expect(services.keybindings.labelFor('sample.run')).toBeUndefined();
    expect(services.configuration.settings()).toEqual([]);
  });

  it('refuses a bad manifest by name and field and goes on with the others', async () => {
    const { service, services } = create({
      broken: { manifest: { ...manifestOf('broken'), version: 'one' } },
      sample: { manifest: manifestOf('sample', { contributes: COMMAND }), activate: () => {} },
    });
    await service.start();
    expect(service.all().map(({ id, state }) => [id, state])).toEqual([
      ['test.sample', 'registered'],
      ['broken', 'refused'],
    ]);
    expect(services.notifications.all()[0]).toMatchObject({ severity: 'error', source: 'broken' });
    expect(services.notifications.all()[0]?.message).toContain('version');
  });

  it('refuses a second extension with the same id, and leaves out what clashes with another', async () => {
    const { service, services } = create({
      one: { manifest: manifestOf('sample', { contributes: COMMAND }), activate: () => {} },
      same: { manifest: manifestOf('sample'), activate: () => {} },
      clash: { manifest: manifestOf('clash', { contributes: COMMAND }), activate: () => {} },
    });
    await service.start();
    const states = service.all().map(({ id, state, problems }) => [id, state, problems.length]);
    expect(states).toEqual([
      ['test.sample', 'registered', 0],
      ['test.clash', 'registered', 1],
      ['same', 'refused', 1],
    ]);
    expect(services.notifications.all().some(({ source }) => source === 'The clash')).toBe(true);
  });
});

describe('starting', () => {
  it('waits for the first use of a command, starts once and passes the arguments', async () => {
    let starts = 0;
    const { service, services } = create({
      sample: {
        manifest: manifestOf('sample', { contributes: COMMAND }),
        activate: ({ api }) => {
          starts++;
          api.commands.register('sample.run', (...args) => ['ran', ...args]);
        },
      },
    });
    await service.start();
    expect(starts).toBe(0);
    const [first, second] = await Promise.all([
      services.commands.execute('sample.run', 1),
      services.commands.execute('sample.run', 2),
    ]);
    expect([first, second]).toEqual([
      ['ran', 1],
      ['ran', 2],
    ]);
    expect(starts).toBe(1);
    expect(service.all()[0]).toMatchObject({ state: 'active', activatedBy: 'onCommand:sample.run' });
    expect(service.all()[0]?.activationMs).toBeGreaterThanOrEqual(0);
  });

  it('starts when a view is first drawn, and then fills it', async () => {
    const { service, services } = create({
      sample: {
        manifest: manifestOf('sample', {
          permissions: ['ui.elements'],
          contributes: {
            viewsContainers: { panel: [{ id: 'box', title: 'Box', icon: 'home' }] },
            views: { box: [{ id: 'sample.view', name: 'View', kind: 'element' }] },
          },
        }),
        activate: ({ api }) => {
          api.views.registerElementView('sample.view', {
            create: () => ({ real: true }) as unknown as HTMLElement,
          });
        },
      },
    });
    await service.start();
    const host = {
      input: undefined,
      onDidClose: () => ({ dispose: () => {} }),
      onDidChangeVisibility: () => ({ dispose: () => {} }),
      setTitle: () => {},
    };
    const draw = (): unknown => {
      const content = services.viewRegistry.content('sample.view');
      return content?.kind === 'element' ? content.provider.create(host) : undefined;
    };
    expect(draw()).toEqual({ placeholder: true });
    await service.activateByEvent('onView:sample.view');
    expect(draw()).toEqual({ real: true });
  });

  it('tells a failure by the extension’s name, disposes what it had, and starts the others', async () => {
    let disposed = 0;
    const { service, services } = create({
      bad: {
        manifest: manifestOf('bad', { activationEvents: ['onStartupFinished'], contributes: COMMAND }),
        activate: ({ subscriptions }) => {
          subscriptions.add({ dispose: () => disposed++ });
          throw new Error('No luck');
        },
      },
      good: {
        manifest: manifestOf('good', { activationEvents: ['onStartupFinished'] }),
        activate: () => {},
      },
    });
    await service.start();
    expect(service.all().map(({ state }) => state)).toEqual(['faulted', 'active']);
    expect(disposed).toBe(1);
    expect(services.notifications.all()[0]).toMatchObject({ source: 'The bad' });
    expect(services.notifications.all()[0]?.message).toContain('No luck.');
    await expect(services.commands.execute('sample.run')).rejects.toMatchObject({
      code: 'command_without_code',
    });
  });

  it('gives up on an extension that does not come to an end', async () => {
    const { service, clock } = create({
      slow: {
        manifest: manifestOf('slow', { activationEvents: ['onStartupFinished'] }),
        activate: () => new Promise(() => {}),
      },
    });
    const started = service.start();
    await expect.poll(() => service.all()[0]?.state).toBe('activating');
    await expect
      .poll(() => {
        clock.advance(5000);
        return service.all()[0]?.state;
      })
      .toBe('faulted');
    await started;
    expect(service.all()[0]?.problems[0]).toContain('5 s');
  });

  it('refuses a script without activate', async () => {
    const { service } = create({
      empty: { manifest: manifestOf('empty', { activationEvents: ['onStartupFinished'] }) },
    });
    await service.start();
    expect(service.all()[0]).toMatchObject({ state: 'faulted' });
    expect(service.all()[0]?.problems[0]).toContain('activate');
  });
});

describe('stopping', () => {
  it('calls deactivate, then disposes in reverse order, and tells nothing any more', async () => {
    const order: string[] = [];
    let heard = 0;
    const { service, sessionServer } = create({
      sample: {
        manifest: manifestOf('sample', {
          activationEvents: ['onStartupFinished'],
          permissions: ['connection.read'],
        }),
        activate: ({ api, subscriptions }) => {
          subscriptions.add({ dispose: () => order.push('first') });
          subscriptions.add({ dispose: () => order.push('second') });
          // Deliberately not kept: the workbench ends it all the same.
          api.connection.onDidChange(() => heard++);
        },
        deactivate: () => void order.push('deactivate'),
      },
    });
    await service.start();
    sessionServer.emit('connection.changed', { state: 'connecting', host: 'h', port: 1 });
    expect(heard).toBe(1);
    await service.stop('test.sample');
    sessionServer.emit('connection.changed', { state: 'disconnected' });
    expect(heard).toBe(1);
    expect(order).toEqual(['deactivate', 'second', 'first']);
  });
});

describe('errors of listeners', () => {
  it('are told once in a while and keep nobody else from being told', async () => {
    let heard = 0;
    const listening: TestExtension['activate'] = ({ api }) => {
      api.connection.onDidChange(() => {
        throw new Error('Every time');
      });
      api.connection.onDidChange(() => heard++);
    };
    const { service, services, sessionServer, clock } = create({
      sample: {
        manifest: manifestOf('sample', {
          activationEvents: ['onStartupFinished'],
          permissions: ['connection.read'],
        }),
        activate: listening,
      },
    });
    await service.start();
    const emit = (): void =>
      sessionServer.emit('connection.changed', { state: 'connecting', host: 'h', port: 1 });
    emit();
    emit();
    expect(heard).toBe(2);
    expect(services.notifications.all()).toHaveLength(1);
    const first = services.notifications.all()[0]?.id;
    clock.advance(61_000);
    emit();
    expect(services.notifications.all()[0]?.id).not.toBe(first);
  });
});
