import { CodedError } from '../../../../core/base/coded-error.ts';
import { createEmitter, type Emitter } from '../../../../core/base/event.ts';
import type { RpcClient } from '../../../../core/base/rpc/rpc.ts';
import type {
  Conclave,
  Disposable,
  Event,
  StatusBarItem,
  TextGroup,
  TreeItem,
  TreeViewProvider,
} from '../../../../extensions/api/conclave.d.ts';
import { API_VERSION } from '../../../../extensions/api/version.ts';
import {
  MAX_ROW_TEXT,
  MAX_TREE_NODES,
  type CommandArgument,
  type MirroredState,
  type SandboxEvents,
  type SandboxMethods,
  type SandboxStart,
  type TreeRows,
} from '../protocol.ts';

/** The API object inside the sandbox, and what the runtime needs of it. */
export interface SandboxApi {
  readonly api: Conclave;
  runCommand(id: string, args: readonly CommandArgument[]): Promise<unknown>;
  dispose(): void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Changes of a tree within this time are sent once. */
const TREE_DELAY_MS = 30;

/**
 * The same API a trusted extension has, spoken over a port. What is refused here is refused again by the
 * workbench; the checks here only answer at once, as the API promises. State is mirrored, so that reading does
 * not wait.
 */
export function createSandboxApi(
  client: RpcClient<SandboxMethods, SandboxEvents>,
  start: SandboxStart,
): SandboxApi {
  const settings = new Map(Object.entries(start.settings));
  const state: Partial<Mutable<MirroredState>> = { ...start.state };
  const contextKeys = new Map<string, string | number | boolean>();
  const groups = new Map<number, TextGroup>();
  const handlers = new Map<string, (...args: readonly unknown[]) => unknown>();
  const trees = new Map<string, { readonly nodes: Map<string, unknown> }>();
  let nextHandle = 1;

  const fail = (code: string, message: string): never => {
    throw new CodedError(code, message);
  };
  const reportError = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    client.call('extension.reportError', { message: message.slice(0, 1000) }).catch(() => {});
  };
  const send = <N extends keyof SandboxMethods>(
    name: N,
    argument: Parameters<SandboxMethods[N]>[0],
  ): void => {
    client.call(name, argument).catch(reportError);
  };
  const need = (permission: string): void => {
    if (!start.granted.includes(permission))
      fail(
        'permission_missing',
        `${start.displayName} may not do this: it was not given the permission "${permission}".`,
      );
  };
  const needTree = (viewId: string): void => {
    if (!start.trees.includes(viewId))
      fail('view_not_declared', `"${viewId}" is no view of kind tree of ${start.displayName}'s manifest.`);
  };
  const once = (dispose: () => void): Disposable => {
    let disposed = false;
    return {
      dispose() {
        if (disposed) return;
        disposed = true;
        dispose();
      },
    };
  };
  /** Everything subscribed, so that it ends with the extension, kept or not. */
  const owned = new Set<Disposable>();
  const own = (subscription: Disposable): Disposable => {
    const ending = once(() => {
      owned.delete(ending);
      subscription.dispose();
    });
    owned.add(ending);
    return ending;
  };
  const safely = <T>(event: Event<T>): Event<T> => {
    return (listener) =>
      own(
        event((value) => {
          try {
            listener(value);
          } catch (error) {
            reportError(error);
          }
        }),
      );
  };
  const guarded =
    <T>(permission: string, event: Event<T>): Event<T> =>
    (listener) => {
      need(permission);
      return safely(event)(listener);
    };
  /** An event of the mirror: the state is set before anybody hears of it. */
  const mirrored = <N extends keyof SandboxStart['state'] & keyof SandboxEvents, T>(
    name: N,
    value: () => T,
  ): Event<T> => {
    const emitter: Emitter<T> = createEmitter<T>();
    own(
      client.on(name)((payload) => {
        (state as Record<string, unknown>)[name] = payload;
        emitter.fire(value());
      }),
    );
    return emitter.event;
  };
  const mirror = <N extends keyof SandboxStart['state']>(
    permission: string,
    name: N,
  ): NonNullable<SandboxStart['state'][N]> => {
    need(permission);
    return state[name] as NonNullable<SandboxStart['state'][N]>;
  };

  const identityChanged = mirrored('identity', () => state.identity ?? undefined);
  const connectionChanged = mirrored('connection', () => state.connection as never);
  const directoryChanged = mirrored('directory', () => undefined as void);
  const callChanged = mirrored('call', () => state.call as never);
  const speakingChanged = mirrored('speaking', () => undefined as void);
  const statsChanged = mirrored('stats', () => undefined as void);
  const settingChanged = createEmitter<{ affects(key: string): boolean }>();
  own(
    client.on('setting')(({ key, value }) => {
      settings.set(key, value);
      settingChanged.fire({ affects: (asked) => asked === key || key.startsWith(`${asked}.`) });
    }),
  );
  own(client.on('textGroup')((group) => groups.set(group.room, group)));

