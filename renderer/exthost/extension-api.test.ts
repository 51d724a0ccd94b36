import { afterEach, describe, expect, it } from 'vitest';
import { createDisposableStore } from '../../core/base/disposable.ts';
import type { SessionEvents } from '../../core/workers/session-contract.ts';
import type { Conclave } from '../../extensions/api/conclave.d.ts';
import { PERMISSIONS } from '../../extensions/api/manifest.ts';
import { API_VERSION } from '../../extensions/api/version.ts';
import { manifestOf, startWithApi } from './testing/test-workbench.ts';

const store = createDisposableStore();
afterEach(() => store.clear());

const CONTRIBUTES = {
  commands: [{ id: 'sample.run', title: 'Run' }],
  viewsContainers: { panel: [{ id: 'box', title: 'Box', icon: 'home' }] },
  views: {
    box: [
      { id: 'sample.tree', name: 'Tree', kind: 'tree' },
      { id: 'sample.element', name: 'Element', kind: 'element' },
    ],
    editor: [{ id: 'sample.page', name: 'Page', kind: 'editor' }],
  },
  configuration: {
    title: 'Sample',
    properties: { 'sample.on': { type: 'boolean', default: true, description: 'On.' } },
  },
};

async function start(permissions: readonly string[] = PERMISSIONS) {
  const { api, workbench } = await startWithApi(
    manifestOf('sample', { activationEvents: ['onStartupFinished'], permissions, contributes: CONTRIBUTES }),
  );
  store.add(workbench);
  return { api, workbench };
}

const person = {
  session: 4,
  identity: 'ab',
  fingerprint: 'f',
  name: 'Ada',
  roles: ['admin'],
  verified: true,
  room: 1,
  inCall: true,
  muted: false,
  deafened: false,
  away: false,
  self: true,
};
const directory: SessionEvents['directory.changed'] = {
  rooms: [
    {
      id: 1,
      parent: null,
      name: 'Lobby',
      description: '',
      limit: 0,
      gated: false,
      permanent: true,
      subscribed: true,
    },
  ],
  people: [person],
};

describe('the shape of the API', () => {
  it('has every namespace and is frozen', async () => {
    const { api } = await start();
    expect(api.version).toBe(API_VERSION);
    expect(Object.keys(api).sort()).toEqual(
      [
        'version',
        'commands',
        'context',
        'views',
        'window',
        'configuration',
        'identity',
        'connection',
        'rooms',
        'call',
        'text',
      ].sort(),
    );
    expect(Object.isFrozen(api)).toBe(true);
    for (const namespace of Object.values(api)) expect(Object.isFrozen(namespace)).toBe(true);
    expect(() => {
      (api.commands as { execute: unknown }).execute = () => {};
    }).toThrow(TypeError);
  });
});

