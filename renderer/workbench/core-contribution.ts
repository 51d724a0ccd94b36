import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import type { CommandHandler, CommandMetadata } from '../platform/commands.ts';
import type { KeybindingRule } from '../platform/keybindings.ts';
import type { HideablePart } from '../platform/layout.ts';
import { PARTS } from '../platform/layout.ts';
import { localize } from '../platform/nls.ts';
import type { PickItem, QuickAccessItem } from '../platform/quick-input.ts';
import type { ContainerLocation } from '../platform/views.ts';
import type { CreatedShell } from './create-shell.ts';
import type { ShellServices } from './shell.ts';

const RECENT_KEY = 'workbench.recentCommands';
const MAX_RECENT = 30;
const THEME_SETTING = 'workbench.colorTheme';

/** The shell's own commands, keys, menus, settings and quick access. */
export async function contributeCore(services: ShellServices, created: CreatedShell): Promise<Disposable> {
  const store = createDisposableStore();
  const { commands, keybindings, menus, configuration, themes, statusBar, notifications } = services;
  const { layout, views, quickInput, dock, notificationsView } = created;
  const view = localize('category.view');

  const add = (
    metadata: CommandMetadata,
    handler: CommandHandler,
    ...keys: readonly Omit<KeybindingRule, 'command'>[]
  ): void => {
    store.add(commands.register(metadata, handler));
    if (keys.length > 0)
      store.add(keybindings.register(keys.map((key) => ({ ...key, command: metadata.id }))));
  };

  // ------------------------------------------------------------------------------------------ palette
  add(
    { id: 'workbench.action.showCommands', title: localize('command.showCommands'), public: true },
    () => quickInput.show('>'),
    { key: 'f1' },
    { key: 'mod+shift+p' },
  );
  add(
    { id: 'workbench.action.quickOpen', title: localize('command.quickOpen'), public: true },
    (text) => quickInput.show(typeof text === 'string' ? text : ''),
    { key: 'mod+p' },
  );
  add(
    {
      id: 'workbench.action.quickAccessHelp',
      title: localize('command.quickAccessHelp'),
      category: localize('category.help'),
    },
    () => quickInput.show('?'),
  );

  let recent: readonly string[] = [];
  const savedRecent = await services.storage.get(RECENT_KEY);
  if (Array.isArray(savedRecent))
    recent = savedRecent.filter((id): id is string => typeof id === 'string').slice(0, MAX_RECENT);

  const commandItems = (): readonly QuickAccessItem[] => {
    const hidden = new Set(
      menus
        .itemsOf('commandPalette')
        .filter((item) => !services.contextKeys.evaluate(item.when))
        .map((item) => item.command),
    );
    const items = commands
      .all()
      .filter(
        (command) => command.palette !== false && !hidden.has(command.id) && commands.isEnabled(command.id),
      )
      .map((command) => ({
        id: command.id,
        label: command.category === undefined ? command.title : `${command.category}: ${command.title}`,
        rank: recent.indexOf(command.id),
      }))
      .sort((a, b) => {
        if (a.rank >= 0 && b.rank >= 0) return a.rank - b.rank;
        if (a.rank >= 0 || b.rank >= 0) return a.rank >= 0 ? -1 : 1;
        return a.label.localeCompare(b.label);
      });
    return items.map((item, index) => {
      const hint = keybindings.labelFor(item.id);
      const first = index === 0 || item.rank >= 0 !== (items[index - 1]?.rank ?? -1) >= 0;
      return {
        label: item.label,
        ...(hint === undefined ? {} : { hint }),
        ...(first && recent.length > 0
          ? { separator: localize(item.rank >= 0 ? 'quickInput.recentlyUsed' : 'quickInput.otherCommands') }
          : {}),
        run() {
          recent = [item.id, ...recent.filter((id) => id !== item.id)].slice(0, MAX_RECENT);
          services.storage.set(RECENT_KEY, recent);
          created.shell.run(item.id);
        },
      };
    });
  };
  store.add(
    quickInput.access.register({
      prefix: '>',
      placeholder: localize('quickInput.commandsPlaceholder'),
      help: localize('quickInput.commandsHelp'),
      items: commandItems,
    }),
  );
  store.add(
    quickInput.access.register({
      prefix: '?',
      placeholder: localize('quickInput.helpPlaceholder'),
      help: localize('quickInput.helpHelp'),
      items: () =>
        quickInput.access.all().map((provider) => ({
          label: provider.prefix === '' ? '…' : provider.prefix,
          description: provider.help,
          run: () => quickInput.show(provider.prefix),
        })),
    }),
  );
  const viewItems = (): readonly QuickAccessItem[] =>
    services.viewRegistry
      .views()
      .filter((descriptor) => services.contextKeys.evaluate(descriptor.when))
      .map((descriptor, index) => {
        const container = services.viewRegistry.container(
          services.viewModel.containerOf(descriptor.id) ?? '',
        );
        return {
          label: descriptor.title,
          icon: descriptor.icon ?? container?.icon ?? 'window',
          ...(container ? { description: container.title } : {}),
          ...(index === 0 ? { separator: localize('quickInput.views') } : {}),
          run: () => views.focusView(descriptor.id),
        };
      });
  store.add(
    quickInput.access.register({
      prefix: '',
      placeholder: localize('quickInput.defaultPlaceholder'),
      help: localize('quickInput.defaultHelp'),
      items: () => [
        ...dock.tabs().map((tab, index) => ({
          label: tab.title,
          icon: services.viewRegistry.editorView(tab.viewId)?.icon ?? 'window',
          ...(index === 0 ? { separator: localize('quickInput.tabs') } : {}),
          run: () => {
            dock.open(tab);
            dock.focus();
          },
        })),
        ...viewItems(),
      ],
    }),
  );
  add({ id: 'workbench.action.openView', title: localize('command.openView'), category: view }, async () => {
    const chosen = await quickInput.pick(viewItems(), { placeholder: localize('command.openView') });
    await chosen?.run();
  });

  // ------------------------------------------------------------------------------------------- layout
  const toggle = (id: string, part: HideablePart, title: string, key?: string): void =>
    add(
      { id, title, category: view, public: true },
      () => layout.setVisible(part, !layout.isVisible(part)),
      ...(key === undefined ? [] : [{ key }]),
    );
  toggle('workbench.action.toggleSideBar', 'primary', localize('command.togglePrimary'), 'mod+b');
  toggle('workbench.action.togglePanel', 'panel', localize('command.togglePanel'), 'mod+j');
  toggle(
    'workbench.action.toggleSecondarySideBar',
    'secondary',
    localize('command.toggleSecondary'),
    'mod+alt+b',
  );
  toggle('workbench.action.toggleStatusBar', 'statusBar', localize('command.toggleStatusBar'));
  toggle('workbench.action.toggleActivityBar', 'activityBar', localize('command.toggleActivityBar'));
  add(
    { id: 'workbench.action.focusNextPart', title: localize('command.focusNextPart'), category: view },
    () => layout.focusNext(1),
    { key: 'f6' },
  );
  add(
    {
      id: 'workbench.action.focusPreviousPart',
      title: localize('command.focusPreviousPart'),
      category: view,
    },
    () => layout.focusNext(-1),
    { key: 'shift+f6' },
  );
  const focusKeys = { primary: 'mod+0', editor: 'mod+1' } as Readonly<Record<string, string>>;
  for (const part of PARTS) {
    const key = focusKeys[part];
    add(
      {
        id: `workbench.action.focus.${part}`,
        title: localize('command.focusPart', { part: localize(`part.${part}`).toLowerCase() }),
        category: view,
      },
      () => layout.focus(part),
      ...(key === undefined ? [] : [{ key }]),
    );
  }
  add({ id: 'workbench.action.resetLayout', title: localize('command.resetLayout'), category: view }, () =>
    layout.reset(),
  );

  const pickContainer = async (placeholder: string): Promise<string | undefined> => {
    const chosen = await quickInput.pick(
      services.viewRegistry
        .containers()
        .map((container) => ({ label: container.title, icon: container.icon, id: container.id })),
      { placeholder },
    );
    return chosen?.id;
  };
  add({ id: 'workbench.action.moveView', title: localize('command.moveView'), category: view }, async () => {
    const chosen = await quickInput.pick(
      services.viewRegistry.views().map((descriptor) => ({ label: descriptor.title, id: descriptor.id })),
      { placeholder: localize('command.moveView') },
    );
    if (!chosen) return;
    const target = await pickContainer(chosen.label);
    if (target === undefined) return;
    services.viewModel.moveView(chosen.id, target);
    await views.focusView(chosen.id);
  });
  add(
    { id: 'workbench.action.moveContainer', title: localize('command.moveContainer'), category: view },
    async () => {
      const container = await pickContainer(localize('command.moveContainer'));
      if (container === undefined) return;
      const locations: readonly (PickItem & { readonly location: ContainerLocation })[] = (
        ['primary', 'secondary', 'panel'] as const
      ).map((location) => ({ label: localize(`location.${location}`), location }));
      const target = await quickInput.pick(locations, { placeholder: localize('command.moveContainer') });
      if (!target) return;
      services.viewModel.moveContainer(container, target.location);
      await views.focusContainer(container);
    },
  );

  // --------------------------------------------------------------------------------------------- tabs
  const whenOpen = { enablement: 'editorIsOpen', category: view };
  // Browsers keep Ctrl+W for themselves, so the web host's window needs a second key.
  add(
    { id: 'workbench.action.closeEditor', title: localize('command.closeEditor'), ...whenOpen },
    () => dock.active && dock.close(dock.active.id),
    { key: 'mod+w', when: 'editorIsOpen' },
    { key: 'mod+k w', when: 'editorIsOpen' },
  );
  add(
    { id: 'workbench.action.closeAllEditors', title: localize('command.closeAllEditors'), ...whenOpen },
    () => dock.closeAll(),
  );
  add(
    { id: 'workbench.action.nextEditor', title: localize('command.nextEditor'), ...whenOpen },
    () => dock.activate(1),
    { key: 'ctrl+pagedown', when: 'editorIsOpen' },
  );
  add(
    { id: 'workbench.action.previousEditor', title: localize('command.previousEditor'), ...whenOpen },
    () => dock.activate(-1),
    { key: 'ctrl+pageup', when: 'editorIsOpen' },
  );
  add(
    {
      id: 'workbench.action.splitEditor',
      title: localize('command.splitRight'),
      icon: 'split-horizontal',
      ...whenOpen,
    },
    () => dock.split('right'),
    { key: 'mod+\\', when: 'editorIsOpen' },
  );
  add({ id: 'workbench.action.splitEditorDown', title: localize('command.splitDown'), ...whenOpen }, () =>
    dock.split('below'),
  );
  add(
    { id: 'workbench.action.moveEditorToNextGroup', title: localize('command.moveEditorRight'), ...whenOpen },
    () => dock.moveToNextGroup(),
    { key: 'mod+alt+right', when: 'editorIsOpen' },
  );
  add(
    {
      id: 'workbench.action.toggleMaximizeEditorGroup',
      title: localize('command.maximizeGroup'),
      ...whenOpen,
    },
    () => dock.toggleMaximized(),
    { key: 'mod+k mod+m', when: 'editorIsOpen' },
  );
  for (const [order, command] of [
    'workbench.action.closeEditor',
    'workbench.action.closeAllEditors',
    'workbench.action.splitEditor',
    'workbench.action.splitEditorDown',
    'workbench.action.moveEditorToNextGroup',
    'workbench.action.toggleMaximizeEditorGroup',
  ].entries())
    store.add(
      menus.register('editor/tab/context', { command, group: order < 2 ? '1_close' : '2_move', order }),
    );

  // ------------------------------------------------------------------------------------ notifications
  const category = localize('category.notifications');
  add({ id: 'notifications.showList', title: localize('command.showNotifications'), category }, () =>
    notificationsView()?.setCentre(!(notificationsView()?.centre ?? false)),
  );
  add({ id: 'notifications.hideList', title: localize('command.hideNotifications'), category }, () => {
    notificationsView()?.setCentre(false);
    layout.focus('editor');
  });
  add({ id: 'notifications.clearAll', title: localize('command.clearNotifications'), category }, () =>
    notifications.clear(),
  );
  add(
    { id: 'notifications.toggleDoNotDisturb', title: localize('command.toggleDoNotDisturb'), category },
    () => {
      notifications.doNotDisturb = !notifications.doNotDisturb;
    },
  );
  const bell = store.add(
    statusBar.createItem({
      id: 'workbench.notifications',
      name: localize('notifications.title'),
      alignment: 'right',
      priority: 10_000,
    }),
  );
  bell.command = 'notifications.showList';
  const updateBell = (): void => {
    const unread = notifications.all().filter((notification) => !notification.read).length;
    bell.text = notifications.doNotDisturb
      ? '$(bell-slash)'
      : unread > 0
        ? `$(bell-dot) ${unread}`
        : '$(bell)';
    bell.tooltip = notifications.doNotDisturb
      ? localize('notifications.doNotDisturb')
      : unread > 0
        ? localize('notifications.count', { count: unread })
        : localize('notifications.none');
  };
  store.add(notifications.onDidChange(updateBell));
  updateBell();
  add(
    {
      id: 'workbench.action.toggleStatusBarItem',
      title: localize('command.toggleStatusBarItem'),
      category: view,
    },
    async () => {
      const chosen = await quickInput.pick(
        statusBar
          .known()
          .map((item) => ({ label: item.name, icon: item.hidden ? 'eye-closed' : 'eye', item })),
        { placeholder: localize('command.toggleStatusBarItem') },
      );
      if (chosen) statusBar.setHidden(chosen.item.id, !chosen.item.hidden);
    },
  );

  // ------------------------------------------------------------------------------------------- themes
  store.add(
    configuration.register(
      {
        [THEME_SETTING]: { type: 'string', default: 'auto', description: localize('setting.colorTheme') },
        'workbench.reduceMotion': {
          type: 'string',
          enum: ['auto', 'on'],
          default: 'auto',
          description: localize('setting.reduceMotion'),
        },
      },
      { owner: 'core', section: localize('setting.section.workbench') },
    ),
  );
  const applyPreferences = (): void => {
    themes.setPreference(configuration.get<string>(THEME_SETTING));
    document.documentElement.classList.toggle(
      'reduce-motion',
      configuration.get<string>('workbench.reduceMotion') === 'on',
    );
  };
  store.add(
    configuration.onDidChange((change) => {
      if (change.affects('workbench')) applyPreferences();
    }),
  );
  applyPreferences();
  add(
    {
      id: 'workbench.action.selectTheme',
      title: localize('command.selectTheme'),
      category: localize('category.preferences'),
    },
    async () => {
      const before = configuration.get<string>(THEME_SETTING);
      const items = [{ id: 'auto', label: 'auto' }, ...themes.themes()].map(({ id, label }) => ({
        id,
        label,
      }));
      const chosen = await quickInput.pick(items, {
        placeholder: localize('command.selectTheme'),
        onDidHighlight: (item) => {
          const highlighted = items.find((candidate) => candidate === item);
          if (highlighted) themes.setPreference(highlighted.id);
        },
      });
      if (chosen) await configuration.update(THEME_SETTING, chosen.id);
      else themes.setPreference(before);
      applyPreferences();
    },
    { key: 'mod+k mod+t' },
  );

  // ---------------------------------------------------------------------------------------- developer
  add(
    {
      id: 'workbench.action.inspectContextKeys',
      title: localize('command.inspectContextKeys'),
      category: localize('category.developer'),
    },
    async () => {
      await quickInput.pick(
        services.contextKeys
          .entries()
          .map(([label, value]) => ({ label, description: JSON.stringify(value) })),
        { placeholder: localize('command.inspectContextKeys') },
      );
    },
  );

  for (const [order, command] of [
    'workbench.action.showCommands',
    'workbench.action.openSettings',
    'workbench.action.openKeybindings',
    'workbench.action.selectTheme',
  ].entries())
    store.add(
      menus.register('activityBar/manage', { command, group: order === 0 ? '1' : '2_preferences', order }),
    );
  for (const [order, command] of [
    'workbench.action.toggleActivityBar',
    'workbench.action.toggleSideBar',
    'workbench.action.moveView',
    'workbench.action.moveContainer',
    'workbench.action.resetLayout',
  ].entries())
    store.add(menus.register('activityBar/context', { command, group: order < 2 ? '1' : '2', order }));
  store.add(
    menus.register('view/title', { command: 'workbench.action.moveView', group: '9_move', order: 1 }),
  );
  return store;
}
