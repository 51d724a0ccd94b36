import { showMenu, type MenuAnchor } from '../base/menu.ts';
import type { ContextOverlay } from '../platform/context-keys.ts';
import type { MenuId } from '../platform/menus.ts';
import type { ShellServices } from './shell.ts';

/**
 * Shows the registered menu of a place. Entries that are buttons beside it already (`inline`, and `navigation`
 * when the overlay says so) are left out.
 * @returns what was chosen.
 */
export async function showRegisteredMenu(
  services: Pick<ShellServices, 'menus' | 'keybindings'>,
  menu: MenuId,
  anchor: MenuAnchor,
  label: string,
  overlay: ContextOverlay = {},
): Promise<{ readonly command: string; readonly args: readonly unknown[] } | undefined> {
  const groups = services.menus
    .resolve(menu, overlay)
    .map((group) =>
      group.filter(
        (item) =>
          item.group !== 'inline' &&
          !(overlay['menuWithoutNavigation'] === true && item.group === 'navigation'),
      ),
    );
  const items = groups.flat();
  let index = 0;
  const chosen = await showMenu(
    groups.map((group) =>
      group.map((item) => {
        const hint = services.keybindings.labelFor(item.command);
        return {
          id: String(index++),
          title: item.title,
          enabled: item.enabled,
          ...(hint === undefined ? {} : { hint }),
        };
      }),
    ),
    anchor,
    label,
  );
  const item = chosen === undefined ? undefined : items[Number(chosen)];
  return item && { command: item.command, args: item.args };
}