describe('ownership', () => {
  it('lets an extension register only the commands of its manifest, each once', async () => {
    const { api } = await start();
    expect(() => api.commands.register('other.run', () => {})).toThrow(
      expect.objectContaining({ code: 'command_not_declared' }),
    );
    const registration = api.commands.register('sample.run', () => 1);
    expect(() => api.commands.register('sample.run', () => 2)).toThrow();
    registration.dispose();
    api.commands.register('sample.run', () => 3);
    await expect(api.commands.execute('sample.run')).resolves.toBe(3);
  });

  it('lets it run only its own and public commands', async () => {
    const { api, workbench } = await start();
    store.add(workbench.services.commands.register({ id: 'core.private', title: 'x' }, () => 'secret'));
    store.add(
      workbench.services.commands.register({ id: 'core.public', title: 'x', public: true }, () => 'fine'),
    );
    await expect(api.commands.execute('core.private')).rejects.toMatchObject({ code: 'command_not_public' });
    await expect(api.commands.execute('core.missing')).rejects.toMatchObject({ code: 'command_not_public' });
    await expect(api.commands.execute('core.public')).resolves.toBe('fine');
    const item = api.window.createStatusBarItem({
      id: 'sample.i',
      name: 'i',
      alignment: 'left',
      priority: 1,
    });
    expect(() => (item.command = 'core.private')).toThrow(
      expect.objectContaining({ code: 'command_not_public' }),
    );
    item.command = 'sample.run';
    expect(item.command).toBe('sample.run');
  });

  it('lets it set only its own context keys', async () => {
    const { api, workbench } = await start();
    expect(() => api.context.set('inCall', true)).toThrow(
      expect.objectContaining({ code: 'context_key_not_owned' }),
    );
    expect(() => api.context.set('test.sampleOther.x', true)).toThrow();
    api.context.set('test.sample.x', 5);
    expect(workbench.services.contextKeys.get('test.sample.x')).toBe(5);
  });

  it('lets it write only its own settings, and read all', async () => {
    const { api, workbench } = await start();
    store.add(
      workbench.services.configuration.register(
        { 'core.size': { type: 'integer', default: 1, description: 'x' } },
        { owner: 'core', section: 'x' },
      ),
    );
    expect(api.configuration.get('core.size')).toBe(1);
    await expect(api.configuration.update('core.size', 2)).rejects.toMatchObject({
      code: 'setting_not_owned',
    });
    await api.configuration.update('sample.on', false);
    expect(api.configuration.get('sample.on')).toBe(false);
  });

  it('lets it fill only its own views, by their kind', async () => {
    const { api, workbench } = await start();
    const tree = {
      onDidChange: () => ({ dispose: () => {} }),
      getChildren: () => [],
      getItem: () => ({ id: 'x', label: 'x' }),
    };
    expect(() => api.views.registerTreeView('other.tree', tree)).toThrow(
      expect.objectContaining({ code: 'view_not_declared' }),
    );
    expect(() => api.views.registerTreeView('sample.element', tree)).toThrow();
    api.views.registerTreeView('sample.tree', tree);
    expect(workbench.services.viewRegistry.content('sample.tree')?.kind).toBe('tree');
    await expect(api.views.openEditor('sample.tree', { key: 'k', title: 't' })).rejects.toMatchObject({
      code: 'view_not_declared',
    });
    await api.views.openEditor('sample.page', { key: 'k', title: 't' });
    expect(workbench.openEditors).toEqual(['sample.page/k']);
  });

  it('puts its name on what it shows', async () => {
    const { api, workbench } = await start();
    await api.window.showMessage('info', 'Hello\u202eevil');
    expect(workbench.services.notifications.all()[0]).toMatchObject({
      source: 'The sample',
      message: 'Helloevil',
    });
    const answer = api.window.showDialog({ message: 'Sure?', actions: ['Yes'] });
    expect(workbench.services.dialogs.current).toMatchObject({ source: 'The sample' });
    workbench.services.dialogs.current?.answer('Yes');
    await expect(answer).resolves.toBe('Yes');
    expect(() =>
      api.window.createStatusBarItem({ id: 'core.item', name: 'i', alignment: 'left', priority: 1 }),
    ).toThrow(expect.objectContaining({ code: 'status_item_not_owned' }));
  });
});

