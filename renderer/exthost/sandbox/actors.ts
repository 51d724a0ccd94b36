import { CodedError } from '../../../core/base/coded-error.ts';
import type { Disposable } from '../../../core/base/disposable.ts';
import { createEmitter, type Emitter } from '../../../core/base/event.ts';
import type { RpcHandlers, RpcServer } from '../../../core/base/rpc/rpc.ts';
import type { Conclave, StatusBarItem, TreeItem } from '../../../extensions/api/conclave.d.ts';
import type { Permission } from '../../../extensions/api/manifest.ts';
import { plainText } from '../extension-api.ts';
import { extensionError } from '../extension-error.ts';
import {
  permissionOf,
  sandboxSchemas,
  type CommandArgument,
  type SandboxEvents,
  type SandboxMethods,
  type SandboxStart,
  type TreeRows,
} from './protocol.ts';

/** What the actors of one extension work with. */
export interface ActorEnvironment {
  /** The extension's own API object, which knows whose it is and what it owns. */
  readonly api: Conclave;
  readonly displayName: string;
  /** Whether the person lets it have this, asked at every call. */
  readonly isGranted: (permission: Permission) => boolean;
  /** Whether a row may run this command: one of its own, or a public one. */
  readonly mayRun: (command: string) => boolean;
  readonly runCommand: (id: string, args: readonly CommandArgument[]) => Promise<unknown>;
  readonly onError: (message: string) => void;
}

/** A row of a tree as the workbench holds it. */
interface Row {
  readonly viewId: string;
  readonly item: TreeItem;
  readonly children: Row[];
}

interface Tree {
  roots: readonly Row[];
  readonly changed: Emitter<Row | undefined>;
  readonly registration: Disposable;
}

const MAX_HANDLES = 50;

/**
 * Serves one sandboxed extension: each method hands over to the same API object a trusted extension has, so
 * ownership is judged in one place. Before that the table of permissions is asked, and nothing that is not in it
 * can be called.
 */
