import type { WorkbenchServices } from '../platform/services.ts';
import type { ViewsService } from '../platform/views.ts';
import type { LayoutService } from '../platform/layout.ts';
import type { MenuAnchor } from '../base/menu.ts';
import type { ContextOverlay } from '../platform/context-keys.ts';
import type { MenuId } from '../platform/menus.ts';
import type { LayoutModel } from './layout-model.ts';

/** What the shell is built on; it provides the rest of the services itself. */
export type ShellServices = Omit<
  WorkbenchServices,
  'views' | 'layout' | 'quickInput' | 'session' | 'media' | 'host' | 'logger'
>;

/** What the parts share. */
export interface Shell {
  readonly services: ShellServices;
  readonly layoutModel: LayoutModel;
  readonly layout: LayoutService;
  readonly views: ViewsService;
  /** Runs a command for a person: what goes wrong is shown, not thrown. */
  run(command: string, ...args: readonly unknown[]): void;
  /** A command's title with its key: "Toggle panel (Ctrl+J)". */
  tooltipOf(command: string): string;
  /**
   * Shows the menu of a place and runs what is chosen.
   * @param args given to the command before the item's own.
   */
  showMenu(
    menu: MenuId,
    anchor: MenuAnchor,
    label: string,
    overlay?: ContextOverlay,
    args?: readonly unknown[],
  ): Promise<void>;
}
