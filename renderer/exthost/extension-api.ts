import { createDisposableStore, toDisposable, type Disposable } from '../../core/base/disposable.ts';
import type { Event } from '../../core/base/event.ts';
import type {
  Conclave,
  ElementViewHost,
  ElementViewProvider,
  StatusBarItem,
  TreeViewProvider,
} from '../../extensions/api/conclave.d.ts';
import { viewsOf, type Manifest, type Permission } from '../../extensions/api/manifest.ts';
import { API_VERSION } from '../../extensions/api/version.ts';
import type { WorkbenchServices } from '../platform/services.ts';
import type { SessionService } from '../platform/session-service.ts';
import { extensionError } from './extension-error.ts';
import {
  deepFreeze,
  toCall,
  toCallStats,
  toConnection,
  toIdentity,
  toMessage,
  toPerson,
  toRoom,
  toTextGroup,
} from './session-mapping.ts';

/** The services behind the API. */
export type ApiServices = Pick<
  WorkbenchServices,
  | 'commands'
  | 'contextKeys'
  | 'viewRegistry'
  | 'views'
  | 'statusBar'
  | 'notifications'
  | 'quickInput'
  | 'dialogs'
  | 'configuration'
>;

/** What else the API of one extension is built from. */
export interface ApiEnvironment {
  readonly services: ApiServices;
  readonly session: SessionService;
  readonly openLink: (url: string) => Promise<void>;
  readonly copyText: (text: string) => Promise<void>;
  /** An error thrown by code of the extension that the workbench called. */
  readonly onError: (error: unknown) => void;
  /** Drawn instead of a view whose code failed. */
  readonly createFailedView: (error: unknown) => HTMLElement;
  /** The extension fills a view, or stops to. */
  readonly onDidFillView: (viewId: string) => void;
  readonly onDidEmptyView: (viewId: string) => void;
}

/** The API of one extension, and what it registered with it. */
export interface ExtensionApi extends Disposable {
  readonly api: Conclave;
  /** Code of the extension for its commands. */
  commandHandler(id: string): ((...args: readonly unknown[]) => unknown) | undefined;
}

const MAX_PLAIN_TEXT = 10_000;

/**
 * Builds the API object of one extension: only its own commands, views, settings and context keys can be
 * written, everything it reads is a frozen copy, every method asks the manifest's permissions, and whatever
 * it registers ends with it. The extension is known by this closure, never by something it says.
 */
