import { toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { StatusBarItem, StatusBarOptions } from '../../extensions/api/conclave.d.ts';

/** A snapshot of one item, for drawing. */
export interface StatusBarEntry {
  readonly id: string;
  readonly name: string;
  readonly alignment: 'left' | 'right';
  readonly priority: number;
  readonly text: string;
  readonly tooltip: string;
  readonly command: string | undefined;
  readonly kind: StatusBarItem['kind'];
}

/** Items of the status bar. */
export interface StatusBarRegistry extends Disposable {
  /** @throws Error when an item with this id exists. The item starts visible with empty text. */
  createItem(options: StatusBarOptions): StatusBarItem;
  /** Visible items with text that the user has not hidden, outermost first, left ones before right ones. */
  entries(): readonly StatusBarEntry[];
  /** All items, for the menu that hides them. */
  known(): readonly { readonly id: string; readonly name: string; readonly hidden: boolean }[];
  setHidden(id: string, hidden: boolean): void;
  readonly onDidChange: Event<void>;
}

/** Makes an empty status bar. */
export function createStatusBarRegistry(): StatusBarRegistry {
  type Mutable = { -readonly [K in keyof StatusBarEntry]: StatusBarEntry[K] } & { visible: boolean };
  const items = new Map<string, Mutable>();
  const hidden = new Set<string>();
  const changed = createEmitter<void>();
  return {
    createItem(options) {
      if (items.has(options.id)) throw new Error(`The status bar item "${options.id}" exists already`);
      const state: Mutable = {
        ...options,
        text: '',
        tooltip: '',
        command: undefined,
        kind: 'normal',
        visible: true,
      };
      items.set(options.id, state);
      const removal = toDisposable(() => {
        items.delete(options.id);
        changed.fire();
      });
      const update = <K extends 'text' | 'tooltip' | 'command' | 'kind' | 'visible'>(
        key: K,
        value: Mutable[K],
      ): void => {
        if (state[key] === value) return;
        state[key] = value;
        if (items.get(options.id) === state) changed.fire();
      };
      return {
        get text() {
          return state.text;
        },
        set text(value) {
          update('text', value);
        },
        get tooltip() {
          return state.tooltip;
        },
        set tooltip(value) {
          update('tooltip', value);
        },
        get command() {
          return state.command;
        },
        set command(value) {
          update('command', value);
        },
        get kind() {
          return state.kind;
        },
        set kind(value) {
          update('kind', value);
        },
        get visible() {
          return state.visible;
        },
        set visible(value) {
          update('visible', value);
        },
        dispose: () => removal.dispose(),
      };
    },
    entries() {
      return [...items.values()]
        .filter((item) => item.visible && item.text !== '' && !hidden.has(item.id))
        .sort((a, b) =>
          a.alignment === b.alignment ? b.priority - a.priority : a.alignment === 'left' ? -1 : 1,
        )
        .map(({ visible: _, ...entry }) => entry);
    },
    known: () => [...items.values()].map(({ id, name }) => ({ id, name, hidden: hidden.has(id) })),
    setHidden(id, isHidden) {
      if (hidden.has(id) === isHidden) return;
      if (isHidden) hidden.add(id);
      else hidden.delete(id);
      changed.fire();
    },
    onDidChange: changed.event,
    dispose: () => changed.dispose(),
  };
}