describe('permissions', () => {
  const calls: readonly (readonly [string, (api: Conclave) => unknown])[] = [
    ['identity.read', (api) => api.identity.current],
    ['identity.read', (api) => api.identity.onDidChange(() => {})],
    ['connection.read', (api) => api.connection.state],
    ['connection.read', (api) => api.connection.onDidChange(() => {})],
    ['connection.control', (api) => api.connection.retry()],
    ['connection.control', (api) => api.connection.disconnect()],
    ['rooms.read', (api) => api.rooms.all],
    ['rooms.read', (api) => api.rooms.people],
    ['rooms.read', (api) => api.rooms.onDidChange(() => {})],
    ['rooms.write', (api) => api.rooms.enter(1)],
    ['rooms.write', (api) => api.rooms.leave()],
    ['rooms.write', (api) => api.rooms.create({ parent: null, name: 'x' })],
    ['rooms.write', (api) => api.rooms.edit(1, { name: 'x' })],
    ['rooms.write', (api) => api.rooms.delete(1)],
    ['call.read', (api) => api.call.state],
    ['call.read', (api) => api.call.speaking],
    ['call.read', (api) => api.call.transmitting],
    ['call.read', (api) => api.call.stats],
    ['call.read', (api) => api.call.onDidChange(() => {})],
    ['call.read', (api) => api.call.onDidChangeSpeaking(() => {})],
    ['call.read', (api) => api.call.onDidChangeStats(() => {})],
    ['call.control', (api) => api.call.join(1)],
    ['call.control', (api) => api.call.leave()],
    ['call.control', (api) => api.call.setMuted(true)],
    ['call.control', (api) => api.call.setDeafened(true)],
    ['call.control', (api) => api.call.setTalking(true)],
    ['call.control', (api) => api.call.setVolume('ab', 1)],
    ['text.read', (api) => api.text.open(1)],
    ['text.read', (api) => api.text.history(1, 5, 10)],
    ['text.read', (api) => api.text.groupOf(1)],
    ['text.read', (api) => api.text.onDidChangeMessage(() => {})],
    ['text.read', (api) => api.text.onDidChangeGroup(() => {})],
    ['text.write', (api) => api.text.send(1, 'x')],
    ['text.write', (api) => api.text.leave(1)],
    ['ui.links', (api) => api.window.openLink('https://example.org')],
    ['clipboard.write', (api) => api.window.copyText('x')],
    [
      'ui.elements',
      (api) => api.views.registerElementView('sample.element', { create: () => ({}) as HTMLElement }),
    ],
  ];

  it.each(calls.map(([permission, call], index) => [permission, call, index] as const))(
    '%s is needed (%#)',
    async (permission, call) => {
      const others = PERMISSIONS.filter((other) => other !== permission);
      const { api, workbench } = await start(others);
      workbench.answers['text.open'] = [];
      await expect((async () => await call(api))()).rejects.toMatchObject({ code: 'permission_missing' });
      expect(workbench.asked).toEqual([]);
    },
  );

  it('covers every permission of the catalogue', () => {
    expect(new Set(calls.map(([permission]) => permission))).toEqual(new Set(PERMISSIONS));
  });

  it('covers every member of the namespaces about the program', async () => {
    const { api } = await start();
    const expected = calls
      .map(([, call]) => /api\.(identity|connection|rooms|call|text)\.(\w+)/.exec(call.toString()))
      .flatMap((match) => (match ? [`${match[1]}.${match[2]}`] : []));
    for (const namespace of ['identity', 'connection', 'rooms', 'call', 'text'] as const)
      for (const member of Object.keys(Object.getOwnPropertyDescriptors(api[namespace])))
        expect(expected, `${namespace}.${member} has no permission test`).toContain(`${namespace}.${member}`);
  });
});