export function createExtensionApi(manifest: Manifest, environment: ApiEnvironment): ExtensionApi {
  const { services, session, onError } = environment;
  const store = createDisposableStore();
  const granted = new Set<Permission>(manifest.permissions ?? []);
  const declaredCommands = new Set((manifest.contributes?.commands ?? []).map(({ id }) => id));
  const declaredViews = new Map(viewsOf(manifest).map((view) => [view.id, view.kind]));
  const ownSettings = new Set(Object.keys(manifest.contributes?.configuration?.properties ?? {}));
  const handlers = new Map<string, (...args: readonly unknown[]) => unknown>();
  const setKeys = new Set<string>();
  const source = manifest.displayName;

  const need = (permission: Permission): void => {
    if (!granted.has(permission))
      throw extensionError(
        'permission_missing',
        `${source} may not do this: its manifest does not ask for the permission "${permission}".`,
      );
  };
  const needCommand = (id: string): void => {
    if (declaredCommands.has(id) || services.commands.get(id)?.public === true) return;
    throw extensionError(
      'command_not_public',
      `${source} may not run "${id}": it belongs to another owner and is not public.`,
    );
  };
  const needView = (id: string, kinds: readonly string[]): void => {
    const kind = declaredViews.get(id);
    if (kind === undefined || !kinds.includes(kind))
      throw extensionError(
        'view_not_declared',
        `"${id}" is no view of kind ${kinds.join(' or ')} of ${source}'s manifest.`,
      );
  };
  /** Registrations end with the extension, whether or not it keeps track of them. */
  const owned = new Set<Disposable>();
  store.add(
    toDisposable(() => {
      for (const disposable of [...owned].reverse()) disposable.dispose();
    }),
  );
  const own = (disposable: Disposable): Disposable => {
    const once = toDisposable(() => {
      owned.delete(once);
      disposable.dispose();
    });
    owned.add(once);
    return once;
  };
  /** Errors of the extension's listeners are its own, not the ones of whoever fired. */
  const listen = <T>(event: Event<T>, listener: (value: T) => void): Disposable =>
    own(
      event((value) => {
        try {
          listener(value);
        } catch (error) {
          onError(error);
        }
      }),
    );
  const mapped =
    <A, B>(event: Event<A>, map: (value: A) => B, permission: Permission): Event<B> =>
    (listener) => {
      need(permission);
      return listen(event, (value) => listener(map(value)));
    };
  /** The same source gives the same copy, so reading in a loop costs nothing. */
  const copied = <A extends object, B>(map: (value: A) => B): ((value: A) => B) => {
    const copies = new WeakMap<A, B>();
    return (value) => {
      let copy = copies.get(value);
      if (copy === undefined) {
        copy = map(value);
        copies.set(value, copy);
      }
      return copy;
    };
  };
  const roomsOf = copied((directory: SessionService['directory']['current']) =>
    Object.freeze(directory.rooms.map(toRoom)),
  );
  const peopleOf = copied((directory: SessionService['directory']['current']) =>
    Object.freeze(directory.people.map(toPerson)),
  );
  const connectionOf = copied(toConnection);
  const callOf = copied(toCall);
  const groupOf = copied(toTextGroup);
  const speakingOf = copied((speaking: SessionService['speaking']['current']) => new Set(speaking.sessions));

  const fillView = (
    viewId: string,
    content: Parameters<ApiServices['viewRegistry']['registerContent']>[1],
  ): Disposable => {
    environment.onDidFillView(viewId);
    const registration = services.viewRegistry.registerContent(viewId, content);
    return own(
      toDisposable(() => {
        registration.dispose();
        environment.onDidEmptyView(viewId);
      }),
    );
  };

  const api: Conclave = {
    version: API_VERSION,
    commands: {
      register(id, handler) {
        if (!declaredCommands.has(id))
          throw extensionError('command_not_declared', `"${id}" is not declared in ${source}'s manifest.`);
        if (handlers.has(id)) throw new Error(`${source} registered "${id}" twice`);
        handlers.set(id, handler);
        return own(toDisposable(() => handlers.delete(id)));
      },
      async execute(id, ...args) {
        needCommand(id);
        return await services.commands.execute(id, ...args);
      },
    },
    context: {
      set(key, value) {
        if (!key.startsWith(`${manifest.id}.`))
          throw extensionError(
            'context_key_not_owned',
            `${source} may only set context keys that start with "${manifest.id}."`,
          );
        services.contextKeys.set(key, value);
        setKeys.add(key);
      },
      get(key) {
        const value = services.contextKeys.get(key);
        return typeof value === 'object' ? value.join(',') : value;
      },
    },
    views: {
      registerElementView(viewId, provider) {
        need('ui.elements');
        needView(viewId, ['element', 'editor']);
        return fillView(viewId, { kind: 'element', provider: safeElementProvider(provider) });
      },
      registerTreeView(viewId, provider) {
        needView(viewId, ['tree']);
        return fillView(viewId, {
          kind: 'tree',
          provider: safeTreeProvider(provider),
        });
      },
      async openEditor(viewId, input) {
        needView(viewId, ['editor']);
        await services.views.openEditor(viewId, { key: String(input.key), title: String(input.title) });
      },
      async closeEditor(viewId, key) {
        needView(viewId, ['editor']);
        await services.views.closeEditor(viewId, key);
      },
      async focus(viewId) {
        needView(viewId, ['tree', 'element']);
        await services.views.focusView(viewId);
      },
      setBadge(viewId, { count, tooltip }) {
        needView(viewId, ['tree', 'element']);
        services.viewRegistry.setBadge(viewId, { count, tooltip });
      },
    },
    window: {
      createStatusBarItem(options) {
        if (!options.id.startsWith(`${manifest.name}.`))
          throw extensionError(
            'status_item_not_owned',
            `Status bar items of ${source} have ids that start with "${manifest.name}."`,
          );
        return statusItem(services.statusBar.createItem({ ...options, name: `${options.name}` }));
      },
      async showMessage(severity, message, ...actions) {
        const handle = services.notifications.show({
          severity,
          message: plainText(message),
          source,
          ...(actions.length === 0 ? {} : { actions: actions.map((title) => ({ title: plainText(title) })) }),
        });
        // A message without a choice is told, not awaited: the caller goes on while it is on the screen.
        return actions.length === 0 ? undefined : await handle.closed;
      },
      async showQuickPick(items, { placeholder }) {
        // The items are copied for the workbench, and the extension gets its own object back.
        const rows = items.map(({ label, description, detail }, index) => ({
          label: plainText(label),
          ...(description === undefined ? {} : { description: plainText(description) }),
          ...(detail === undefined ? {} : { detail: plainText(detail) }),
          index,
        }));
        const picked = await services.quickInput.pick(rows, { placeholder: plainText(placeholder) });
        return picked === undefined ? undefined : items[picked.index];
      },
      showInputBox: (options) => services.quickInput.input(options),
      showDialog: ({ message, detail, actions }) =>
        services.dialogs.show({
          message: plainText(message),
          ...(detail === undefined ? {} : { detail: plainText(detail) }),
          actions: actions.map(plainText),
          source,
        }),
      async openLink(url) {
        need('ui.links');
        await environment.openLink(url);
      },
      async copyText(text) {
        need('clipboard.write');
        await environment.copyText(text);
      },
      async withProgress(title, task) {
        const notice = showProgress(plainText(title));
        try {
          return await task();
        } finally {
          notice.dispose();
        }
      },
    },
    configuration: {
      get: <T>(key: string): T => deepFreeze(services.configuration.get<T>(key)),
      async update(key, value) {
        if (!ownSettings.has(key))
          throw extensionError(
            'setting_not_owned',
            `${source} may only write settings of its own manifest, not "${key}".`,
          );
        await services.configuration.update(key, value);
      },
      onDidChange: (listener) =>
        listen(services.configuration.onDidChange, (change) =>
          listener({ affects: (key) => change.affects(key) }),
        ),
    },
    identity: {
      get current() {
        need('identity.read');
        return toIdentity(session.vault.current);
      },
      onDidChange: mapped(session.vault.onDidChange, toIdentity, 'identity.read'),
    },
    connection: {
      get state() {
        need('connection.read');
        return connectionOf(session.connection.current);
      },
      onDidChange: mapped(session.connection.onDidChange, connectionOf, 'connection.read'),
      async retry() {
        need('connection.control');
        await session.retry();
      },
      async disconnect() {
        need('connection.control');
        await session.disconnect();
      },
    },
    rooms: {
      get all() {
        need('rooms.read');
        return roomsOf(session.directory.current);
      },
      get people() {
        need('rooms.read');
        return peopleOf(session.directory.current);
      },
      onDidChange: mapped(session.directory.onDidChange, () => undefined, 'rooms.read'),
      async enter(room, options) {
        need('rooms.write');
        await session.enterRoom(room, options?.password);
      },
      async leave() {
        need('rooms.write');
        await session.leaveRoom();
      },
      async create({ parent, name, description, limit, password, permanent }) {
        need('rooms.write');
        return await session.createRoom({
          parent,
          name,
          ...(description === undefined ? {} : { description }),
          ...(limit === undefined ? {} : { limit }),
          ...(password === undefined ? {} : { password }),
          ...(permanent === undefined ? {} : { permanent }),
        });
      },
      async edit(room, { name, description, limit, password }) {
        need('rooms.write');
        await session.editRoom({
          room,
          ...(name === undefined ? {} : { name }),
          ...(description === undefined ? {} : { description }),
          ...(limit === undefined ? {} : { limit }),
          ...(password === undefined ? {} : { password }),
        });
      },
      async delete(room) {
        need('rooms.write');
        await session.deleteRoom(room);
      },
    },
    call: {
      get state() {
        need('call.read');
        return callOf(session.call.current);
      },
      onDidChange: mapped(session.call.onDidChange, callOf, 'call.read'),
      get speaking() {
        need('call.read');
        return speakingOf(session.speaking.current);
      },
      get transmitting() {
        need('call.read');
        return session.speaking.current.transmitting;
      },
      onDidChangeSpeaking: mapped(session.speaking.onDidChange, () => undefined, 'call.read'),
      get stats() {
        need('call.read');
        return toCallStats(session.stats.current);
      },
      onDidChangeStats: mapped(session.stats.onDidChange, () => undefined, 'call.read'),
      async join(room, options) {
        need('call.control');
        await session.joinCall(room, options?.password);
      },
      async leave() {
        need('call.control');
        await session.leaveCall();
      },
      async setMuted(muted) {
        need('call.control');
        await session.setMuted(muted);
      },
      async setDeafened(deafened) {
        need('call.control');
        await session.setDeafened(deafened);
      },
      setTalking(pressed) {
        need('call.control');
        session.setTalking(pressed);
      },
      async setVolume(key, volume) {
        need('call.control');
        await session.setVolume(key, volume);
      },
    },
    text: {
      async open(room, options) {
        need('text.read');
        return Object.freeze((await session.openText(room, options?.password)).map(toMessage));
      },
      async history(room, before, limit) {
        need('text.read');
        return Object.freeze((await session.textHistory(room, before, limit)).map(toMessage));
      },
      async send(room, text) {
        need('text.write');
        return toMessage(await session.sendText(room, text));
      },
      async leave(room) {
        need('text.write');
        await session.leaveText(room);
      },
      onDidChangeMessage: mapped(session.onDidChangeMessage, toMessage, 'text.read'),
      groupOf(room) {
        need('text.read');
        const group = session.textGroup(room);
        return group && groupOf(group);
      },
      onDidChangeGroup: mapped(session.onDidChangeTextGroup, groupOf, 'text.read'),
    },
  };
  store.add(
    toDisposable(() => {
      for (const key of setKeys) services.contextKeys.set(key, undefined);
    }),
  );

  function statusItem(item: StatusBarItem): StatusBarItem {
    const ending = own(item);
    return Object.freeze({
      get text() {
        return item.text;
      },
      set text(value: string) {
        item.text = plainText(value);
      },
      get tooltip() {
        return item.tooltip;
      },
      set tooltip(value: string) {
        item.tooltip = plainText(value);
      },
      get command() {
        return item.command;
      },
      set command(value: string | undefined) {
        // Checked again by nobody: a click is the user's, but it must do what an owner allowed.
        if (value !== undefined) needCommand(value);
        item.command = value;
      },
      get kind() {
        return item.kind;
      },
      set kind(value: StatusBarItem['kind']) {
        item.kind = value;
      },
      get visible() {
        return item.visible;
      },
      set visible(value: boolean) {
        item.visible = value;
      },
      dispose: () => ending.dispose(),
    });
  }

  function safeElementProvider(provider: ElementViewProvider): ElementViewProvider {
    return {
      create(host) {
        const view: ElementViewHost = Object.freeze({
          input: host.input && Object.freeze({ ...host.input }),
          onDidClose: (listener: (value: void) => void) => listen(host.onDidClose, listener),
          onDidChangeVisibility: (listener: (value: boolean) => void) =>
            listen(host.onDidChangeVisibility, listener),
          setTitle: (title: string) => host.setTitle(plainText(title)),
        });
        try {
          return provider.create(view);
        } catch (error) {
          onError(error);
          return environment.createFailedView(error);
        }
      },
    };
  }

  function safeTreeProvider<T>(provider: TreeViewProvider<T>): TreeViewProvider<T> {
    return {
      onDidChange: (listener) => own(provider.onDidChange((node) => listener(node))),
      getChildren(node) {
        try {
          return provider.getChildren(node);
        } catch (error) {
          onError(error);
          return [];
        }
      },
      getItem(node) {
        try {
          return provider.getItem(node);
        } catch (error) {
          onError(error);
          return { id: 'failed', label: source };
        }
      },
    };
  }

  let progressCount = 0;
  function showProgress(title: string): Disposable {
    const item = services.statusBar.createItem({
      id: `${manifest.name}.progress.${progressCount++}`,
      name: source,
      alignment: 'left',
      priority: 10,
    });
    item.text = `$(loading~spin) ${title}`;
    item.tooltip = source;
    return own(item);
  }

  return {
    api: freezeNamespaces(api),
    commandHandler: (id) => handlers.get(id),
    dispose: () => store.dispose(),
  };
}

/** Freezes the API object without running its getters. */
function freezeNamespaces(api: Conclave): Conclave {
  for (const namespace of Object.values(api)) Object.freeze(namespace);
  return Object.freeze(api);
}

/** Text for a person: bounded, and without characters that turn the direction of what follows (Unicode TR9). */
export function plainText(text: string): string {
  return String(text)
    .slice(0, MAX_PLAIN_TEXT)
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}
