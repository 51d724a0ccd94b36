import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter } from '../../core/base/event.ts';
import type { EditorInput } from '../../extensions/api/conclave.d.ts';
import { announce } from '../base/announce.ts';
import type { LayoutService } from '../platform/layout.ts';
import { localize } from '../platform/nls.ts';
import type { QuickInputService } from '../platform/quick-input.ts';
import type { ViewsService } from '../platform/views.ts';
import { createDockviewEngine } from './dock/dockview-engine.ts';
import { dockTabId, type DockTab, type LayoutEngine } from './dock/layout-engine.ts';
import { connectKeyboard } from './keyboard.ts';
import { createLayoutModel } from './layout-model.ts';
import { showRegisteredMenu } from './menu-from-registry.ts';
import type { NotificationsElement } from './notifications-view.ts';
import './quick-input-view.ts';
import type { QuickInputElement } from './quick-input-view.ts';
import type { Shell, ShellServices } from './shell.ts';
import type { ViewBodyElement } from './view-body.ts';
import { createLayoutService, type WorkbenchRootElement } from './workbench-element.ts';

const LAYOUT_KEY = 'workbench.layout';
const PLACEMENT_KEY = 'workbench.views';
const DOCK_KEY = 'workbench.dock';

/** The window and what it offers to the rest of the program. */
export interface CreatedShell extends Disposable {
  readonly shell: Shell;
  readonly root: WorkbenchRootElement;
  readonly dock: LayoutEngine;
  readonly layout: LayoutService;
  readonly views: ViewsService;
  readonly quickInput: QuickInputService;
  readonly notificationsView: () => NotificationsElement | undefined;
  /** Puts back what was stored; to be called when the extensions' views are registered. */
  restore(): Promise<void>;
}

