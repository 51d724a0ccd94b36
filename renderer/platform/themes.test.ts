import { describe, expect, it } from 'vitest';
import { createThemeService, cssVariableOf } from './themes.ts';

/** Relative luminance and contrast by WCAG 2.2. */
function luminance(hex: string): number {
  const channel = (offset: number): number => {
    const value = Number.parseInt(hex.slice(offset, offset + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}
function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const PAIRS = [
  ['foreground', 'editor.background'],
  ['descriptionForeground', 'editor.background'],
  ['descriptionForeground', 'sideBar.background'],
  ['errorForeground', 'editor.background'],
  ['textLink.foreground', 'editor.background'],
  ['sideBar.foreground', 'sideBar.background'],
  ['sideBarTitle.foreground', 'sideBar.background'],
  ['titleBar.activeForeground', 'titleBar.activeBackground'],
  ['activityBar.inactiveForeground', 'activityBar.background'],
  ['activityBarBadge.foreground', 'activityBarBadge.background'],
  ['badge.foreground', 'badge.background'],
  ['tab.activeForeground', 'tab.activeBackground'],
  ['tab.inactiveForeground', 'tab.inactiveBackground'],
  ['panelTitle.inactiveForeground', 'panel.background'],
  ['statusBar.foreground', 'statusBar.background'],
  ['statusBarItem.prominentForeground', 'statusBarItem.prominentBackground'],
  ['statusBarItem.warningForeground', 'statusBarItem.warningBackground'],
  ['statusBarItem.errorForeground', 'statusBarItem.errorBackground'],
  ['list.activeSelectionForeground', 'list.activeSelectionBackground'],
  ['list.inactiveSelectionForeground', 'list.inactiveSelectionBackground'],
  ['list.highlightForeground', 'quickInput.background'],
  ['input.foreground', 'input.background'],
  ['input.placeholderForeground', 'input.background'],
  ['inputValidation.errorForeground', 'inputValidation.errorBackground'],
  ['button.foreground', 'button.background'],
  ['button.secondaryForeground', 'button.secondaryBackground'],
  ['quickInput.foreground', 'quickInput.background'],
  ['quickInputList.focusForeground', 'quickInputList.focusBackground'],
  ['pickerGroup.foreground', 'quickInput.background'],
  ['menu.foreground', 'menu.background'],
  ['menu.selectionForeground', 'menu.selectionBackground'],
  ['notifications.foreground', 'notifications.background'],
  ['editorHoverWidget.foreground', 'editorHoverWidget.background'],
  ['conclave.changedKeyForeground', 'conclave.changedKeyBackground'],
  ['conclave.verifiedForeground', 'sideBar.background'],
] as const;

describe('themes', () => {
  const service = createThemeService();
  it.each(['conclave-dark', 'conclave-light', 'conclave-hc-dark', 'conclave-hc-light'])(
    'text of %s has enough contrast',
    (theme) => {
      service.setPreference(theme);
      const needed = theme.includes('hc') ? 7 : 4.5;
      const weak = PAIRS.flatMap(([text, background]) => {
        const ratio = contrast(service.color(text) ?? '#000000', service.color(background) ?? '#000000');
        return ratio < needed ? [`${text} on ${background}: ${ratio.toFixed(2)}`] : [];
      });
      expect(weak).toEqual([]);
    },
  );

  it('follows the system until a theme is chosen', () => {
    const themes = createThemeService();
    const kinds: string[] = [];
    const subscription = themes.onDidChange(() => kinds.push(themes.current.kind));
    themes.setSystemAppearance({ dark: false, moreContrast: false });
    themes.setSystemAppearance({ dark: false, moreContrast: true });
    themes.setSystemAppearance({ dark: true, moreContrast: true });
    themes.setPreference('conclave-dark');
    themes.setSystemAppearance({ dark: false, moreContrast: false });
    themes.setPreference('a theme that is gone');
    expect(kinds).toEqual(['light', 'hcLight', 'hcDark', 'dark', 'light']);
    subscription.dispose();
    themes.dispose();
  });

  it('lets only plain colours of a theme into the style sheet', () => {
    const themes = createThemeService();
    const registration = themes.registerTheme({
      id: 'evil',
      label: 'Evil',
      kind: 'dark',
      colors: {
        foreground: 'red;} body { display: none } :root {',
        'editor.background': '{sideBar.background}',
        'sideBar.background': '#123456',
        focusBorder: '{focusBorder}',
      },
    });
    themes.setPreference('evil');
    expect(themes.cssText()).not.toContain('body');
    expect(themes.color('editor.background')).toBe('#123456');
    expect(themes.color('focusBorder')).toBeUndefined();
    registration.dispose();
    themes.dispose();
  });

  it('names variables as VS Code does', () => {
    expect(cssVariableOf('list.activeSelectionBackground')).toBe('--vscode-list-activeSelectionBackground');
  });
});
