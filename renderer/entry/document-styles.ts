import type { ThemeService } from '../platform/themes.ts';
import type { Disposable } from '../../core/base/disposable.ts';

const css = `
:root {
  --conclave-font: system-ui, -apple-system, 'Segoe WPC', 'Segoe UI', 'Ubuntu', 'Droid Sans', 'Noto Sans', sans-serif;
  --conclave-monospace-font: ui-monospace, 'Cascadia Code', Menlo, Consolas, 'Noto Sans Mono', monospace;
  --vscode-font-family: var(--conclave-font);
  --vscode-font-size: 13px;
  --vscode-font-weight: normal;
  --vscode-editor-font-family: var(--conclave-monospace-font);
  --vscode-editor-font-size: 13px;
}
html, body { margin: 0; height: 100%; overflow: hidden; background: var(--vscode-editor-background); }
body { font: 13px/1.4 var(--conclave-font); color: var(--vscode-foreground); }
::selection { background: var(--vscode-selection-background); }
.conclave-live-region {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.conclave-dock { outline: none; }
.conclave-dock:focus-visible { box-shadow: inset 0 0 0 1px var(--vscode-focusBorder); }
.conclave-dock-empty {
  height: 100%; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 8px;
  padding: 16px; text-align: center; color: var(--vscode-descriptionForeground);
}
.conclave-startup-failure {
  max-width: 480px; margin: 20vh auto; padding: 16px; line-height: 1.5;
}
.reduce-motion, .reduce-motion * { transition: none !important; animation: none !important; }
`;

/** Puts the document's own rules and the theme's variables into constructed style sheets and keeps them right. */
export function connectDocumentStyles(themes: ThemeService): Disposable {
  const documentSheet = new CSSStyleSheet();
  documentSheet.replaceSync(css);
  const themeSheet = new CSSStyleSheet();
  const apply = (): void => {
    themeSheet.replaceSync(themes.cssText());
    document.documentElement.dataset['theme'] = themes.current.kind;
  };
  document.adoptedStyleSheets.push(documentSheet, themeSheet);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const contrast = matchMedia('(prefers-contrast: more)');
  const forced = matchMedia('(forced-colors: active)');
  const follow = (): void =>
    themes.setSystemAppearance({ dark: dark.matches, moreContrast: contrast.matches || forced.matches });
  for (const query of [dark, contrast, forced]) query.addEventListener('change', follow);
  const subscription = themes.onDidChange(apply);
  follow();
  apply();
  return {
    dispose() {
      subscription.dispose();
      for (const query of [dark, contrast, forced]) query.removeEventListener('change', follow);
    },
  };
}