export function createActors(environment: ActorEnvironment): RpcHandlers<SandboxMethods> {
  const { api } = environment;
  const commands = new Map<string, Disposable>();
  const trees = new Map<string, Tree>();
  const items = new Map<number, StatusBarItem>();
  const progress = new Map<number, () => void>();
  const rows = new WeakMap<object, Row>();

  const toArgument = (value: unknown): CommandArgument => {
    const row = typeof value === 'object' && value !== null ? rows.get(value) : undefined;
    return row ? { viewId: row.viewId, row: row.item.id } : { value: value ?? null };
  };
  const growTree = (viewId: string, flat: TreeRows): readonly Row[] => {
    const ids = new Set<string>();
    const all: Row[] = [];
    const roots: Row[] = [];
    for (const { parent, item } of flat) {
      const siblings = parent < 0 ? roots : all[parent]?.children;
      if (!siblings || ids.has(item.id))
        throw new CodedError('invalid_argument', 'A row has no parent before it, or an id twice.');
      if (item.command && !environment.mayRun(item.command.id))
        throw extensionError(
          'command_not_public',
          `${environment.displayName} may not run "${item.command.id}": it belongs to another owner and is not public.`,
        );
      ids.add(item.id);
      const row: Row = Object.freeze({ viewId, item: plainItem(item), children: [] });
      rows.set(row, row);
      all.push(row);
      siblings.push(row);
    }
    return roots;
  };
  /** Nothing a sandboxed extension asks can be taken for a question of the program. */
  const named = (text: string): string => `${environment.displayName}: ${plainText(text)}`;
  const limited = (map: ReadonlyMap<unknown, unknown>): void => {
    if (map.size >= MAX_HANDLES)
      throw new CodedError('rate_limited', `At most ${MAX_HANDLES} of these at once.`);
  };

  const handlers: RpcHandlers<SandboxMethods> = {
    'extension.reportError': ({ message }) => done(environment.onError(message)),
    'commands.register'({ id }) {
      commands.set(
        id,
        api.commands.register(id, (...args) => environment.runCommand(id, args.slice(0, 8).map(toArgument))),
      );
      return null;
    },
    'commands.unregister'({ id }) {
      commands.get(id)?.dispose();
      commands.delete(id);
      return null;
    },
    'commands.execute': ({ id, args }) => api.commands.execute(id, ...args),
    'context.set': ({ key, value }) => done(api.context.set(key, value ?? undefined)),
    'views.registerTree'({ viewId, rows: flat }) {
      const changed = createEmitter<Row | undefined>();
      const tree: { roots: readonly Row[] } = { roots: growTree(viewId, flat) };
      const registration = api.views.registerTreeView<Row>(viewId, {
        onDidChange: changed.event,
        getChildren: (row) => (row ? row.children : tree.roots),
        getItem: ({ item }) => item,
      });
      trees.set(viewId, Object.assign(tree, { changed, registration }));
      return null;
    },
    'views.updateTree'({ viewId, rows: flat }) {
      const tree = trees.get(viewId);
      if (!tree) throw extensionError('view_not_declared', `"${viewId}" has not been registered.`);
      tree.roots = growTree(viewId, flat);
      tree.changed.fire(undefined);
      return null;
    },
    'views.unregisterTree'({ viewId }) {
      const tree = trees.get(viewId);
      trees.delete(viewId);
      tree?.registration.dispose();
      tree?.changed.dispose();
      return null;
    },
    'views.focus': async ({ viewId }) => done(await api.views.focus(viewId)),
    'views.setBadge': ({ viewId, count, tooltip }) => done(api.views.setBadge(viewId, { count, tooltip })),
    'window.createStatusBarItem'({ handle, ...options }) {
      limited(items);
      items.set(handle, api.window.createStatusBarItem(options));
      return null;
    },
    'window.updateStatusBarItem'({ handle, text, tooltip, command, kind, visible }) {
      const item = items.get(handle);
      if (item) Object.assign(item, { text, tooltip, command: command ?? undefined, kind, visible });
      return null;
    },
    'window.disposeStatusBarItem'({ handle }) {
      items.get(handle)?.dispose();
      items.delete(handle);
      return null;
    },
    'window.showMessage': async ({ severity, message, actions }) =>
      (await api.window.showMessage(severity, message, ...actions)) ?? null,
    async 'window.showQuickPick'({ items: offered, placeholder }) {
      const picked = await api.window.showQuickPick(offered, { placeholder: named(placeholder) });
      return picked === undefined ? null : offered.indexOf(picked);
    },
    'window.showInputBox': async (options) =>
      (await api.window.showInputBox({ ...options, title: named(options.title) })) ?? null,
    'window.showDialog': async (options) => (await api.window.showDialog(options)) ?? null,
    'window.showProgress'({ handle, title }) {
      limited(progress);
      void api.window.withProgress(
        title,
        () => new Promise<void>((resolve) => progress.set(handle, resolve)),
      );
      return null;
    },
    'window.hideProgress'({ handle }) {
      progress.get(handle)?.();
      progress.delete(handle);
      return null;
    },
    'window.openLink': async ({ url }) => done(await api.window.openLink(url)),
    'window.copyText': async ({ text }) => done(await api.window.copyText(text)),
    'configuration.update': async ({ key, value }) => done(await api.configuration.update(key, value)),
    'connection.retry': async () => done(await api.connection.retry()),
    'connection.disconnect': async () => done(await api.connection.disconnect()),
    'rooms.enter': async ({ room, ...options }) => done(await api.rooms.enter(room, options)),
    'rooms.leave': async () => done(await api.rooms.leave()),
    'rooms.create': (room) => api.rooms.create(room),
    'rooms.edit': async ({ room, ...changes }) => done(await api.rooms.edit(room, changes)),
    'rooms.delete': async ({ room }) => done(await api.rooms.delete(room)),
    'call.join': async ({ room, ...options }) => done(await api.call.join(room, options)),
    'call.leave': async () => done(await api.call.leave()),
    'call.setMuted': async ({ muted }) => done(await api.call.setMuted(muted)),
    'call.setDeafened': async ({ deafened }) => done(await api.call.setDeafened(deafened)),
    'call.setTalking': ({ pressed }) => done(api.call.setTalking(pressed)),
    'call.setVolume': async ({ key, volume }) => done(await api.call.setVolume(key, volume)),
    'text.open': ({ room, ...options }) => api.text.open(room, options),
    'text.history': ({ room, before, limit }) => api.text.history(room, before, limit),
    'text.send': ({ room, text }) => api.text.send(room, text),
    'text.leave': async ({ room }) => done(await api.text.leave(room)),
  };
  return withPermissions(handlers, environment);
}

