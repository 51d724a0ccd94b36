import type { Disposable } from '../../../core/base/disposable.ts';
import type { Event } from '../../../core/base/event.ts';

/** A tab. */
export interface DockTab {
  /** Unique; made from the view and the key, see {@link dockTabId}. */
  readonly id: string;
  readonly viewId: string;
  readonly key: string;
  readonly title: string;
}

/** The id of the tab that shows an input in a view. */
export function dockTabId(viewId: string, key: string): string {
  // Encoded, because ids end up in attributes where a space would separate them.
  return `${viewId}~${encodeURIComponent(key)}`;
}

/** What fills a tab. */
export interface DockContent extends Disposable {
  readonly element: HTMLElement;
  setVisible(visible: boolean): void;
}

/** What the engine asks its owner for. */
export interface DockHost {
  createContent(tab: DockTab): DockContent;
  /** Codicon of the tab. */
  iconOf(tab: DockTab): string | undefined;
  /** Shown while no tab is open. */
  createEmptyContent(): HTMLElement;
  /** The context menu of a tab was asked for. */
  showTabMenu(tab: DockTab, anchor: { readonly x: number; readonly y: number } | Element): void;
  /** The text of the close button. */
  closeLabel(title: string): string;
}

/**
 * The dock: tabs in groups that can be split, moved and maximised. Our own interface over whatever library
 * does it; nothing outside this folder knows which.
 */
export interface LayoutEngine extends Disposable {
  readonly element: HTMLElement;
  /** Opens a tab in the active group and focuses it, or focuses the open one. */
  open(tab: DockTab): void;
  close(id: string): void;
  closeAll(): void;
  setTitle(id: string, title: string): void;
  /** Moves the keyboard focus into the active tab's content. */
  focus(): void;
  /** Tabs in the order of their last use, most recent first. */
  tabs(): readonly DockTab[];
  readonly active: DockTab | undefined;
  /** The next or previous tab of the active group, around. */
  activate(direction: 1 | -1): void;
  /** Moves the active tab into a new group on that side. Without effect when it is alone in its group. */
  split(side: 'right' | 'below'): void;
  /** Moves the active tab into the next group, around; into a new one on the right when there is only one. */
  moveToNextGroup(): void;
  toggleMaximized(): void;
  /** Plain data for {@link restore}. */
  save(): unknown;
  /** @returns false when the data is not a layout; nothing has changed then. */
  restore(saved: unknown): boolean;
  readonly onDidChangeLayout: Event<void>;
  readonly onDidChangeActive: Event<void>;
}
