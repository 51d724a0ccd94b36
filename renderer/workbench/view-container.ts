import { css, html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { DisposableStore } from '../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../base/element.ts';
import '../base/icon.ts';
import { styleProperties } from '../base/style-properties.ts';
import { baseStyles, iconButtonStyles } from '../base/styles.ts';
import { localize } from '../platform/nls.ts';
import type { ViewDescriptor } from '../platform/views.ts';
import type { Shell } from './shell.ts';
import './view-body.ts';
import type { ViewBodyElement } from './view-body.ts';

/** The type under which a dragged view's id travels. */
export const VIEW_DRAG_TYPE = 'application/x-conclave-view';

/**
 * A view container: its views stacked (side by side in the panel), each with a header that folds it. A container
 * with one view shows that view under the container's own title.
 * @tag conclave-view-container
 */
export class ViewContainerElement extends WorkbenchElement {
  static override properties = {
    shell: { attribute: false },
    containerId: { type: String },
    visible: { type: Boolean },
    horizontal: { type: Boolean, reflect: true },
    titled: { type: Boolean },
  };
  declare shell: Shell;
  declare containerId: string;
  declare visible: boolean;
  /** Views side by side, for the panel. */
  declare horizontal: boolean;
  /** Shows the container's own title bar. */
  declare titled: boolean;

  static override styles = [
    baseStyles,
    iconButtonStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-width: 0;
        min-height: 0;
        flex: 1 1 auto;
      }
      .title {
        display: flex;
        align-items: center;
        height: 35px;
        flex: none;
        padding: 0 8px 0 20px;
        color: var(--vscode-sideBarTitle-foreground);
      }
      h2,
      h3 {
        margin: 0;
        font-size: 11px;
        font-weight: 400;
        text-transform: uppercase;
        flex: 1 1 auto;
      }
      h3 {
        font-weight: 700;
      }
      .views {
        flex: 1 1 auto;
        display: flex;
        flex-direction: column;
        min-height: 0;
        min-width: 0;
        overflow-y: auto;
      }
      :host([horizontal]) .views {
        flex-direction: row;
        overflow: hidden;
      }
      section {
        display: flex;
        flex-direction: column;
        min-height: 22px;
        min-width: 0;
      }
      section.open {
        min-height: 96px;
      }
      :host([horizontal]) section {
        min-width: 120px;
        min-height: 0;
      }
      :host([horizontal]) section + section {
        border-left: 1px solid var(--vscode-panel-border);
      }
      .header {
        display: flex;
        align-items: center;
        height: 22px;
        flex: none;
        padding-right: 8px;
        background: var(--vscode-sideBarSectionHeader-background);
        color: var(--vscode-sideBarSectionHeader-foreground);
        border-top: 1px solid var(--vscode-sideBarSectionHeader-border);
      }
      section:first-child .header {
        border-top-color: transparent;
      }
      .fold {
        display: flex;
        align-items: center;
        gap: 2px;
        flex: 1 1 auto;
        min-width: 0;
        height: 100%;
        text-align: left;
      }
      .badge {
        min-width: 18px;
        padding: 1px 5px;
        border-radius: 10px;
        font-size: 11px;
        line-height: 14px;
        text-align: center;
        background: var(--vscode-badge-background);
        color: var(--vscode-badge-foreground);
        border: 1px solid var(--vscode-contrastBorder, transparent);
      }
      .actions {
        display: flex;
        flex: none;
      }
      .header .actions {
        visibility: hidden;
      }
      section:hover .header .actions,
      section:focus-within .header .actions {
        visibility: visible;
      }
      conclave-view-body {
        flex: 1 1 auto;
      }
      .dropping {
        background: var(--vscode-list-dropBackground);
      }
    `,
  ];

  constructor() {
    super();
    this.containerId = '';
    this.visible = false;
    this.horizontal = false;
    this.titled = false;
  }

  protected override connected(store: DisposableStore): void {
    const { viewModel, viewRegistry, contextKeys, menus } = this.shell.services;
    const update = (): void => this.requestUpdate();
    store.add(viewModel.onDidChange(update));
    store.add(viewRegistry.onDidChangeBadge(update));
    store.add(contextKeys.onDidChange(update));
    store.add(menus.onDidChange(update));
  }

  /** Moves the focus into a view, or into the first one. */
  focusView(viewId?: string): void {
    void this.updateComplete.then(() => {
      const bodies = [...this.renderRoot.querySelectorAll<ViewBodyElement>('conclave-view-body')];
      const body = viewId === undefined ? bodies[0] : bodies.find((candidate) => candidate.viewId === viewId);
      if (body) body.focus();
      else this.renderRoot.querySelector<HTMLElement>('.fold')?.focus();
    });
  }

  #renderActions(view: ViewDescriptor): TemplateResult {
    const overlay = { view: view.id };
    const groups = this.shell.services.menus.resolve('view/title', overlay);
    const navigation = groups.flat().filter((item) => item.group === 'navigation');
    return html`<span
      class="actions"
      role="toolbar"
      aria-label=${localize('view.actions', { view: view.title })}
    >
      ${navigation.map(
        (item) =>
          html`<button
            class="icon-button"
            aria-label=${item.title}
            aria-disabled=${item.enabled ? nothing : 'true'}
            data-tooltip=${item.title}
            @click=${() => item.enabled && this.shell.run(item.command, ...item.args)}
          >
            <conclave-icon name=${item.icon ?? 'circle-small'}></conclave-icon>
          </button>`,
      )}
      <button
        class="icon-button"
        aria-label=${localize('view.moreActions', { view: view.title })}
        aria-haspopup="menu"
        data-tooltip=${localize('view.moreActions', { view: view.title })}
        @click=${(event: MouseEvent) =>
          void this.shell.showMenu(
            'view/title',
            event.currentTarget as Element,
            view.title,
            { ...overlay, menuWithoutNavigation: true },
            [],
          )}
      >
        <conclave-icon name="ellipsis"></conclave-icon>
      </button>
    </span>`;
  }

  #drag(view: ViewDescriptor) {
    return (event: DragEvent): void => {
      event.dataTransfer?.setData(VIEW_DRAG_TYPE, view.id);
      event.stopPropagation();
    };
  }

  override render(): TemplateResult {
    const { viewModel, viewRegistry } = this.shell.services;
    const container = viewRegistry.container(this.containerId);
    const views = viewModel.viewsIn(this.containerId);
    const only = views.length === 1 ? views[0] : undefined;
    return html`
      ${
        this.titled
          ? html`<div
              class="title"
              draggable=${only ? 'true' : 'false'}
              @dragstart=${only ? this.#drag(only) : nothing}
            >
              <h2 class="ellipsis" data-tooltip=${only?.title ?? container?.title ?? ''}>
                ${only?.title ?? container?.title ?? ''}
              </h2>
              ${only ? this.#renderActions(only) : nothing}
            </div>`
          : nothing
      }
      <div
        class="views"
        @dragover=${(event: DragEvent) => {
          if (event.dataTransfer?.types.includes(VIEW_DRAG_TYPE)) event.preventDefault();
        }}
        @drop=${(event: DragEvent) => {
          const id = event.dataTransfer?.getData(VIEW_DRAG_TYPE);
          if (id) viewModel.moveView(id, this.containerId);
        }}
      >
        ${repeat(
          views,
          (view) => view.id,
          (view) => {
            const collapsed = !only && !this.horizontal && viewModel.isCollapsed(view.id);
            const badge = viewRegistry.badge(view.id);
            const showHeader = !only || (this.horizontal && !only);
            return html`<section
              class=${collapsed ? '' : 'open'}
              aria-label=${view.title}
              ${styleProperties({ flex: collapsed ? '0 0 22px' : `${view.weight ?? 1} 1 0` })}
            >
              ${
                showHeader
                  ? html`<div class="header" draggable="true" @dragstart=${this.#drag(view)}>
                      <button
                        class="fold"
                        aria-expanded=${String(!collapsed)}
                        ?disabled=${this.horizontal}
                        @click=${() => viewModel.setCollapsed(view.id, !collapsed)}
                      >
                        <conclave-icon name=${collapsed ? 'chevron-right' : 'chevron-down'}></conclave-icon>
                        <h3 class="ellipsis" data-tooltip=${view.title}>${view.title}</h3>
                        ${
                          badge
                            ? html`<span
                                class="badge"
                                data-tooltip=${badge.tooltip}
                                aria-label=${badge.tooltip}
                                >${badge.count}</span
                              >`
                            : nothing
                        }
                      </button>
                      ${collapsed ? nothing : this.#renderActions(view)}
                    </div>`
                  : nothing
              }
              <conclave-view-body
                ?hidden=${collapsed}
                .shell=${this.shell}
                .viewId=${view.id}
                .visible=${this.visible && !collapsed}
              ></conclave-view-body>
            </section>`;
          },
        )}
      </div>
    `;
  }
}
defineElement('conclave-view-container', ViewContainerElement);
