import { afterEach, describe, expect, it, vi } from 'vitest';
import { createDisposableStore } from '../../../core/base/disposable.ts';
import { createFakeClock } from '../../../core/base/testing/fake-clock.ts';
import type { MessagePortLike, RpcHandlers } from '../../../core/base/rpc/rpc.ts';
import { PERMISSIONS } from '../../../extensions/api/manifest.ts';
import type { Manifest, Permission } from '../../../extensions/api/manifest.ts';
import { createDialogService } from '../../platform/dialogs.ts';
import { createTestWorkbench, manifestOf } from '../testing/test-workbench.ts';
import { createActors, withPermissions } from './actors.ts';
import { openGrants } from './grants.ts';
import { createGuardedPort } from './guarded-port.ts';
import { permissionOf, sandboxSchemas, type SandboxMethods } from './protocol.ts';
import { watch } from './watchdog.ts';

const store = createDisposableStore();
afterEach(() => store.clear());

describe('the table of permissions', () => {
  const environment = { isGranted: () => false, displayName: 'x' };
  const actors = createActors({
    ...environment,
    api: {} as never,
    mayRun: () => false,
    runCommand: async () => null,
    onError: () => {},
  });

  it('has an entry and a schema for every method, and a method for every entry', () => {
    expect(Object.keys(actors).sort()).toEqual(Object.keys(sandboxSchemas).sort());
    for (const name of Object.keys(actors))
      expect(['public', ...PERMISSIONS], name).toContain(permissionOf(name));
  });

  it('stops the program where a method has none', () => {
    const handlers = { 'keys.read': () => null } as unknown as RpcHandlers<SandboxMethods>;
    expect(() => withPermissions(handlers, environment)).toThrow('keys.read');
  });

  it('refuses every method that takes a permission nobody gave', () => {
    for (const [name, method] of Object.entries(actors))
      if (permissionOf(name) !== 'public')
        expect(() => (method as (argument: unknown) => unknown)({}), name).toThrow(
          expect.objectContaining({ code: 'permission_missing' }),
        );
  });

  it('knows nothing that is inherited', () => {
    for (const name of ['toString', 'constructor', '__proto__']) expect(permissionOf(name)).toBeUndefined();
  });
});

describe('the budgets', () => {
  function guard() {
    const clock = createFakeClock();
    const verdicts: string[] = [];
    const sent: { readonly id?: number; readonly code?: string }[] = [];
    let deliver: (event: { readonly data: unknown }) => void = () => {};
    const raw: MessagePortLike = {
      postMessage: (text) => void sent.push(JSON.parse(text as string)),
      addEventListener: (_type, listener) => (deliver = listener),
      removeEventListener: () => {},
    };
    const port = store.add(
      createGuardedPort(raw, { clock, onVerdict: (verdict) => void verdicts.push(verdict) }),
    );
    const passed: unknown[] = [];
    store.add(port.onMessage((message) => void passed.push(message)));
    const call = (id: number, name = 'rooms.leave'): void =>
      deliver({ data: JSON.stringify({ kind: 'call', id, name, argument: {} }) });
    return { clock, verdicts, sent, port, passed, call, send: (data: unknown) => deliver({ data }) };
  }

  it.each<[string, unknown]>([
    ['no text', { kind: 'call' }],
    ['no JSON', '{'],
    ['more than 1 MiB', `"${'x'.repeat(1024 * 1024)}"`],
    ['an unknown method', '{"kind":"call","id":1,"name":"keychain.get","argument":{}}'],
    ['a name of the prototype', '{"kind":"call","id":1,"name":"constructor","argument":{}}'],
    ['no call at all', '{"kind":"event","name":"x","payload":1}'],
    ['a list', '[]'],
  ])('%s is a strike, and the third ends it', (_what, message) => {
    const { send, port, verdicts, passed } = guard();
    send(message);
    send(message);
    expect([port.strikes, verdicts]).toEqual([2, []]);
    send(message);
    send(message);
    expect(verdicts).toEqual(['strikes']);
    expect(passed).toEqual([]);
  });

  it('lets 64 calls wait, and goes on when they are answered', () => {
    const { call, passed, sent, port } = guard();
    for (let id = 1; id <= 65; id++) call(id);
    expect(passed).toHaveLength(64);
    expect(sent).toMatchObject([{ id: 65, code: 'rate_limited' }]);
    port.send({ kind: 'return', id: 1, value: null });
    call(66);
    expect(passed).toHaveLength(65);
  });

  it('lets 200 messages a second through, and ends a flood', () => {
    const { call, passed, port, clock, verdicts } = guard();
    let id = 0;
    const burst = (count: number): void => {
      for (let i = 0; i < count; i++) {
        call(++id);
        port.send({ kind: 'return', id, value: null });
      }
    };
    burst(300);
    expect(passed).toHaveLength(200);
    clock.advance(1000);
    burst(200);
    expect(passed).toHaveLength(400);
    expect(verdicts).toEqual([]);
    burst(1100);
    expect(verdicts).toEqual(['flooding']);
  });

  it('counts arguments outside their schema', () => {
    const { port, verdicts } = guard();
    const schema = port.schemas['rooms.enter'];
    for (const wrong of [null, {}, { room: 'x' }]) expect(() => schema.check(wrong, '')).toThrow();
    expect(verdicts).toEqual(['strikes']);
    expect(schema.check({ room: 1, more: 2 }, '')).toEqual({ room: 1 });
  });

  it('refuses names of prototypes in free values', () => {
    const { check } = sandboxSchemas['commands.execute'];
    for (const text of ['{"__proto__":{}}', '[{"constructor":1}]', '{"a":{"prototype":1}}'])
      expect(() => check({ id: 'x.y', args: [JSON.parse(text)] }, '')).toThrow();
    expect(check({ id: 'x.y', args: [{ a: [1, 'b'] }] }, '')).toEqual({ id: 'x.y', args: [{ a: [1, 'b'] }] });
  });
});

