import { boolean, nullable, number, object, parse, string, type Infer } from '../../core/base/schema.ts';
import type { Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { HideablePart, Part } from '../platform/layout.ts';
import type { ContainerLocation } from '../platform/views.ts';

/** Below this width (CSS px) the secondary side bar folds into the panel. */
export const NARROW_WIDTH = 1000;

const size = number({ min: 0, max: 10_000 });
const part = object({ visible: boolean, size });
const activeId = nullable(string({ min: 1, max: 128 }));
const layoutSchema = object({
  activityBar: boolean,
  statusBar: boolean,
  primary: part,
  secondary: part,
  panel: part,
  narrowPanel: boolean,
  active: object({ primary: activeId, secondary: activeId, panel: activeId }),
});

/** Visibility and sizes of the parts, and the open container of each location. Stored as it is. */
export type LayoutData = Infer<typeof layoutSchema>;

/** What a new window looks like. */
export const DEFAULT_LAYOUT: LayoutData = {
  activityBar: true,
  statusBar: true,
  primary: { visible: true, size: 264 },
  secondary: { visible: true, size: 272 },
  panel: { visible: false, size: 220 },
  narrowPanel: true,
  active: { primary: null, secondary: null, panel: null },
};

/** Sizes a part may have; the dock keeps what is left. */
export const SIZE_LIMITS = { primary: [170, 640], secondary: [200, 640], panel: [96, 800] } as const;

const DOCK_MINIMUM = 240;
const ACTIVITY_BAR_WIDTH = 48;
const BARS_HEIGHT = 35 + 22;
const LOW_HEIGHT = 640;

/** Makes the sizes fit the window: the dock never gets less than its minimum while a part could shrink. */
export function fitSizes(
  data: LayoutData,
  window: { readonly width: number; readonly height: number },
  shown: { readonly primary: boolean; readonly secondary: boolean },
): { readonly primary: number; readonly secondary: number; readonly panel: number } {
  const clamp = (value: number, [min, max]: readonly [number, number]): number =>
    Math.min(Math.max(value, min), max);
  let primary = clamp(data.primary.size, SIZE_LIMITS.primary);
  let secondary = clamp(data.secondary.size, SIZE_LIMITS.secondary);
  const used =
    (data.activityBar ? ACTIVITY_BAR_WIDTH : 0) +
    (shown.primary ? primary : 0) +
    (shown.secondary ? secondary : 0);
  let excess = used + DOCK_MINIMUM - window.width;
  if (excess > 0 && shown.secondary) {
    const less = Math.min(excess, secondary - SIZE_LIMITS.secondary[0]);
    secondary -= less;
    excess -= less;
  }
  if (excess > 0 && shown.primary) primary -= Math.min(excess, primary - SIZE_LIMITS.primary[0]);
  // In a low window the tabs keep more than half.
  const share = window.height < LOW_HEIGHT ? 0.38 : 0.7;
  const panelMaximum = Math.max(SIZE_LIMITS.panel[0], Math.floor((window.height - BARS_HEIGHT) * share));
  return { primary, secondary, panel: clamp(data.panel.size, [SIZE_LIMITS.panel[0], panelMaximum]) };
}

/** The layout of the window as data. */
export interface LayoutModel extends Disposable {
  readonly data: LayoutData;
  /** The window is too narrow for the secondary side bar; the panel shows its containers. */
  narrow: boolean;
  isVisible(part: Part): boolean;
  setVisible(part: HideablePart, visible: boolean): void;
  setSize(part: 'primary' | 'secondary' | 'panel', size: number): void;
  setActive(location: ContainerLocation, containerId: string | null): void;
  /** The location whose part shows containers of `location` now: the panel for folded ones. */
  shownAt(location: ContainerLocation): ContainerLocation;
  reset(): void;
  /** Takes a stored layout. @returns false when it is not one; nothing changes then. */
  restore(saved: unknown): boolean;
  readonly onDidChange: Event<void>;
}

/** Makes a model with the default layout. */
export function createLayoutModel(): LayoutModel {
  let data = DEFAULT_LAYOUT;
  let narrow = false;
  const changed = createEmitter<void>();
  const set = (next: LayoutData): void => {
    data = next;
    changed.fire();
  };
  return {
    get data() {
      return data;
    },
    get narrow() {
      return narrow;
    },
    set narrow(value) {
      if (narrow === value) return;
      narrow = value;
      changed.fire();
    },
    isVisible(name) {
      switch (name) {
        case 'titleBar':
        case 'editor':
          return true;
        case 'activityBar':
        case 'statusBar':
          return data[name];
        case 'primary':
          return data.primary.visible;
        case 'secondary':
          return !narrow && data.secondary.visible;
        case 'panel':
          return narrow ? data.narrowPanel : data.panel.visible;
      }
    },
    setVisible(name, visible) {
      if (name === 'activityBar' || name === 'statusBar') set({ ...data, [name]: visible });
      // A narrow window has one place for both, with a visibility of its own, so that the wide one keeps its.
      else if (narrow && name !== 'primary') set({ ...data, narrowPanel: visible });
      else set({ ...data, [name]: { ...data[name], visible } });
    },
    setSize(name, next) {
      const [min, max] = SIZE_LIMITS[name];
      set({ ...data, [name]: { ...data[name], size: Math.min(Math.max(Math.round(next), min), max) } });
    },
    setActive(location, containerId) {
      if (data.active[location] === containerId) return;
      set({ ...data, active: { ...data.active, [location]: containerId } });
    },
    shownAt: (location) => (narrow && location === 'secondary' ? 'panel' : location),
    reset: () => set(DEFAULT_LAYOUT),
    restore(saved) {
      const parsed = parse(layoutSchema, saved);
      if (parsed.ok) set(parsed.value);
      return parsed.ok;
    },
    onDidChange: changed.event,
    dispose: () => changed.dispose(),
  };
}
