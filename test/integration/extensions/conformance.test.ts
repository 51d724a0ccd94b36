import { afterEach, describe, expect, it, vi } from 'vitest';
import { createDisposableStore } from '../../../core/base/disposable.ts';
import type { MessagePortLike } from '../../../core/base/rpc/rpc.ts';
import type { ExtensionContext, ExtensionModule } from '../../../extensions/api/conclave.d.ts';
import type { ExtensionFrame } from '../../../renderer/exthost/sandbox/extension-frame.ts';
import { createJsonPort } from '../../../renderer/exthost/sandbox/json-port.ts';
import { serveExtension } from '../../../renderer/exthost/sandbox/worker/serve-extension.ts';
import { createTestWorkbench, manifestOf } from '../../../renderer/exthost/testing/test-workbench.ts';

/**
 * What an extension may rely on, in both runtimes: the same code, the same expectations. The sandboxed one runs
 * the runtime of the worker over a real port; the worker itself is proved in a browser by the hostile tests.
 */
const store = createDisposableStore();
afterEach(() => store.clear());

const CONTRIBUTES = {
  commands: [
    { id: 'sample.run', title: 'Run', public: true },
    { id: 'sample.other', title: 'Other' },
  ],
  viewsContainers: { panel: [{ id: 'box', title: 'Box', icon: 'home' }] },
  views: { box: [{ id: 'sample.tree', name: 'Tree', kind: 'tree' }] },
  configuration: {
    title: 'Sample',
    properties: { 'sample.on': { type: 'boolean', default: true, description: 'On.' } },
  },
};

/** The runtime of the worker at the other end of a channel in this process. */
function openFrameFor(module: () => ExtensionModule): () => Promise<ExtensionFrame> {
  return async () => {
    const { port1, port2 } = new MessageChannel();
    const port = createJsonPort(port2 as unknown as MessagePortLike);
    const extension = serveExtension(port, module);
    return {
      port: port1 as unknown as MessagePortLike,
      dispose() {
        extension.dispose();
        port.dispose();
        port1.close();
      },
    };
  };
}

