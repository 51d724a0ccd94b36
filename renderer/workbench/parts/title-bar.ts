import { css, html, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import '../../base/icon.ts';
import { baseStyles, iconButtonStyles } from '../../base/styles.ts';
import { localize } from '../../platform/nls.ts';
import type { Shell } from '../shell.ts';

/**
 * The title bar: where this window is connected, the command centre, and the toggles of the parts. In a window
 * without a system title bar it is what the window is dragged by.
 * @tag conclave-title-bar
 */
export class TitleBarElement extends WorkbenchElement {
  static override properties = { shell: { attribute: false }, serverName: { type: String } };
  declare shell: Shell;
  declare serverName: string;

  static override styles = [
    baseStyles,
    iconButtonStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: 1fr minmax(120px, 480px) 1fr;
        align-items: center;
        gap: 8px;
        height: 35px;
        padding: 0 8px 0 12px;
        padding-left: max(12px, env(titlebar-area-x, 0px));
        background: var(--vscode-titleBar-activeBackground);
        color: var(--vscode-titleBar-activeForeground);
        border-bottom: 1px solid var(--vscode-titleBar-border);
        -webkit-app-region: drag;
      }
      button {
        -webkit-app-region: no-drag;
      }
      .center {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 6px;
        height: 24px;
        width: 100%;
        padding: 0 8px;
        border-radius: 6px;
        background: var(--vscode-commandCenter-background);
        border: 1px solid var(--vscode-commandCenter-border);
        font-size: 12px;
      }
      .center:hover {
        background: var(--vscode-toolbar-hoverBackground);
      }
      .center conclave-icon {
        font-size: 14px;
      }
      .toggles {
        display: flex;
        justify-content: flex-end;
        gap: 2px;
      }
    `,
  ];

  constructor() {
    super();
    this.serverName = '';
  }

  protected override connected(store: DisposableStore): void {
    store.add(this.shell.layoutModel.onDidChange(() => this.requestUpdate()));
    store.add(this.shell.services.keybindings.onDidChange(() => this.requestUpdate()));
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('.center')?.focus();
  }

  override render(): TemplateResult {
    const { layoutModel } = this.shell;
    const title =
      this.serverName === '' ? localize('app.name') : localize('titleBar.title', { server: this.serverName });
    const search = this.shell.tooltipOf('workbench.action.quickOpen');
    const toggle = (
      part: 'primary' | 'panel' | 'secondary',
      command: string,
      icons: readonly [string, string],
    ) => {
      const on = layoutModel.isVisible(part);
      const label = this.shell.tooltipOf(command);
      return html`<button
        class="icon-button"
        aria-label=${label}
        aria-pressed=${String(on)}
        data-tooltip=${label}
        @click=${() => this.shell.run(command)}
      >
        <conclave-icon name=${on ? icons[0] : icons[1]}></conclave-icon>
      </button>`;
    };
    return html`<span class="ellipsis" data-tooltip=${title}>${title}</span>
      <button
        class="center"
        aria-label=${search}
        data-tooltip=${search}
        @click=${() => this.shell.run('workbench.action.quickOpen')}
      >
        <conclave-icon name="search"></conclave-icon>
        <span class="ellipsis">${localize('titleBar.search')}</span>
      </button>
      <span class="toggles" role="toolbar" aria-label=${localize('category.view')}>
        ${toggle('primary', 'workbench.action.toggleSideBar', ['layout-sidebar-left', 'layout-sidebar-left-off'])}
        ${toggle('panel', 'workbench.action.togglePanel', ['layout-panel', 'layout-panel-off'])}
        ${
          layoutModel.narrow
            ? ''
            : toggle('secondary', 'workbench.action.toggleSecondarySideBar', [
                'layout-sidebar-right',
                'layout-sidebar-right-off',
              ])
        }
      </span>`;
  }
}
defineElement('conclave-title-bar', TitleBarElement);
