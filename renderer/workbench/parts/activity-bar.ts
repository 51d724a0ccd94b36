import { css, html, nothing, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import { listIndexAfterKey } from '../../base/focus.ts';
import '../../base/icon.ts';
import { baseStyles } from '../../base/styles.ts';
import { localize } from '../../platform/nls.ts';
import type { Shell } from '../shell.ts';
import { VIEW_DRAG_TYPE } from '../view-container.ts';

/**
 * The icons at the left edge: one per container of the primary side bar, and Manage at the bottom.
 * @tag conclave-activity-bar
 */
export class ActivityBarElement extends WorkbenchElement {
  static override properties = { shell: { attribute: false }, focused: { state: true } };
  declare shell: Shell;
  declare private focused: number;

  static override styles = [
    baseStyles,
    css`
      :host {
        display: flex;
        width: 48px;
        background: var(--vscode-activityBar-background);
        border-right: 1px solid var(--vscode-activityBar-border);
      }
      .bar {
        display: flex;
        flex-direction: column;
        width: 100%;
        min-height: 0;
      }
      .space {
        flex: 1 1 auto;
      }
      .item {
        position: relative;
        width: 100%;
        height: 48px;
        flex: 0 1 48px;
        min-height: 32px;
        display: flex;
        align-items: center;
        justify-content: center;
        color: var(--vscode-activityBar-inactiveForeground);
      }
      .item conclave-icon {
        font-size: 24px;
        width: 24px;
        height: 24px;
      }
      .item:hover,
      .item[aria-selected='true'],
      .item:focus-visible {
        color: var(--vscode-activityBar-foreground);
      }
      .item[aria-selected='true']::before {
        content: '';
        position: absolute;
        left: 0;
        top: 0;
        bottom: 0;
        border-left: 2px solid var(--vscode-activityBar-activeBorder);
      }
      .badge {
        position: absolute;
        right: 6px;
        bottom: 8px;
        min-width: 16px;
        height: 16px;
        padding: 0 4px;
        border-radius: 8px;
        font: 600 9px/16px var(--conclave-font);
        text-align: center;
        background: var(--vscode-activityBarBadge-background);
        color: var(--vscode-activityBarBadge-foreground);
        border: 1px solid var(--vscode-contrastBorder, transparent);
        line-height: 14px;
      }
      @media (forced-colors: active) {
        .item[aria-selected='true']::before {
          border-left-color: Highlight;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.focused = 0;
  }

  protected override connected(store: DisposableStore): void {
    const update = (): void => this.requestUpdate();
    const { viewModel, viewRegistry, contextKeys } = this.shell.services;
    store.add(this.shell.layoutModel.onDidChange(update));
    store.add(viewModel.onDidChange(update));
    store.add(viewRegistry.onDidChangeBadge(update));
    store.add(contextKeys.onDidChange(update));
  }

  override focus(): void {
    this.renderRoot.querySelectorAll<HTMLElement>('.item')[this.focused]?.focus();
  }

  override render(): TemplateResult {
    const { viewModel, viewRegistry } = this.shell.services;
    const { layoutModel } = this.shell;
    const containers = viewModel.containersAt('primary');
    const active = layoutModel.data.active.primary ?? containers[0]?.id;
    const count = containers.length + 1;
    const focused = Math.min(this.focused, count - 1);
    return html`<nav
      class="bar"
      aria-label=${localize('part.activityBar')}
      @keydown=${(event: KeyboardEvent) => {
        const next = listIndexAfterKey(event.key, focused, count, { orientation: 'vertical' });
        if (next === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        this.focused = next;
        void this.updateComplete.then(() => this.focus());
      }}
      @contextmenu=${(event: MouseEvent) => {
        event.preventDefault();
        void this.shell.showMenu(
          'activityBar/context',
          { x: event.clientX, y: event.clientY },
          localize('part.activityBar'),
        );
      }}
    >
      <div role="tablist" aria-orientation="vertical" aria-label=${localize('part.activityBar')}>
        ${containers.map((container, index) => {
          const badges = viewModel.viewsIn(container.id).flatMap((view) => viewRegistry.badge(view.id) ?? []);
          const total = badges.reduce((sum, badge) => sum + badge.count, 0);
          const isActive = container.id === active && layoutModel.isVisible('primary');
          const name = [container.title, ...badges.map((badge) => badge.tooltip)].join(', ');
          return html`<button
            class="item"
            role="tab"
            aria-selected=${String(isActive)}
            aria-label=${name}
            data-tooltip=${name}
            tabindex=${index === focused ? '0' : '-1'}
            @focus=${() => {
              this.focused = index;
            }}
            @click=${() => {
              if (isActive) layoutModel.setVisible('primary', false);
              else void this.shell.views.focusContainer(container.id);
            }}
            @dragover=${(event: DragEvent) => {
              if (event.dataTransfer?.types.includes(VIEW_DRAG_TYPE)) event.preventDefault();
            }}
            @drop=${(event: DragEvent) => {
              const id = event.dataTransfer?.getData(VIEW_DRAG_TYPE);
              if (id) viewModel.moveView(id, container.id);
            }}
          >
            <conclave-icon name=${container.icon}></conclave-icon>
            ${
              total > 0
                ? html`<span class="badge" aria-hidden="true">${total > 99 ? '99+' : total}</span>`
                : nothing
            }
          </button>`;
        })}
      </div>
      <div class="space"></div>
      <button
        class="item"
        aria-label=${localize('command.manage')}
        aria-haspopup="menu"
        data-tooltip=${localize('command.manage')}
        tabindex=${focused === count - 1 ? '0' : '-1'}
        @focus=${() => {
          this.focused = count - 1;
        }}
        @click=${(event: MouseEvent) => {
          const box = (event.currentTarget as Element).getBoundingClientRect();
          void this.shell.showMenu(
            'activityBar/manage',
            { x: box.right, y: box.top },
            localize('command.manage'),
          );
        }}
      >
        <conclave-icon name="settings-gear"></conclave-icon>
      </button>
    </nav>`;
  }
}
defineElement('conclave-activity-bar', ActivityBarElement);
