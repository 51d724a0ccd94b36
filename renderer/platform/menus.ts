import { toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { CommandRegistry } from './commands.ts';
import type { ContextKeyService, ContextOverlay } from './context-keys.ts';

/**
 * Places where commands appear. `view/title` and `view/item/context` are asked with an overlay that holds
 * `view` (the view id) and, for rows, `viewItem` (TreeItem.contextValue). Extensions use the same names.
 */
export type MenuId =
  | 'commandPalette'
  | 'titleBar'
  | 'view/title'
  | 'view/item/context'
  | 'editor/title'
  | 'editor/tab/context'
  | 'person/context'
  | 'room/context'
  | 'activityBar/manage'
  | 'activityBar/context'
  | 'statusBar/context'
  | (string & {});

/** An entry of a menu. */
export interface MenuItem {
  readonly command: string;
  /** Passed after the menu's own arguments. */
  readonly args?: readonly unknown[];
  readonly when?: string;
  /**
   * Entries of one group stand together; groups are sorted by name. `navigation` comes first and, in
   * `view/title`, `editor/title` and `titleBar`, is shown as buttons instead of inside the menu.
   * `inline` in `view/item/context` is shown as a button at the end of the row.
   */
  readonly group?: string;
  /** Position in its group, ascending. */
  readonly order?: number;
  /** Replaces the command's title. */
  readonly title?: string;
}

/** An entry as it is shown. */
export interface ResolvedMenuItem {
  readonly command: string;
  readonly args: readonly unknown[];
  readonly title: string;
  readonly icon: string | undefined;
  readonly enabled: boolean;
  readonly group: string;
}

/** Menus by place. */
export interface MenuRegistry extends Disposable {
  register(menu: MenuId, item: MenuItem): Disposable;
  /** Items that are visible now, in groups, both in order. Items of unknown commands are left out. */
  resolve(menu: MenuId, overlay?: ContextOverlay): readonly (readonly ResolvedMenuItem[])[];
  /** Raw items, for the palette's filter. */
  itemsOf(menu: MenuId): readonly MenuItem[];
  /** Items came or went. */
  readonly onDidChange: Event<MenuId>;
}

/** Makes a registry without menus. */
export function createMenuRegistry(contextKeys: ContextKeyService, commands: CommandRegistry): MenuRegistry {
  const menus = new Map<MenuId, MenuItem[]>();
  const changed = createEmitter<MenuId>();
  return {
    register(menu, item) {
      const items = menus.get(menu) ?? [];
      menus.set(menu, [...items, item]);
      changed.fire(menu);
      return toDisposable(() => {
        menus.set(
          menu,
          (menus.get(menu) ?? []).filter((other) => other !== item),
        );
        changed.fire(menu);
      });
    },
    resolve(menu, overlay) {
      const groups = new Map<string, MenuItem[]>();
      for (const item of menus.get(menu) ?? []) {
        if (!commands.get(item.command) || !contextKeys.evaluate(item.when, overlay)) continue;
        const group = item.group ?? '';
        groups.set(group, [...(groups.get(group) ?? []), item]);
      }
      return [...groups]
        .sort(([a], [b]) => compareGroups(a, b))
        .map(([group, items]) =>
          [...items]
            .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
            .map((item) => {
              const metadata = commands.get(item.command);
              return {
                command: item.command,
                args: item.args ?? [],
                title: item.title ?? metadata?.title ?? item.command,
                icon: metadata?.icon,
                enabled: commands.isEnabled(item.command, overlay),
                group,
              };
            }),
        );
    },
    itemsOf: (menu) => menus.get(menu) ?? [],
    onDidChange: changed.event,
    dispose: () => changed.dispose(),
  };
}

function compareGroups(a: string, b: string): number {
  if (a === b) return 0;
  if (a === 'navigation') return -1;
  if (b === 'navigation') return 1;
  return a < b ? -1 : 1;
}