/** Makes the window and puts it into the document. */
export function createShell(services: ShellServices): CreatedShell {
  const store = createDisposableStore();
  const layoutModel = store.add(createLayoutModel());
  const activeEditorChanged = store.add(createEmitter<void>());
  const root = document.createElement('conclave-workbench') as WorkbenchRootElement;
  const quickInputElement = document.createElement('conclave-quick-input') as QuickInputElement;
  const { viewModel, viewRegistry, contextKeys, commands, keybindings, notifications, storage } = services;

  const run = (command: string, ...args: readonly unknown[]): void => {
    commands.execute(command, ...args).catch((error: unknown) => notifications.error(error));
  };
  const shell: Shell = {
    services,
    layoutModel,
    run,
    tooltipOf(command) {
      const title = commands.get(command)?.title ?? command;
      const key = keybindings.labelFor(command);
      return key === undefined ? title : `${title} (${key})`;
    },
    async showMenu(menu, anchor, label, overlay, args = []) {
      const chosen = await showRegisteredMenu(services, menu, anchor, label, overlay);
      if (chosen) run(chosen.command, ...args, ...chosen.args);
    },
    get layout() {
      return layout;
    },
    get views() {
      return views;
    },
  };

  const dock = createDockviewEngine({
    createContent(tab) {
      const body = document.createElement('conclave-view-body') as ViewBodyElement;
      body.shell = shell;
      body.viewId = tab.viewId;
      body.input = { key: tab.key, title: tab.title };
      body.addEventListener('view-title', (event) => {
        event.stopPropagation();
        dock.setTitle(tab.id, (event as CustomEvent<string>).detail);
      });
      return {
        element: body,
        setVisible(visible) {
          body.visible = visible;
        },
        dispose: () => body.remove(),
      };
    },
    iconOf: (tab) => viewRegistry.editorView(tab.viewId)?.icon,
    createEmptyContent() {
      const empty = document.createElement('div');
      empty.className = 'conclave-dock-empty';
      const title = document.createElement('strong');
      title.textContent = localize('dock.emptyTitle');
      const text = document.createElement('span');
      const update = (): void => {
        text.textContent = localize('dock.emptyText', {
          key: keybindings.labelFor('workbench.action.showCommands') ?? 'F1',
        });
      };
      store.add(keybindings.onDidChange(update));
      update();
      empty.append(title, text);
      return empty;
    },
    showTabMenu(tab, anchor) {
      dock.open(tab);
      void shell.showMenu('editor/tab/context', anchor, localize('dock.tabMenu'), { view: tab.viewId });
    },
    closeLabel: (title) => localize('dock.closeTab', { title }),
  });
  store.add(dock);
  const focusEditor = (): void => {
    const active = dock.active;
    if (active) dock.focus();
    else dock.element.focus();
  };
  dock.element.slot = 'dock';
  dock.element.dataset['part'] = 'editor';
  dock.element.tabIndex = -1;

  const reset = (): void => {
    layoutModel.reset();
    viewModel.reset();
  };
  const layout = createLayoutService(root, shell, focusEditor, reset);

  const showContainer = (containerId: string): 'primary' | 'secondary' | 'panel' | undefined => {
    const location = viewModel.locationOf(containerId);
    if (!location) return undefined;
    const shownAt = layoutModel.shownAt(location);
    layoutModel.setActive(shownAt, containerId);
    if (!layoutModel.isVisible(shownAt)) layoutModel.setVisible(shownAt, true);
    return shownAt;
  };
  const toEditor = (tab: DockTab): { readonly viewId: string; readonly input: EditorInput } => ({
    viewId: tab.viewId,
    input: { key: tab.key, title: tab.title },
  });
  const views: ViewsService = {
    async focusView(viewId) {
      const containerId = viewModel.containerOf(viewId);
      if (containerId === undefined) return;
      viewModel.setHidden(viewId, false);
      if (viewModel.isCollapsed(viewId)) viewModel.setCollapsed(viewId, false);
      const part = showContainer(containerId);
      await root.updateComplete;
      if (part) root.sideBar(part)?.focusView(viewId);
    },
    async focusContainer(containerId) {
      const part = showContainer(containerId);
      await root.updateComplete;
      if (part) root.sideBar(part)?.focusView();
    },
    isViewVisible(viewId) {
      const containerId = viewModel.containerOf(viewId);
      const location = containerId === undefined ? undefined : viewModel.locationOf(containerId);
      if (containerId === undefined || !location) return false;
      const part = layoutModel.shownAt(location);
      return (
        layoutModel.isVisible(part) &&
        root.sideBar(part)?.activeContainer() === containerId &&
        viewModel.viewsIn(containerId).some((view) => view.id === viewId) &&
        !viewModel.isCollapsed(viewId)
      );
    },
    async openEditor(viewId, input) {
      dock.open({ id: dockTabId(viewId, input.key), viewId, key: input.key, title: input.title });
    },
    async closeEditor(viewId, key) {
      dock.close(dockTabId(viewId, key));
    },
    openEditors: () => dock.tabs().map(toEditor),
    get activeEditor() {
      return dock.active && toEditor(dock.active);
    },
    onDidChangeActiveEditor: activeEditorChanged.event,
  };

  const updateEditorContext = (): void => {
    contextKeys.setAll({
      activeEditor: dock.active?.viewId,
      editorIsOpen: dock.active !== undefined,
      editorCount: dock.tabs().length,
    });
    activeEditorChanged.fire();
  };
  store.add(dock.onDidChangeActive(updateEditorContext));
  updateEditorContext();
  const updatePartContext = (): void => {
    contextKeys.setAll({
      sideBarVisible: layoutModel.isVisible('primary'),
      secondarySideBarVisible: layoutModel.isVisible('secondary'),
      panelVisible: layoutModel.isVisible('panel'),
    });
  };
  store.add(layoutModel.onDidChange(updatePartContext));
  updatePartContext();

  root.shell = shell;
  store.add(root.onDidFocusPart((part) => contextKeys.set('focusedPart', part)));
  root.append(dock.element);
  document.body.append(root, quickInputElement);
  store.add(connectKeyboard(keybindings, contextKeys));
  store.add(
    keybindings.onDidChangePending((label) => {
      if (label !== undefined) announce(localize('chord.waiting', { chord: label }));
    }),
  );

  let restored = false;
  // Nothing is stored before the restore: the empty start must not overwrite what is there.
  store.add(layoutModel.onDidChange(() => restored && storage.set(LAYOUT_KEY, layoutModel.data)));
  store.add(viewModel.onDidChange(() => restored && storage.set(PLACEMENT_KEY, viewModel.save())));
  store.add(dock.onDidChangeLayout(() => restored && storage.set(DOCK_KEY, dock.save())));

  return {
    shell,
    root,
    dock,
    layout,
    views,
    quickInput: quickInputElement.service,
    notificationsView: () =>
      root.renderRoot.querySelector<NotificationsElement>('conclave-notifications') ?? undefined,
    async restore() {
      const [savedLayout, savedPlacement, savedDock] = await Promise.all([
        storage.get(LAYOUT_KEY),
        storage.get(PLACEMENT_KEY),
        storage.get(DOCK_KEY),
      ]);
      if (savedPlacement !== undefined) viewModel.restore(savedPlacement);
      const layoutFailed = savedLayout !== undefined && !layoutModel.restore(savedLayout);
      const dockFailed =
        savedDock !== undefined &&
        !isEmptyDock(savedDock) &&
        dock.tabs().length === 0 &&
        !dock.restore(savedDock);
      if (layoutFailed || dockFailed) notifications.warn(localize('dock.restoreFailed'));
      restored = true;
    },
    dispose() {
      root.remove();
      quickInputElement.remove();
      store.dispose();
    },
  };
}

/** A dock with no tab is stored, too, and is nothing to restore or to complain about. */
function isEmptyDock(saved: unknown): boolean {
  if (typeof saved !== 'object' || saved === null || !('tabs' in saved)) return false;
  const { tabs } = saved;
  return typeof tabs === 'object' && tabs !== null && Object.keys(tabs).length === 0;
}