describe('the watchdog', () => {
  it('tells of silence after 3 s and of death after 10 s', () => {
    const clock = createFakeClock();
    const told: unknown[] = [];
    store.add(
      watch(clock, () => new Promise(() => {}), {
        onResponding: (responding) => told.push(responding),
        onDead: () => told.push('dead'),
      }),
    );
    for (let second = 0; second < 4; second++) clock.advance(1000);
    expect(told).toEqual([false]);
    for (let second = 0; second < 7; second++) clock.advance(1000);
    expect(told).toEqual([false, 'dead']);
  });

  it('forgives a silence in which nobody listened', () => {
    const clock = createFakeClock();
    const told: unknown[] = [];
    // A clock whose timers come late, as on a computer that slept.
    let late = 0;
    const sleepy = { ...clock, now: () => clock.now() + late };
    store.add(
      watch(sleepy, () => new Promise(() => {}), {
        onResponding: (responding) => told.push(responding),
        onDead: () => told.push('dead'),
      }),
    );
    clock.advance(1000);
    late = 60_000;
    clock.advance(1000);
    clock.advance(1000);
    expect(told).toEqual([]);
  });
});

describe('a sandbox that hangs', () => {
  it('is started again after a while, and after the third time in five minutes no more', async () => {
    let frames = 0;
    const workbench = store.add(
      createTestWorkbench(
        {
          sample: {
            manifest: manifestOf('sample', { runtime: 'sandboxed', activationEvents: ['onStartupFinished'] }),
          },
        },
        {
          // Starts, and never answers again.
          async openFrame() {
            frames += 1;
            let deliver: (event: { readonly data: unknown }) => void = () => {};
            const port: MessagePortLike = {
              postMessage(text) {
                const { name, id } = JSON.parse(text as string) as { name: string; id: number };
                if (name === 'activate')
                  deliver({ data: JSON.stringify({ kind: 'return', id, value: null }) });
              },
              addEventListener: (_type, listener) => (deliver = listener),
              removeEventListener: () => {},
            };
            return { port, dispose: () => {} };
          },
        },
      ),
    );
    await workbench.service.start();
    const state = (): string | undefined => workbench.service.all()[0]?.state;
    for (let crash = 1; crash <= 3; crash++) {
      await vi.waitFor(() => expect([state(), frames]).toEqual(['active', crash]));
      for (let second = 0; second < 11; second++) workbench.clock.advance(1000);
      expect(state()).toBe('faulted');
      for (let second = 0; second < 5 && crash < 3; second++) workbench.clock.advance(1000);
    }
    workbench.clock.advance(60_000);
    await Promise.resolve();
    expect([state(), frames]).toEqual(['faulted', 3]);
    const restarted = workbench.service.restart('test.sample');
    await restarted;
    expect([state(), frames]).toEqual(['active', 4]);
  });
});

describe('grants', () => {
  async function open(kept: Record<string, unknown> = {}) {
    const clock = createFakeClock();
    const dialogs = store.add(createDialogService(clock));
    const storage = {
      get: async (key: string) => kept[key],
      set: (key: string, value: unknown) => void (kept[key] = structuredClone(value)),
    };
    const grants = await openGrants({ storage, dialogs } as never);
    return { clock, dialogs, grants, kept };
  }
  const manifest = {
    id: 'test.sample',
    publisher: 'test',
    displayName: 'Sample\u202e',
    permissions: ['text.read', 'ui.links'] as readonly Permission[],
  } as Manifest;

  it('asks in plain words, is not in a hurry, and remembers the answer', async () => {
    const { grants, dialogs, clock, kept } = await open();
    const asked = grants.ask(manifest);
    expect(dialogs.current).toMatchObject({ message: expect.stringContaining('“Sample” by test') as string });
    expect(dialogs.current?.source).toBeUndefined();
    expect(dialogs.current?.detail).toContain('read your decrypted messages');
    expect(dialogs.current?.detail).toContain('can leave this computer');
    dialogs.current?.answer('Allow');
    expect(dialogs.current).toBeDefined();
    clock.advance(500);
    dialogs.current?.answer('Allow');
    await asked;
    expect(grants.has('test.sample', 'text.read')).toBe(true);
    expect(grants.has('test.sample', 'text.write')).toBe(false);
    expect(grants.has('test.other', 'text.read')).toBe(false);
    const later = await open(kept);
    expect(later.grants.undecided(manifest)).toEqual([]);
    later.grants.revoke('test.sample');
    expect(later.grants.has('test.sample', 'text.read')).toBe(false);
  });

  it('remembers a refusal, which needs no waiting', async () => {
    const { grants, dialogs, kept } = await open();
    const asked = grants.ask(manifest);
    dialogs.current?.answer(undefined);
    await asked;
    const later = await open(kept);
    expect(later.grants.undecided(manifest)).toEqual([]);
    expect(later.grants.has('test.sample', 'text.read')).toBe(false);
    await later.grants.ask(manifest);
    expect(later.dialogs.current).toBeUndefined();
  });

  it('takes what it cannot read for nothing', async () => {
    for (const damaged of [1, { 'test.sample': { granted: ['everything'], denied: [] } }, null]) {
      const { grants } = await open({ 'extensions.grants': damaged });
      expect(grants.has('test.sample', 'text.read')).toBe(false);
    }
  });
});