  const snapshot = <T>(provider: TreeViewProvider<T>, nodes: Map<string, unknown>): TreeRows => {
    const rows: { readonly parent: number; readonly item: TreeRows[number]['item'] }[] = [];
    nodes.clear();
    const visit = (node: T | undefined, parent: number): void => {
      for (const child of provider.getChildren(node)) {
        if (rows.length >= MAX_TREE_NODES) return;
        const item = provider.getItem(child);
        nodes.set(item.id, child);
        rows.push({ parent, item: shorten(item) });
        if (item.collapsible !== undefined) visit(child, rows.length - 1);
      }
    };
    visit(undefined, -1);
    return rows;
  };

  const api: Conclave = {
    version: API_VERSION,
    commands: {
      register(id, handler) {
        if (!start.commands.includes(id))
          fail('command_not_declared', `"${id}" is not declared in ${start.displayName}'s manifest.`);
        if (handlers.has(id)) throw new Error(`${start.displayName} registered "${id}" twice`);
        handlers.set(id, handler);
        send('commands.register', { id });
        return once(() => {
          handlers.delete(id);
          send('commands.unregister', { id });
        });
      },
      execute: async (id, ...args) => (await client.call('commands.execute', { id, args })) ?? undefined,
    },
    context: {
      set(key, value) {
        if (!key.startsWith(`${start.id}.`))
          fail(
            'context_key_not_owned',
            `${start.displayName} may only set context keys that start with "${start.id}."`,
          );
        if (value === undefined) contextKeys.delete(key);
        else contextKeys.set(key, value);
        send('context.set', { key, value: value ?? null });
      },
      get: (key) => contextKeys.get(key),
    },
    views: {
      registerElementView: () =>
        fail('permission_missing', 'Sandboxed extensions have no elements; use a tree view.'),
      registerTreeView(viewId, provider) {
        needTree(viewId);
        const nodes = new Map<string, unknown>();
        trees.set(viewId, { nodes });
        send('views.registerTree', { viewId, rows: snapshot(provider, nodes) });
        let timer: ReturnType<typeof setTimeout> | undefined;
        const subscription = provider.onDidChange(() => {
          timer ??= setTimeout(() => {
            timer = undefined;
            try {
              send('views.updateTree', { viewId, rows: snapshot(provider, nodes) });
            } catch (error) {
              reportError(error);
            }
          }, TREE_DELAY_MS);
        });
        return once(() => {
          if (timer !== undefined) clearTimeout(timer);
          subscription.dispose();
          trees.delete(viewId);
          send('views.unregisterTree', { viewId });
        });
      },
      openEditor: async () => fail('view_not_declared', 'Sandboxed extensions have no editor views.'),
      closeEditor: async () => fail('view_not_declared', 'Sandboxed extensions have no editor views.'),
      async focus(viewId) {
        await client.call('views.focus', { viewId });
      },
      setBadge(viewId, { count, tooltip }) {
        needTree(viewId);
        send('views.setBadge', { viewId, count, tooltip: shortText(tooltip) });
      },
    },
    window: {
      createStatusBarItem(options) {
        if (!options.id.startsWith(`${start.name}.`))
          fail(
            'status_item_not_owned',
            `Status bar items of ${start.displayName} have ids that start with "${start.name}."`,
          );
        const handle = nextHandle++;
        const { id, name, alignment, priority } = options;
        send('window.createStatusBarItem', { handle, id, name, alignment, priority });
        return statusItem(handle);
      },
      showMessage: async (severity, message, ...actions) =>
        (await client.call('window.showMessage', { severity, message, actions })) ?? undefined,
      async showQuickPick(items, { placeholder }) {
        const rows = items.map(({ label, description, detail }) => ({
          label: shortText(label),
          ...(description === undefined ? {} : { description: shortText(description) }),
          ...(detail === undefined ? {} : { detail: shortText(detail) }),
        }));
        const index = await client.call('window.showQuickPick', { items: rows, placeholder });
        return index === null ? undefined : items[index];
      },
      async showInputBox({ validate, ...options }) {
        // The check runs here, after the answer: what is wrong stands in the title of the next question.
        let question = options;
        for (;;) {
          const value = await client.call('window.showInputBox', question);
          if (value === null) return undefined;
          const problem = validate?.(value);
          if (problem === undefined) return value;
          question = { ...options, value, title: shortText(`${options.title}: ${problem}`) };
        }
      },
      showDialog: async ({ message, detail, actions }) =>
        (await client.call('window.showDialog', {
          message,
          ...(detail === undefined ? {} : { detail }),
          actions,
        })) ?? undefined,
      async openLink(url) {
        need('ui.links');
        await client.call('window.openLink', { url });
      },
      async copyText(text) {
        need('clipboard.write');
        await client.call('window.copyText', { text });
      },
      async withProgress(title, task) {
        const handle = nextHandle++;
        send('window.showProgress', { handle, title: shortText(title) });
        try {
          return await task();
        } finally {
          send('window.hideProgress', { handle });
        }
      },
    },
    configuration: {
      get<T>(key: string): T {
        if (!settings.has(key))
          fail('setting_not_owned', `Sandboxed extensions read their own settings only, not "${key}".`);
        return settings.get(key) as T;
      },
      async update(key, value) {
        await client.call('configuration.update', { key, value });
      },
      onDidChange: safely(settingChanged.event),
    },
    identity: {
      get current() {
        need('identity.read');
        return state.identity ?? undefined;
      },
      onDidChange: guarded('identity.read', identityChanged),
    },
    connection: {
      get state() {
        return mirror('connection.read', 'connection');
      },
      onDidChange: guarded('connection.read', connectionChanged),
      async retry() {
        await client.call('connection.retry', {});
      },
      async disconnect() {
        await client.call('connection.disconnect', {});
      },
    },
    rooms: {
      get all() {
        return mirror('rooms.read', 'directory').rooms;
      },
      get people() {
        return mirror('rooms.read', 'directory').people;
      },
      onDidChange: guarded('rooms.read', directoryChanged),
      async enter(room, options) {
        await client.call('rooms.enter', { room, ...options });
      },
      async leave() {
        await client.call('rooms.leave', {});
      },
      create: (room) => client.call('rooms.create', room),
      async edit(room, changes) {
        await client.call('rooms.edit', { room, ...changes });
      },
      async delete(room) {
        await client.call('rooms.delete', { room });
      },
    },
    call: {
      get state() {
        return mirror('call.read', 'call');
      },
      onDidChange: guarded('call.read', callChanged),
      get speaking() {
        return new Set(mirror('call.read', 'speaking').sessions);
      },
      get transmitting() {
        return mirror('call.read', 'speaking').transmitting;
      },
      onDidChangeSpeaking: guarded('call.read', speakingChanged),
      get stats() {
        need('call.read');
        return state.stats ?? undefined;
      },
      onDidChangeStats: guarded('call.read', statsChanged),
      async join(room, options) {
        await client.call('call.join', { room, ...options });
      },
      async leave() {
        await client.call('call.leave', {});
      },
      async setMuted(muted) {
        await client.call('call.setMuted', { muted });
      },
      async setDeafened(deafened) {
        await client.call('call.setDeafened', { deafened });
      },
      setTalking(pressed) {
        need('call.control');
        send('call.setTalking', { pressed });
      },
      async setVolume(key, volume) {
        await client.call('call.setVolume', { key, volume });
      },
    },
    text: {
      open: (room, options) => client.call('text.open', { room, ...options }),
      history: (room, before, limit) => client.call('text.history', { room, before, limit }),
      send: (room, text) => client.call('text.send', { room, text }),
      async leave(room) {
        await client.call('text.leave', { room });
      },
      onDidChangeMessage: guarded('text.read', client.on('message')),
      groupOf(room) {
        need('text.read');
        return groups.get(room);
      },
      onDidChangeGroup: guarded('text.read', client.on('textGroup')),
    },
  };

