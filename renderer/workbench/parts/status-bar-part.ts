import { css, html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import { listIndexAfterKey } from '../../base/focus.ts';
import { renderLabelWithIcons, stripIcons } from '../../base/icon.ts';
import { baseStyles } from '../../base/styles.ts';
import { localize } from '../../platform/nls.ts';
import type { StatusBarEntry } from '../../platform/status-bar.ts';
import type { Shell } from '../shell.ts';

/**
 * The status bar. Items are buttons when they have a command; arrow keys move between all of them.
 * @tag conclave-status-bar
 */
export class StatusBarElement extends WorkbenchElement {
  static override properties = { shell: { attribute: false }, focused: { state: true } };
  declare shell: Shell;
  declare private focused: string | undefined;

  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        /* However much stands in it, it must not make the window wider. */
        min-width: 0;
        overflow: hidden;
        height: 22px;
        background: var(--vscode-statusBar-background);
        color: var(--vscode-statusBar-foreground);
        border-top: 1px solid var(--vscode-statusBar-border);
        font-size: 12px;
      }
      .bar {
        display: flex;
        height: 100%;
        overflow: hidden;
      }
      .space {
        flex: 1 1 auto;
      }
      .item {
        display: inline-flex;
        align-items: center;
        gap: 4px;
        height: 100%;
        padding: 0 6px;
        white-space: nowrap;
        flex: 0 1 auto;
        min-width: 24px;
        overflow: hidden;
        text-overflow: ellipsis;
        font-variant-numeric: tabular-nums;
        cursor: default;
      }
      .item.command {
        cursor: pointer;
      }
      .item.command:hover {
        background: var(--vscode-statusBarItem-hoverBackground);
      }
      .item conclave-icon {
        font-size: 14px;
        width: 14px;
        height: 14px;
      }
      .warning {
        background: var(--vscode-statusBarItem-warningBackground);
        color: var(--vscode-statusBarItem-warningForeground);
      }
      .error {
        background: var(--vscode-statusBarItem-errorBackground);
        color: var(--vscode-statusBarItem-errorForeground);
      }
      .prominent {
        background: var(--vscode-statusBarItem-prominentBackground);
        color: var(--vscode-statusBarItem-prominentForeground);
      }
      .item:first-child {
        padding-left: 10px;
      }
      .item:last-child {
        padding-right: 10px;
      }
    `,
  ];

  constructor() {
    super();
    this.focused = undefined;
  }

  protected override connected(store: DisposableStore): void {
    store.add(this.shell.services.statusBar.onDidChange(() => this.requestUpdate()));
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('.item[tabindex="0"]')?.focus();
  }

  override render(): TemplateResult {
    const entries = this.shell.services.statusBar.entries();
    const left = entries.filter((entry) => entry.alignment === 'left');
    // Outermost first: on the right that is the last one in reading order.
    const right = entries.filter((entry) => entry.alignment === 'right').reverse();
    const order = [...left, ...right];
    const focused = order.some((entry) => entry.id === this.focused) ? this.focused : order[0]?.id;
    const item = (entry: StatusBarEntry): TemplateResult => {
      const name = entry.tooltip === '' ? `${entry.name}: ${stripIcons(entry.text)}` : entry.tooltip;
      return html`<button
        class="item ${entry.kind} ${entry.command === undefined ? '' : 'command'}"
        data-id=${entry.id}
        tabindex=${entry.id === focused ? '0' : '-1'}
        aria-label=${name}
        aria-disabled=${entry.command === undefined ? 'true' : nothing}
        data-tooltip=${name}
        @focus=${() => {
          this.focused = entry.id;
        }}
        @click=${() => {
          if (entry.command !== undefined) this.shell.run(entry.command);
        }}
      >
        ${renderLabelWithIcons(entry.text)}
      </button>`;
    };
    const byId = (entry: StatusBarEntry): string => entry.id;
    return html`<div
      class="bar"
      role="toolbar"
      aria-label=${localize('part.statusBar')}
      @keydown=${(event: KeyboardEvent) => {
        const index = order.findIndex((entry) => entry.id === focused);
        const next = listIndexAfterKey(event.key, index, order.length, {
          orientation: 'horizontal',
          wrap: true,
        });
        if (next === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        this.focused = order[next]?.id;
        void this.updateComplete.then(() => this.focus());
      }}
      @contextmenu=${(event: MouseEvent) => {
        event.preventDefault();
        this.shell.run('workbench.action.toggleStatusBarItem');
      }}
    >
      ${repeat(left, byId, item)}
      <span class="space"></span>
      ${repeat(right, byId, item)}
    </div>`;
  }
}
defineElement('conclave-status-bar', StatusBarElement);