describe.each(['trusted', 'sandboxed'] as const)('in the %s runtime', (runtime) => {
  async function start(
    activate: (context: ExtensionContext) => void | Promise<void>,
    permissions: readonly string[] = ['call.read', 'rooms.read', 'rooms.write'],
  ) {
    const deactivate = vi.fn();
    const workbench = store.add(
      createTestWorkbench(
        {
          sample: {
            manifest: manifestOf('sample', {
              runtime,
              permissions,
              activationEvents: ['onStartupFinished'],
              contributes: CONTRIBUTES,
            }),
            activate,
            deactivate,
          },
        },
        {
          openFrame: openFrameFor(() => ({ activate, deactivate })),
          grants: {
            has: (_id, permission) => permissions.includes(permission),
            undecided: () => [],
            ask: async () => {},
            revoke: () => {},
          },
        },
      ),
    );
    await workbench.service.start();
    return { workbench, deactivate };
  }
  const started = async (
    permissions?: readonly string[],
  ): Promise<ExtensionContext & Awaited<ReturnType<typeof start>>> => {
    let context: ExtensionContext | undefined;
    const running = await start((given) => void (context = given), permissions);
    if (!context) throw new Error(running.workbench.service.all()[0]?.problems.join(' '));
    return { ...context, ...running };
  };

  it('is active and knows its id', async () => {
    const { extension, workbench } = await started();
    expect(extension).toEqual({ id: 'test.sample', version: '1.0.0' });
    expect(workbench.service.all()[0]).toMatchObject({ state: 'active', runtime });
  });

  it('gives code to its commands, with arguments and results', async () => {
    const { workbench } = await start(({ api, subscriptions }) => {
      subscriptions.add(api.commands.register('sample.run', (n) => (n as number) + 1));
    });
    await expect(workbench.services.commands.execute('sample.run', 4)).resolves.toBe(5);
  });

  it('reports the errors of its commands', async () => {
    const { workbench } = await start(({ api }) => {
      api.commands.register('sample.run', () => {
        throw new Error('out of milk');
      });
    });
    await expect(workbench.services.commands.execute('sample.run')).rejects.toThrow('out of milk');
  });

  it('refuses commands of others at once, and lets it run public ones', async () => {
    const { api, workbench } = await started();
    expect(() => api.commands.register('other.run', () => {})).toThrow(
      expect.objectContaining({ code: 'command_not_declared' }),
    );
    const { commands } = workbench.services;
    store.add(commands.register({ id: 'core.private', title: 'x' }, () => 'secret'));
    store.add(commands.register({ id: 'core.public', title: 'x', public: true }, () => ({ answer: [1] })));
    await expect(api.commands.execute('core.private')).rejects.toMatchObject({ code: 'command_not_public' });
    await expect(api.commands.execute('core.public')).resolves.toEqual({ answer: [1] });
  });

  it('sets its own context keys and no others', async () => {
    const { api, workbench } = await started();
    expect(() => api.context.set('inCall', true)).toThrow(
      expect.objectContaining({ code: 'context_key_not_owned' }),
    );
    api.context.set('test.sample.x', 5);
    expect(api.context.get('test.sample.x')).toBe(5);
    await vi.waitFor(() => expect(workbench.services.contextKeys.get('test.sample.x')).toBe(5));
  });

  it('reads, writes and hears of its settings', async () => {
    const { api } = await started();
    expect(api.configuration.get('sample.on')).toBe(true);
    const heard: boolean[] = [];
    api.configuration.onDidChange(({ affects }) => heard.push(affects('sample.on')));
    await api.configuration.update('sample.on', false);
    await vi.waitFor(() => expect(api.configuration.get('sample.on')).toBe(false));
    expect(heard).toContain(true);
    await expect(api.configuration.update('core.size', 1)).rejects.toMatchObject({
      code: 'setting_not_owned',
    });
  });

  it('fills a tree view, whose rows come back to its commands', async () => {
    const listeners = new Set<(node: { n: number } | undefined) => void>();
    let nodes = [{ n: 1 }];
    const seen: unknown[] = [];
    const { workbench } = await start(({ api }) => {
      api.commands.register('sample.run', (node) => void seen.push(node));
      api.views.registerTreeView<{ n: number }>('sample.tree', {
        onDidChange(listener) {
          listeners.add(listener);
          return { dispose: () => listeners.delete(listener) };
        },
        getChildren: (node) => (node ? [] : nodes),
        getItem: ({ n }) => ({ id: String(n), label: `Row ${n}` }),
      });
    });
    const labels = (): readonly string[] => {
      const content = workbench.services.viewRegistry.content('sample.tree');
      if (content?.kind !== 'tree') return [];
      return content.provider.getChildren(undefined).map((node) => content.provider.getItem(node).label);
    };
    await vi.waitFor(() => expect(labels()).toEqual(['Row 1']));
    nodes = [{ n: 1 }, { n: 2 }];
    for (const listener of listeners) listener(undefined);
    await vi.waitFor(() => expect(labels()).toEqual(['Row 1', 'Row 2']));
    const content = workbench.services.viewRegistry.content('sample.tree');
    const row = content?.kind === 'tree' ? content.provider.getChildren(undefined)[1] : undefined;
    await workbench.services.commands.execute('sample.run', row);
    expect(seen).toEqual([nodes[1]]);
  });

  it('shows messages under its name', async () => {
    const { api, workbench } = await started();
    await api.window.showMessage('info', 'Hello\u202e');
    expect(workbench.services.notifications.all()[0]).toMatchObject({
      source: 'The sample',
      message: 'Hello',
    });
  });

  it('gets its own object back from a choice', async () => {
    const { api, workbench } = await started();
    workbench.picks.push((labels) => labels.indexOf('b'));
    const items = [{ label: 'a' }, { label: 'b', extra: 7 }];
    expect(await api.window.showQuickPick(items, { placeholder: 'x' })).toBe(items[1]);
  });

  it('has status bar items that follow it', async () => {
    const { api, workbench } = await started();
    const item = api.window.createStatusBarItem({
      id: 'sample.i',
      name: 'i',
      alignment: 'left',
      priority: 1,
    });
    item.text = 'Hi';
    const texts = (): readonly string[] => workbench.services.statusBar.entries().map(({ text }) => text);
    await vi.waitFor(() => expect(texts()).toEqual(['Hi']));
    item.dispose();
    await vi.waitFor(() => expect(texts()).toEqual([]));
  });

  it('reads and hears of what it may, and nothing else', async () => {
    const { api, workbench } = await started();
    expect(api.call.state.state).toBe('none');
    const heard: string[] = [];
    api.rooms.onDidChange(() => heard.push(api.rooms.all.map(({ name }) => name).join()));
    const room = { id: 1, parent: null, name: 'Lobby', description: '', limit: 0 };
    workbench.sessionServer.emit('directory.changed', {
      rooms: [{ ...room, gated: false, permanent: true, subscribed: true }],
      people: [],
    });
    await vi.waitFor(() => expect(heard).toEqual(['Lobby']));
    expect(() => api.identity.current).toThrow(expect.objectContaining({ code: 'permission_missing' }));
    await expect(api.text.open(1)).rejects.toMatchObject({ code: 'permission_missing' });
    await api.rooms.leave();
    expect(workbench.asked.length).toBe(1);
  });

  it('is told to end, and leaves nothing behind', async () => {
    const { workbench, deactivate } = await start(({ api }) => {
      api.context.set('test.sample.x', 1);
      api.commands.register('sample.run', () => 1);
    });
    await vi.waitFor(() => expect(workbench.services.contextKeys.get('test.sample.x')).toBe(1));
    await workbench.service.stop('test.sample');
    expect(deactivate).toHaveBeenCalledOnce();
    expect(workbench.services.contextKeys.get('test.sample.x')).toBeUndefined();
    expect(workbench.services.commands.get('sample.run')).toBeUndefined();
  });
});