  function statusItem(handle: number): StatusBarItem {
    const shown: Mutable<Omit<StatusBarItem, 'dispose'>> = {
      text: '',
      tooltip: '',
      command: undefined,
      kind: 'normal',
      visible: true,
    };
    let queued = false;
    const disposal = once(() => send('window.disposeStatusBarItem', { handle }));
    // Several assignments in a row are one message.
    const update = (): void => {
      if (queued) return;
      queued = true;
      queueMicrotask(() => {
        queued = false;
        send('window.updateStatusBarItem', {
          handle,
          text: shortText(shown.text),
          tooltip: shortText(shown.tooltip),
          command: shown.command ?? null,
          kind: shown.kind,
          visible: shown.visible,
        });
      });
    };
    const item = { dispose: () => disposal.dispose() } as StatusBarItem;
    for (const name of ['text', 'tooltip', 'command', 'kind', 'visible'] as const)
      Object.defineProperty(item, name, {
        enumerable: true,
        get: () => shown[name],
        set(value: never) {
          shown[name] = value;
          update();
        },
      });
    return Object.freeze(item);
  }

  for (const namespace of Object.values(api)) Object.freeze(namespace);
  return {
    api: Object.freeze(api),
    dispose() {
      for (const subscription of [...owned]) subscription.dispose();
    },
    async runCommand(id, args) {
      const handler = handlers.get(id);
      if (!handler) return fail('command_without_code', `There is no code for "${id}".`);
      return await handler(
        ...args.map((arg) =>
          'row' in arg ? trees.get(arg.viewId)?.nodes.get(arg.row) : (arg.value ?? undefined),
        ),
      );
    },
  };
}

function shortText(text: string): string {
  return String(text).slice(0, MAX_ROW_TEXT);
}

function shorten(item: TreeItem): TreeRows[number]['item'] {
  const { id, label, description, tooltip, icon, decorations, collapsible, contextValue, command } = item;
  return {
    id,
    label: shortText(label),
    ...(description === undefined ? {} : { description: shortText(description) }),
    ...(tooltip === undefined ? {} : { tooltip: shortText(tooltip) }),
    ...(icon === undefined ? {} : { icon }),
    ...(decorations === undefined ? {} : { decorations }),
    ...(collapsible === undefined ? {} : { collapsible }),
    ...(contextValue === undefined ? {} : { contextValue }),
    ...(command === undefined ? {} : { command }),
  };
}
