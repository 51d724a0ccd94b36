import { createDockview, type DockviewApi, type SerializedDockview } from 'dockview';
import { createDisposableStore } from '../../../core/base/disposable.ts';
import { createEmitter } from '../../../core/base/event.ts';
import { adoptDockStyles } from './dock-css.ts';
import {
  dockTabId,
  type DockContent,
  type DockHost,
  type DockTab,
  type LayoutEngine,
} from './layout-engine.ts';
import { readSavedDock, type SavedDock, type SavedNode } from './saved-layout.ts';

type Grid = SerializedDockview['grid'];

/** The layout engine over dockview. */
export function createDockviewEngine(host: DockHost): LayoutEngine {
  adoptDockStyles();
  const store = createDisposableStore();
  const layoutChanged = store.add(createEmitter<void>());
  const activeChanged = store.add(createEmitter<void>());
  const element = document.createElement('div');
  element.className = 'conclave-dock dockview-theme-conclave';
  const tabs = new Map<string, DockTab>();
  const contents = new Map<string, DockContent>();
  let recent: readonly string[] = [];

  const tabOf = (id: string): DockTab =>
    // A panel the library made without us knowing it cannot be; the fallback keeps the types honest.
    tabs.get(id) ?? { id, viewId: id, key: '', title: id };

  const api: DockviewApi = createDockview(element, {
    theme: { name: 'conclave', className: 'dockview-theme-conclave', dndOverlayMounting: 'relative' },
    defaultRenderer: 'always',
    defaultTabComponent: 'tab',
    disableFloatingGroups: true,
    noPanelsOverlay: 'watermark',
    announcements: true,
    createComponent: ({ id }) => {
      const content = host.createContent(tabOf(id));
      contents.set(id, content);
      content.element.classList.add('conclave-tab-content');
      const subscriptions = createDisposableStore();
      return {
        element: content.element,
        init(parameters) {
          const apply = (): void => content.setVisible(parameters.api.isVisible);
          subscriptions.add(parameters.api.onDidVisibilityChange(apply));
          apply();
        },
        dispose() {
          subscriptions.dispose();
          contents.delete(id);
          content.dispose();
        },
      };
    },
    createTabComponent: ({ id }) => createTab(id),
    createWatermarkComponent: () => ({ element: host.createEmptyContent(), init: () => {} }),
  });

  function createTab(id: string) {
    const tab = document.createElement('div');
    tab.className = 'conclave-tab';
    const title = document.createElement('span');
    title.className = 'conclave-tab-title';
    const close = document.createElement('button');
    close.className = 'conclave-tab-close';
    close.tabIndex = -1;
    const closeIcon = document.createElement('conclave-icon');
    closeIcon.setAttribute('name', 'close');
    close.append(closeIcon);
    const setTitle = (text: string): void => {
      title.textContent = text;
      tab.dataset['tooltip'] = text;
      close.setAttribute('aria-label', host.closeLabel(text));
    };
    const iconName = host.iconOf(tabOf(id));
    if (iconName !== undefined) {
      const icon = document.createElement('conclave-icon');
      icon.setAttribute('name', iconName);
      tab.append(icon);
    }
    tab.append(title, close);
    const subscriptions = createDisposableStore();
    close.addEventListener('pointerdown', (event) => event.stopPropagation());
    close.addEventListener('click', (event) => {
      event.stopPropagation();
      engine.close(id);
    });
    tab.addEventListener('auxclick', (event) => {
      if (event.button === 1) engine.close(id);
    });
    tab.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      host.showTabMenu(tabOf(id), { x: event.clientX, y: event.clientY });
    });
    return {
      element: tab,
      init(parameters: {
        readonly title: string;
        readonly api: {
          onDidTitleChange(listener: (event: { readonly title: string }) => void): { dispose(): void };
        };
      }) {
        setTitle(parameters.title);
        subscriptions.add(parameters.api.onDidTitleChange((event) => setTitle(event.title)));
      },
      dispose: () => subscriptions.dispose(),
    };
  }

  store.add(api.onDidLayoutChange(() => layoutChanged.fire()));
  store.add(
    api.onDidActivePanelChange(() => {
      const id = api.activePanel?.id;
      if (id !== undefined) recent = [id, ...recent.filter((other) => other !== id)];
      activeChanged.fire();
    }),
  );
  store.add(
    api.onDidRemovePanel((panel) => {
      tabs.delete(panel.id);
      recent = recent.filter((id) => id !== panel.id);
    }),
  );

  const engine: LayoutEngine = {
    element,
    open(tab) {
      const existing = api.getPanel(tab.id);
      if (existing) {
        tabs.set(tab.id, tab);
        existing.api.setTitle(tab.title);
        existing.api.setActive();
        return;
      }
      tabs.set(tab.id, tab);
      api.addPanel({
        id: tab.id,
        component: 'content',
        title: tab.title,
        params: { viewId: tab.viewId, key: tab.key },
        minimumWidth: 160,
        minimumHeight: 100,
      });
    },
    close: (id) => api.getPanel(id)?.api.close(),
    closeAll() {
      for (const panel of [...api.panels]) panel.api.close();
    },
    setTitle(id, title) {
      const tab = tabs.get(id);
      if (!tab) return;
      tabs.set(id, { ...tab, title });
      api.getPanel(id)?.api.setTitle(title);
    },
    focus() {
      const id = api.activePanel?.id;
      const content = id === undefined ? undefined : contents.get(id);
      if (content) content.element.focus();
      else element.querySelector<HTMLElement>('[tabindex], button')?.focus();
    },
    tabs: () =>
      [...recent, ...api.panels.map((panel) => panel.id).filter((id) => !recent.includes(id))].map(tabOf),
    get active() {
      const id = api.activePanel?.id;
      return id === undefined ? undefined : tabOf(id);
    },
    activate(direction) {
      const group = api.activeGroup;
      if (!group || group.panels.length === 0) return;
      const index = group.panels.findIndex((panel) => panel.id === api.activePanel?.id);
      group.panels[(index + direction + group.panels.length) % group.panels.length]?.api.setActive();
    },
    split(side) {
      const panel = api.activePanel;
      const group = api.activeGroup;
      if (!panel || !group || group.panels.length < 2) return;
      panel.api.moveTo({ group, position: side === 'right' ? 'right' : 'bottom' });
    },
    moveToNextGroup() {
      const panel = api.activePanel;
      const group = api.activeGroup;
      if (!panel || !group) return;
      const { groups } = api;
      if (groups.length < 2) return engine.split('right');
      const next = groups[(groups.indexOf(group) + 1) % groups.length];
      if (next) panel.api.moveTo({ group: next, position: 'center' });
    },
    toggleMaximized() {
      if (api.hasMaximizedGroup()) api.exitMaximizedGroup();
      else if (api.activePanel) api.maximizeGroup(api.activePanel);
    },
    save: () => toSaved(api.toJSON(), tabs),
    restore(data) {
      const saved = readSavedDock(data);
      if (!saved) return false;
      const before = api.toJSON();
      const beforeTabs = [...tabs];
      // The stored ids are only names; the tabs' own ids are made anew from what they show.
      const idOf = (name: string): string => {
        const tab = saved.tabs[name];
        return tab ? dockTabId(tab.viewId, tab.key) : name;
      };
      for (const tab of Object.values(saved.tabs)) {
        const id = dockTabId(tab.viewId, tab.key);
        tabs.set(id, { id, ...tab });
      }
      try {
        api.fromJSON(toLibrary(saved, idOf));
        return true;
      } catch {
        tabs.clear();
        for (const [id, tab] of beforeTabs) tabs.set(id, tab);
        api.fromJSON(before);
        return false;
      }
    },
    onDidChangeLayout: layoutChanged.event,
    onDidChangeActive: activeChanged.event,
    dispose() {
      api.dispose();
      store.dispose();
    },
  };
  return engine;
}