/** The same bounds for the texts of a row as for other texts (Unicode TR9: none turns what follows around). */
function plainItem(item: TreeRows[number]['item']): TreeItem {
  return Object.freeze({
    ...item,
    label: plainText(item.label),
    ...(item.description === undefined ? {} : { description: plainText(item.description) }),
    ...(item.tooltip === undefined ? {} : { tooltip: plainText(item.tooltip) }),
    ...(item.decorations === undefined
      ? {}
      : {
          decorations: item.decorations.map((decoration) => ({
            ...decoration,
            label: plainText(decoration.label),
          })),
        }),
  });
}

const done = (_nothing: void): null => null;

/**
 * Puts the question for the permission in front of every handler.
 * @throws Error when a handler is in no table: then the program is wrong, and no extension starts.
 */
export function withPermissions(
  handlers: RpcHandlers<SandboxMethods>,
  { isGranted, displayName }: Pick<ActorEnvironment, 'isGranted' | 'displayName'>,
): RpcHandlers<SandboxMethods> {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => {
      const permission = permissionOf(name);
      if (permission === undefined || !Object.hasOwn(sandboxSchemas, name))
        throw new Error(`The method "${name}" has no entry in the table of permissions`);
      return [
        name,
        (argument: never) => {
          if (permission !== 'public' && !isGranted(permission))
            throw extensionError(
              'permission_missing',
              `${displayName} may not do this: it was not given the permission "${permission}".`,
            );
          return (handler as (argument: never) => unknown)(argument);
        },
      ];
    }),
  ) as unknown as RpcHandlers<SandboxMethods>;
}

/** The state an extension may read when it starts. */
export function readState(
  api: Conclave,
  isGranted: (permission: Permission) => boolean,
): SandboxStart['state'] {
  return {
    ...(isGranted('identity.read') ? { identity: api.identity.current ?? null } : {}),
    ...(isGranted('connection.read') ? { connection: api.connection.state } : {}),
    ...(isGranted('rooms.read') ? { directory: { rooms: api.rooms.all, people: api.rooms.people } } : {}),
    ...(isGranted('call.read')
      ? {
          call: api.call.state,
          speaking: { sessions: [...api.call.speaking], transmitting: api.call.transmitting },
          stats: api.call.stats ?? null,
        }
      : {}),
  };
}

/** Tells an extension what changes, as far as it may know. */
export function mirrorState(
  api: Conclave,
  isGranted: (permission: Permission) => boolean,
  settings: readonly string[],
  server: RpcServer<SandboxEvents>,
): readonly Disposable[] {
  const subscriptions = [
    api.configuration.onDidChange(({ affects }) => {
      for (const key of settings)
        if (affects(key)) server.emit('setting', { key, value: api.configuration.get(key) });
    }),
  ];
  if (isGranted('identity.read'))
    subscriptions.push(api.identity.onDidChange((identity) => server.emit('identity', identity ?? null)));
  if (isGranted('connection.read'))
    subscriptions.push(api.connection.onDidChange((connection) => server.emit('connection', connection)));
  if (isGranted('rooms.read'))
    subscriptions.push(
      api.rooms.onDidChange(() =>
        server.emit('directory', { rooms: api.rooms.all, people: api.rooms.people }),
      ),
    );
  if (isGranted('call.read'))
    subscriptions.push(
      api.call.onDidChange((call) => server.emit('call', call)),
      api.call.onDidChangeSpeaking(() =>
        server.emit('speaking', {
          sessions: [...api.call.speaking],
          transmitting: api.call.transmitting,
        }),
      ),
      api.call.onDidChangeStats(() => server.emit('stats', api.call.stats ?? null)),
    );
  if (isGranted('text.read'))
    subscriptions.push(
      api.text.onDidChangeMessage((message) => server.emit('message', message)),
      api.text.onDidChangeGroup((group) => server.emit('textGroup', group)),
    );
  return subscriptions;
}