describe('what is read', () => {
  it('is a frozen copy without what the API does not promise', async () => {
    const { api, workbench } = await start();
    workbench.sessionServer.emit('directory.changed', directory);
    const [room] = api.rooms.all;
    expect(room).toEqual({
      id: 1,
      parent: null,
      name: 'Lobby',
      description: '',
      limit: 0,
      gated: false,
      permanent: true,
    });
    const [first] = api.rooms.people;
    expect(first).toMatchObject({ key: 'ab', name: 'Ada', roles: ['admin'] });
    expect(first).not.toHaveProperty('identity');
    expect(() => {
      (first as { name: string }).name = 'Eve';
    }).toThrow(TypeError);
    expect(() => (first?.roles as string[]).push('owner')).toThrow(TypeError);
    expect(workbench.session.directory.current.people[0]?.roles).toEqual(['admin']);
    expect(api.rooms.people).toBe(api.rooms.people);
  });

  it('tells addresses for people and keeps the server’s key to itself', async () => {
    const { api, workbench } = await start();
    const seen: unknown[] = [];
    api.connection.onDidChange((state) => seen.push(state));
    workbench.sessionServer.emit('connection.changed', {
      state: 'connected',
      host: '::1',
      port: 9,
      serverName: 'Harbour',
      serverId: 'aa',
      session: 3,
      transport: 'quic',
      roles: [],
      rttMs: 4,
      lossPercent: 0,
    });
    expect(seen).toEqual([
      {
        state: 'connected',
        address: '[::1]:9',
        serverName: 'Harbour',
        transport: 'quic',
        roles: [],
        rttMs: 4,
        lossPercent: 0,
      },
    ]);
  });

  it('gives each extension its own set of speakers', async () => {
    const { api, workbench } = await start();
    workbench.sessionServer.emit('call.changed', {
      state: 'joined',
      room: 1,
      muted: false,
      deafened: false,
      epoch: 1,
      code: '',
      suite: '',
      members: [],
      mismatch: false,
    });
    workbench.mediaServer.emit('audio.levels', { inputDb: -10, transmitting: true, speaking: [7] });
    expect([...api.call.speaking]).toEqual([7]);
    (api.call.speaking as Set<number>).clear();
    expect(workbench.session.speaking.current.sessions.has(7)).toBe(true);
    expect(api.call.transmitting).toBe(true);
  });

  it('opens rooms and sends messages through the session', async () => {
    const { api, workbench } = await start();
    const message = {
      room: 1,
      id: 'aa',
      cursor: 1,
      sender: 'ab',
      senderName: 'Ada',
      own: true,
      text: 'hi',
      at: 5,
      state: 'sent' as const,
    };
    workbench.answers['text.open'] = [message];
    workbench.answers['text.send'] = message;
    const [opened] = await api.text.open(1, { password: 'x' });
    expect(opened).toMatchObject({ senderKey: 'ab', text: 'hi' });
    expect(Object.isFrozen(opened)).toBe(true);
    await api.text.send(1, 'hi');
    expect(workbench.asked).toEqual([
      { name: 'text.open', argument: { room: 1, password: 'x' } },
      { name: 'text.send', argument: { room: 1, text: 'hi' } },
    ]);
  });
});

describe('choices', () => {
  it('give back the extension’s own object', async () => {
    const { api, workbench } = await start();
    const items = [
      { label: 'One', run: () => 1 },
      { label: 'Two', run: () => 2 },
    ];
    workbench.picks.push((labels) => labels.indexOf('Two'));
    expect(await api.window.showQuickPick(items, { placeholder: 'p' })).toBe(items[1]);
  });
});

describe('views that fail', () => {
  it('cost only themselves', async () => {
    const { api, workbench } = await start();
    api.views.registerElementView('sample.element', {
      create: () => {
        throw new Error('Cannot draw');
      },
    });
    api.views.registerTreeView('sample.tree', {
      onDidChange: () => ({ dispose: () => {} }),
      getChildren: () => {
        throw new Error('Cannot list');
      },
      getItem: () => ({ id: 'x', label: 'x' }),
    });
    const element = workbench.services.viewRegistry.content('sample.element');
    const tree = workbench.services.viewRegistry.content('sample.tree');
    const host = {
      input: undefined,
      onDidClose: () => ({ dispose: () => {} }),
      onDidChangeVisibility: () => ({ dispose: () => {} }),
      setTitle: () => {},
    };
    expect(element?.kind === 'element' && element.provider.create(host)).toEqual({ failed: true });
    expect(tree?.kind === 'tree' && tree.provider.getChildren(undefined)).toEqual([]);
    expect(workbench.services.notifications.all()[0]).toMatchObject({
      source: 'The sample',
      severity: 'error',
    });
  });
});