/** From the library's form to ours. */
function toSaved(json: SerializedDockview, tabs: ReadonlyMap<string, DockTab>): SavedDock {
  const convert = (node: Grid['root']): SavedNode =>
    Array.isArray(node.data)
      ? { kind: 'split', size: node.size ?? 0, children: node.data.map(convert) }
      : {
          kind: 'group',
          size: node.size ?? 0,
          id: node.data.id,
          tabs: node.data.views,
          ...(node.data.activeView === undefined ? {} : { active: node.data.activeView }),
        };
  return {
    version: '1',
    orientation: String(json.grid.orientation).toLowerCase() === 'vertical' ? 'vertical' : 'horizontal',
    width: json.grid.width,
    height: json.grid.height,
    root: convert(json.grid.root),
    tabs: Object.fromEntries([...tabs].map(([id, { viewId, key, title }]) => [id, { viewId, key, title }])),
    ...(json.activeGroup === undefined ? {} : { activeGroup: json.activeGroup }),
  };
}

/** From our form to the library's. */
function toLibrary(saved: SavedDock, idOf: (name: string) => string): SerializedDockview {
  const convert = (node: SavedNode): Grid['root'] =>
    node.kind === 'split'
      ? { type: 'branch', size: node.size, data: node.children.map(convert) }
      : {
          type: 'leaf',
          size: node.size,
          data: {
            id: node.id,
            views: node.tabs.map(idOf),
            ...(node.active === undefined ? {} : { activeView: idOf(node.active) }),
          },
        };
  const root = convert(saved.root);
  const grid = {
    // The library wants a branch at the top.
    root: root.type === 'branch' ? root : { type: 'branch' as const, size: saved.height, data: [root] },
    width: saved.width,
    height: saved.height,
    orientation: (saved.orientation === 'vertical' ? 'VERTICAL' : 'HORIZONTAL') as Grid['orientation'],
  };
  return {
    grid,
    panels: Object.fromEntries(
      Object.values(saved.tabs).map((tab) => {
        const id = dockTabId(tab.viewId, tab.key);
        return [
          id,
          {
            id,
            contentComponent: 'content',
            tabComponent: 'tab',
            title: tab.title,
            params: { viewId: tab.viewId, key: tab.key },
            minimumWidth: 160,
            minimumHeight: 100,
          },
        ];
      }),
    ),
    ...(saved.activeGroup === undefined ? {} : { activeGroup: saved.activeGroup }),
  };
}
