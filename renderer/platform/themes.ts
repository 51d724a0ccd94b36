import { toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import { coreColors } from './core-colors.ts';

/** The four kinds of theme a colour needs a default for. */
export type ThemeKind = 'dark' | 'light' | 'hcDark' | 'hcLight';

/** A colour: `#rrggbb`, `#rrggbbaa`, or the id of another colour in braces: `{editor.background}`. */
export type ColorValue = string;

/** A named colour with its default in every kind of theme; null means not drawn. */
export interface ColorDescriptor {
  readonly id: string;
  readonly description: string;
  readonly defaults: Readonly<Record<ThemeKind, ColorValue | null>>;
}

/** A theme: a kind and the colours that differ from that kind's defaults. */
export interface ThemeDescriptor {
  readonly id: string;
  readonly label: string;
  readonly kind: ThemeKind;
  readonly colors: Readonly<Record<string, ColorValue>>;
}

/** What the system asks for. */
export interface SystemAppearance {
  readonly dark: boolean;
  readonly moreContrast: boolean;
}

/** Colours and themes. */
export interface ThemeService extends Disposable {
  /** @throws Error on a duplicate id. */
  registerColor(color: ColorDescriptor): Disposable;
  registerTheme(theme: ThemeDescriptor): Disposable;
  themes(): readonly ThemeDescriptor[];
  colors(): readonly ColorDescriptor[];
  /** The setting: a theme id, or `auto` to follow the system. */
  setPreference(preference: string): void;
  setSystemAppearance(appearance: SystemAppearance): void;
  readonly current: ThemeDescriptor;
  /** The value of a colour in the current theme, references followed; undefined when not drawn. */
  color(id: string): string | undefined;
  /** `:root` rules with one `--vscode-*` variable per colour, for one adopted style sheet. */
  cssText(): string;
  readonly onDidChange: Event<void>;
}

/** `editor.background` is `--vscode-editor-background`, as in VS Code's webviews and vscode-elements. */
export function cssVariableOf(colorId: string): string {
  return `--vscode-${colorId.replaceAll('.', '-')}`;
}

const COLOR_PATTERN = /^#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$/;

const BUILT_IN: readonly ThemeDescriptor[] = [
  { id: 'conclave-dark', label: 'Conclave dark', kind: 'dark', colors: {} },
  { id: 'conclave-light', label: 'Conclave light', kind: 'light', colors: {} },
  { id: 'conclave-hc-dark', label: 'High contrast dark', kind: 'hcDark', colors: {} },
  { id: 'conclave-hc-light', label: 'High contrast light', kind: 'hcLight', colors: {} },
];

/** Makes a service with the core colours and the four built-in themes. */
export function createThemeService(): ThemeService {
  const colors = new Map<string, ColorDescriptor>(coreColors.map((color) => [color.id, color]));
  const themes = new Map<string, ThemeDescriptor>(BUILT_IN.map((theme) => [theme.id, theme]));
  const changed = createEmitter<void>();
  let preference = 'auto';
  let appearance: SystemAppearance = { dark: true, moreContrast: false };
  const current = (): ThemeDescriptor => {
    const chosen = themes.get(preference);
    if (chosen) return chosen;
    const kind: ThemeKind = appearance.moreContrast
      ? appearance.dark
        ? 'hcDark'
        : 'hcLight'
      : appearance.dark
        ? 'dark'
        : 'light';
    return BUILT_IN.find((theme) => theme.kind === kind) as ThemeDescriptor;
  };
  const color = (id: string, depth = 0): string | undefined => {
    const theme = current();
    const value = theme.colors[id] ?? colors.get(id)?.defaults[theme.kind] ?? undefined;
    if (value === undefined) return undefined;
    const reference = /^\{([^}]+)\}$/.exec(value);
    if (reference) return depth < 8 ? color(reference[1] as string, depth + 1) : undefined;
    // A theme comes from an extension: only plain colours reach the style sheet.
    return COLOR_PATTERN.test(value) ? value : undefined;
  };
  return {
    registerColor(descriptor) {
      if (colors.has(descriptor.id)) throw new Error(`The colour "${descriptor.id}" is registered already`);
      if (!/^[A-Za-z][A-Za-z0-9.]*$/.test(descriptor.id))
        throw new Error(`"${descriptor.id}" is not a colour id`);
      colors.set(descriptor.id, descriptor);
      changed.fire();
      return toDisposable(() => {
        colors.delete(descriptor.id);
        changed.fire();
      });
    },
    registerTheme(theme) {
      if (themes.has(theme.id)) throw new Error(`The theme "${theme.id}" is registered already`);
      themes.set(theme.id, theme);
      changed.fire();
      return toDisposable(() => {
        themes.delete(theme.id);
        changed.fire();
      });
    },
    themes: () => [...themes.values()],
    colors: () => [...colors.values()],
    setPreference(next) {
      if (next === preference) return;
      preference = next;
      changed.fire();
    },
    setSystemAppearance(next) {
      const before = current().id;
      appearance = next;
      if (current().id !== before) changed.fire();
    },
    get current() {
      return current();
    },
    color: (id) => color(id),
    cssText() {
      const theme = current();
      const lines = [...colors.keys()].flatMap((id) => {
        const value = color(id);
        return value === undefined ? [] : [`${cssVariableOf(id)}:${value};`];
      });
      const scheme = theme.kind === 'dark' || theme.kind === 'hcDark' ? 'dark' : 'light';
      return `:root{color-scheme:${scheme};${lines.join('')}}`;
    },
    onDidChange: changed.event,
    dispose: () => changed.dispose(),
  };
}
