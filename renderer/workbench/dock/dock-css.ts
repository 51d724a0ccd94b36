import dockviewCss from 'dockview/dist/styles/dockview.css' with { type: 'text' };

/** Our theme for the library: its variables set from the colours of the workbench. */
const themeCss = `
.dockview-theme-conclave {
  --dv-paneview-active-outline-color: var(--vscode-focusBorder);
  --dv-tabs-and-actions-container-font-size: 13px;
  --dv-tabs-and-actions-container-height: 35px;
  --dv-drag-over-background-color: var(--vscode-editorGroup-dropBackground);
  --dv-drag-over-border-color: var(--vscode-focusBorder);
  --dv-tabs-container-scrollbar-color: var(--vscode-scrollbarSlider-background);
  --dv-group-view-background-color: var(--vscode-editor-background);
  --dv-tabs-and-actions-container-background-color: var(--vscode-editorGroupHeader-tabsBackground);
  --dv-activegroup-visiblepanel-tab-background-color: var(--vscode-tab-activeBackground);
  --dv-activegroup-hiddenpanel-tab-background-color: var(--vscode-tab-inactiveBackground);
  --dv-inactivegroup-visiblepanel-tab-background-color: var(--vscode-tab-activeBackground);
  --dv-inactivegroup-hiddenpanel-tab-background-color: var(--vscode-tab-inactiveBackground);
  --dv-tab-divider-color: var(--vscode-tab-border);
  --dv-activegroup-visiblepanel-tab-color: var(--vscode-tab-activeForeground);
  --dv-activegroup-hiddenpanel-tab-color: var(--vscode-tab-inactiveForeground);
  --dv-inactivegroup-visiblepanel-tab-color: var(--vscode-tab-inactiveForeground);
  --dv-inactivegroup-hiddenpanel-tab-color: var(--vscode-tab-inactiveForeground);
  --dv-separator-border: var(--vscode-editorGroup-border);
  --dv-paneview-header-border-color: var(--vscode-editorGroup-border);
  --dv-icon-hover-background-color: var(--vscode-toolbar-hoverBackground);
  --dv-active-sash-color: var(--vscode-sash-hoverBorder);
  --dv-active-sash-transition-duration: 0.1s;
  --dv-active-sash-transition-delay: 0.2s;
  --dv-floating-box-shadow: 0 4px 12px var(--vscode-widget-shadow, transparent);
}
.dockview-theme-conclave .dv-tab {
  padding: 0;
  height: 100%;
  border-top: 1px solid transparent;
}
.dockview-theme-conclave .dv-active-group .dv-tab.dv-active-tab {
  border-top-color: var(--vscode-tab-activeBorderTop);
}
.dockview-theme-conclave .dv-tab:focus-visible {
  outline: 1px solid var(--vscode-focusBorder);
  outline-offset: -2px;
}
.conclave-tab {
  display: flex;
  align-items: center;
  gap: 6px;
  height: 100%;
  padding: 0 4px 0 10px;
  max-width: 240px;
  font-size: 13px;
  cursor: pointer;
}
.conclave-tab:hover { background: var(--vscode-tab-hoverBackground, transparent); }
.conclave-tab-title { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.conclave-tab-close {
  display: inline-flex; align-items: center; justify-content: center;
  width: 20px; height: 20px; padding: 0; border: none; border-radius: 5px;
  background: none; color: inherit; cursor: pointer; visibility: hidden;
}
.dv-tab.dv-active-tab .conclave-tab-close, .dv-tab:hover .conclave-tab-close, .conclave-tab-close:focus-visible {
  visibility: visible;
}
.conclave-tab-close:hover { background: var(--vscode-toolbar-hoverBackground); }
.conclave-tab-content { width: 100%; height: 100%; overflow: hidden; }
@media (prefers-reduced-motion: reduce) {
  .dockview-theme-conclave * { transition: none !important; animation: none !important; }
}
@media (forced-colors: active) {
  .dockview-theme-conclave .dv-tab.dv-active-tab { border-top: 2px solid Highlight; }
}
`;

let adopted = false;

/** Puts the dock's rules into the document, once. */
export function adoptDockStyles(): void {
  if (adopted) return;
  adopted = true;
  const sheets = [dockviewCss, themeCss].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  document.adoptedStyleSheets.push(...sheets);
}
