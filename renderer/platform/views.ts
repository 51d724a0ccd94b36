import { array, boolean, object, oneOf, optional, parse, record, string } from '../../core/base/schema.ts';
import { toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { EditorInput, ElementViewProvider, TreeViewProvider } from '../../extensions/api/conclave.d.ts';

/** Where a view container stands: left (with an icon in the activity bar), right, or in the bottom panel. */
export type ContainerLocation = 'primary' | 'secondary' | 'panel';

/** A container: stacked views behind one icon or tab. */
export interface ViewContainerDescriptor {
  readonly id: string;
  readonly title: string;
  /** Codicon name. */
  readonly icon: string;
  /** Where it stands until the user moves it. */
  readonly location: ContainerLocation;
  readonly order?: number;
}

/** A view. */
export interface ViewDescriptor {
  readonly id: string;
  readonly title: string;
  /** Codicon for places where the view stands alone. */
  readonly icon?: string;
  /** The container it stands in until the user moves it. */
  readonly container: string;
  readonly when?: string;
  readonly order?: number;
  readonly collapsed?: boolean;
  /** Share of the height next to its neighbours; 1 by default. */
  readonly weight?: number;
  /**
   * What an empty tree view says: what the view is for, and the commands that fill it.
   */
  readonly welcome?: {
    readonly text: string;
    readonly actions: readonly { readonly title: string; readonly command: string }[];
  };
}

/** A kind of editor tab. */
export interface EditorViewDescriptor {
  readonly id: string;
  readonly title: string;
  readonly icon?: string;
}

/** What fills a view. */
export type ViewContent =
  | { readonly kind: 'element'; readonly provider: ElementViewProvider }
  | { readonly kind: 'tree'; readonly provider: TreeViewProvider<unknown> };

/** A number on a view. */
export interface ViewBadge {
  readonly count: number;
  readonly tooltip: string;
}

/** What exists: containers, views, editor views, and what fills them. */
export interface ViewRegistry extends Disposable {
  /** @throws Error on a duplicate id. */
  registerContainer(descriptor: ViewContainerDescriptor): Disposable;
  registerView(descriptor: ViewDescriptor): Disposable;
  registerEditorView(descriptor: EditorViewDescriptor): Disposable;
  /** Fills a view or editor view. @throws Error when it is filled already. */
  registerContent(viewId: string, content: ViewContent): Disposable;
  containers(): readonly ViewContainerDescriptor[];
  container(id: string): ViewContainerDescriptor | undefined;
  views(): readonly ViewDescriptor[];
  view(id: string): ViewDescriptor | undefined;
  editorView(id: string): EditorViewDescriptor | undefined;
  content(viewId: string): ViewContent | undefined;
  /** 0 clears. */
  setBadge(viewId: string, badge: ViewBadge): void;
  badge(viewId: string): ViewBadge | undefined;
  /** Containers or views came or went. */
  readonly onDidChange: Event<void>;
  /** A view got or lost its content; the view's id. */
  readonly onDidChangeContent: Event<string>;
  readonly onDidChangeBadge: Event<string>;
}

/** Makes an empty registry. */
export function createViewRegistry(): ViewRegistry {
  const containers = new Map<string, ViewContainerDescriptor>();
  const views = new Map<string, ViewDescriptor>();
  const editorViews = new Map<string, EditorViewDescriptor>();
  const contents = new Map<string, ViewContent>();
  const badges = new Map<string, ViewBadge>();
  const changed = createEmitter<void>();
  const contentChanged = createEmitter<string>();
  const badgeChanged = createEmitter<string>();
  const put = <T extends { readonly id: string }>(
    map: Map<string, T>,
    what: string,
    descriptor: T,
  ): Disposable => {
    if (map.has(descriptor.id)) throw new Error(`The ${what} "${descriptor.id}" is registered already`);
    map.set(descriptor.id, descriptor);
    changed.fire();
    return toDisposable(() => {
      map.delete(descriptor.id);
      changed.fire();
    });
  };
  return {
    registerContainer: (descriptor) => put(containers, 'view container', descriptor),
    registerView: (descriptor) => put(views, 'view', descriptor),
    registerEditorView: (descriptor) => put(editorViews, 'editor view', descriptor),
    registerContent(viewId, content) {
      if (contents.has(viewId)) throw new Error(`The view "${viewId}" is filled already`);
      contents.set(viewId, content);
      contentChanged.fire(viewId);
      return toDisposable(() => {
        contents.delete(viewId);
        contentChanged.fire(viewId);
      });
    },
    containers: () => [...containers.values()].sort((a, b) => (a.order ?? 100) - (b.order ?? 100)),
    container: (id) => containers.get(id),
    views: () => [...views.values()].sort((a, b) => (a.order ?? 100) - (b.order ?? 100)),
    view: (id) => views.get(id),
    editorView: (id) => editorViews.get(id),
    content: (viewId) => contents.get(viewId),
    setBadge(viewId, badge) {
      if (badge.count > 0) badges.set(viewId, badge);
      else badges.delete(viewId);
      badgeChanged.fire(viewId);
    },
    badge: (viewId) => badges.get(viewId),
    onDidChange: changed.event,
    onDidChangeContent: contentChanged.event,
    onDidChangeBadge: badgeChanged.event,
    dispose() {
      changed.dispose();
      contentChanged.dispose();
      badgeChanged.dispose();
    },
  };
}

/** Where the user put things; stored with the layout. */
export interface ViewPlacement {
  /** View id to container id. */
  readonly views: Readonly<Record<string, string>>;
  /** Container id to location. */
  readonly containers: Readonly<Record<string, ContainerLocation>>;
  /** Views hidden by the user. */
  readonly hidden: readonly string[];
  /** View id to collapsed, where it differs from the descriptor. */
  readonly collapsed: Readonly<Record<string, boolean>>;
}

const EMPTY_PLACEMENT: ViewPlacement = { views: {}, containers: {}, hidden: [], collapsed: {} };
const id = string({ min: 1, max: 128 });
const placementSchema = object({
  views: record(id, { max: 500 }),
  containers: record(oneOf(['primary', 'secondary', 'panel']), { max: 200 }),
  hidden: array(id, { max: 500 }),
  collapsed: optional(record(boolean, { max: 500 })),
});

/** The movable model: the registry, seen through what the user moved. */
export interface ViewModel extends Disposable {
  /** Containers at a location that have at least one visible view, in order. */
  containersAt(location: ContainerLocation): readonly ViewContainerDescriptor[];
  locationOf(containerId: string): ContainerLocation | undefined;
  containerOf(viewId: string): string | undefined;
  /** Views of a container whose `when` holds and that are not hidden, in order. */
  viewsIn(containerId: string): readonly ViewDescriptor[];
  moveView(viewId: string, containerId: string): void;
  moveContainer(containerId: string, location: ContainerLocation): void;
  setHidden(viewId: string, hidden: boolean): void;
  isHidden(viewId: string): boolean;
  isCollapsed(viewId: string): boolean;
  setCollapsed(viewId: string, collapsed: boolean): void;
  /** Everything back to where the descriptors say. */
  reset(): void;
  save(): ViewPlacement;
  /** Takes what `save` gave some time ago. What is not valid or not known is ignored. */
  restore(saved: unknown): void;
  readonly onDidChange: Event<void>;
}

/** Makes the model over a registry. */
export function createViewModel(
  registry: ViewRegistry,
  evaluate: (when: string | undefined) => boolean,
): ViewModel {
  let placement = EMPTY_PLACEMENT;
  const changed = createEmitter<void>();
  const subscription = registry.onDidChange(() => changed.fire());
  const set = (next: ViewPlacement): void => {
    placement = next;
    changed.fire();
  };
  const containerOf = (viewId: string): string | undefined => {
    const moved = placement.views[viewId];
    // A container may be gone with its extension; the view then goes home.
    if (moved !== undefined && registry.container(moved)) return moved;
    return registry.view(viewId)?.container;
  };
  const locationOf = (containerId: string): ContainerLocation | undefined =>
    placement.containers[containerId] ?? registry.container(containerId)?.location;
  const viewsIn = (containerId: string): readonly ViewDescriptor[] =>
    registry
      .views()
      .filter(
        (view) =>
          containerOf(view.id) === containerId && !placement.hidden.includes(view.id) && evaluate(view.when),
      );
  return {
    containersAt: (location) =>
      registry
        .containers()
        .filter((container) => locationOf(container.id) === location && viewsIn(container.id).length > 0),
    locationOf,
    containerOf,
    viewsIn,
    moveView(viewId, containerId) {
      if (!registry.view(viewId) || !registry.container(containerId)) return;
      const { [viewId]: _, ...others } = placement.views;
      set({
        ...placement,
        views:
          registry.view(viewId)?.container === containerId ? others : { ...others, [viewId]: containerId },
      });
    },
    moveContainer(containerId, location) {
      const container = registry.container(containerId);
      if (!container) return;
      const { [containerId]: _, ...others } = placement.containers;
      set({
        ...placement,
        containers: container.location === location ? others : { ...others, [containerId]: location },
      });
    },
    setHidden(viewId, hidden) {
      const others = placement.hidden.filter((other) => other !== viewId);
      set({ ...placement, hidden: hidden ? [...others, viewId] : others });
    },
    isHidden: (viewId) => placement.hidden.includes(viewId),
    isCollapsed: (viewId) => placement.collapsed[viewId] ?? registry.view(viewId)?.collapsed ?? false,
    setCollapsed(viewId, collapsed) {
      set({ ...placement, collapsed: { ...placement.collapsed, [viewId]: collapsed } });
    },
    reset: () => set(EMPTY_PLACEMENT),
    save: () => placement,
    restore(saved) {
      const parsed = parse(placementSchema, saved);
      if (parsed.ok) set({ ...parsed.value, collapsed: parsed.value.collapsed ?? {} });
    },
    onDidChange: changed.event,
    dispose() {
      subscription.dispose();
      changed.dispose();
    },
  };
}

/** What can be done with views on the screen; the workbench implements it. */
export interface ViewsService {
  /** Makes a view visible (its part, its container, expanded) and moves the focus into it. */
  focusView(viewId: string): Promise<void>;
  /** Makes a container visible and focuses its first view. */
  focusContainer(containerId: string): Promise<void>;
  isViewVisible(viewId: string): boolean;
  /** Opens a tab of an editor view, or focuses the open one with the same view and key. */
  openEditor(viewId: string, input: EditorInput): Promise<void>;
  closeEditor(viewId: string, key: string): Promise<void>;
  /** Open tabs in the order of their last use, most recent first. */
  openEditors(): readonly { readonly viewId: string; readonly input: EditorInput }[];
  /** The tab that has the focus or had it last. */
  readonly activeEditor: { readonly viewId: string; readonly input: EditorInput } | undefined;
  readonly onDidChangeActiveEditor: Event<void>;
}
