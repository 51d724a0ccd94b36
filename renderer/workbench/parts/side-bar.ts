import { css, html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import { listIndexAfterKey } from '../../base/focus.ts';
import '../../base/icon.ts';
import { baseStyles, iconButtonStyles, textButtonStyles } from '../../base/styles.ts';
import { localize } from '../../platform/nls.ts';
import type { ContainerLocation, ViewContainerDescriptor } from '../../platform/views.ts';
import type { Shell } from '../shell.ts';
import { VIEW_DRAG_TYPE, type ViewContainerElement } from '../view-container.ts';

/**
 * A part that shows view containers, one at a time. With `tabs` it has a bar to choose between them; the primary
 * side bar leaves that to the activity bar. Containers stay alive while hidden, so that scroll positions and
 * typed text survive.
 * @tag conclave-side-bar
 */
export class SideBarElement extends WorkbenchElement {
  static override properties = {
    shell: { attribute: false },
    location: { type: String, reflect: true },
    visible: { type: Boolean },
  };
  declare shell: Shell;
  declare location: ContainerLocation;
  declare visible: boolean;
  readonly #opened = new Set<string>();

  static override styles = [
    baseStyles,
    iconButtonStyles,
    textButtonStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-width: 0;
        min-height: 0;
        background: var(--vscode-sideBar-background);
        color: var(--vscode-sideBar-foreground);
      }
      :host([location='panel']) {
        background: var(--vscode-panel-background);
      }
      .bar {
        display: flex;
        align-items: center;
        height: 35px;
        flex: none;
        padding: 0 8px;
      }
      .tabs {
        display: flex;
        flex: 1 1 auto;
        min-width: 0;
        height: 100%;
        overflow: hidden;
      }
      .tab {
        padding: 0 10px;
        font-size: 11px;
        text-transform: uppercase;
        color: var(--vscode-panelTitle-inactiveForeground);
        border-bottom: 1px solid transparent;
        display: flex;
        align-items: center;
        gap: 6px;
        min-width: 0;
      }
      .tab[aria-selected='true'] {
        color: var(--vscode-panelTitle-activeForeground);
        border-bottom-color: var(--vscode-panelTitle-activeBorder);
      }
      .tab:hover {
        color: var(--vscode-panelTitle-activeForeground);
      }
      .badge {
        min-width: 18px;
        padding: 1px 5px;
        border-radius: 10px;
        line-height: 14px;
        text-align: center;
        background: var(--vscode-badge-background);
        color: var(--vscode-badge-foreground);
      }
      .empty {
        display: flex;
        flex-direction: column;
        align-items: flex-start;
        gap: 8px;
        padding: 8px 18px;
        color: var(--vscode-descriptionForeground);
      }
      @media (forced-colors: active) {
        .tab[aria-selected='true'] {
          border-bottom-color: Highlight;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.location = 'primary';
    this.visible = false;
  }

  protected override connected(store: DisposableStore): void {
    const update = (): void => this.requestUpdate();
    const { viewModel, viewRegistry, contextKeys } = this.shell.services;
    store.add(this.shell.layoutModel.onDidChange(update));
    store.add(viewModel.onDidChange(update));
    store.add(viewRegistry.onDidChangeBadge(update));
    store.add(contextKeys.onDidChange(update));
  }

  /** Containers shown here now. */
  containers(): readonly ViewContainerDescriptor[] {
    const { viewModel } = this.shell.services;
    return (['primary', 'secondary', 'panel'] as const)
      .filter((location) => this.shell.layoutModel.shownAt(location) === this.location)
      .sort((a, b) => Number(b === this.location) - Number(a === this.location))
      .flatMap((location) => viewModel.containersAt(location));
  }

  /** The open container, falling back to the first one. */
  activeContainer(): string | undefined {
    const containers = this.containers();
    const { active } = this.shell.layoutModel.data;
    const wanted = active[this.location];
    return (containers.find((container) => container.id === wanted) ?? containers[0])?.id;
  }

  /** Moves the focus into a view of the open container. */
  focusView(viewId?: string): void {
    void this.updateComplete.then(() => {
      const active = this.activeContainer();
      const element = [
        ...this.renderRoot.querySelectorAll<ViewContainerElement>('conclave-view-container'),
      ].find((candidate) => candidate.containerId === active);
      element?.focusView(viewId);
    });
  }

  #select(id: string): void {
    this.shell.layoutModel.setActive(this.location, id);
  }

  override render(): TemplateResult {
    const containers = this.containers();
    const active = this.activeContainer();
    if (this.visible && active !== undefined) this.#opened.add(active);
    const opened = containers.filter((container) => this.#opened.has(container.id));
    return html`
      ${this.location === 'primary' ? '' : this.#renderBar(containers, active)}
      ${repeat(
        opened,
        (container) => container.id,
        (container) =>
          html`<conclave-view-container
            ?hidden=${container.id !== active}
            .shell=${this.shell}
            .containerId=${container.id}
            .visible=${this.visible && container.id === active}
            .titled=${this.location === 'primary'}
            .horizontal=${this.location === 'panel'}
          ></conclave-view-container>`,
      )}
      ${
        containers.length === 0
          ? html`<div class="empty">
              <span>${localize('panel.empty')}</span>
              <button class="text-button" @click=${() => this.shell.run('workbench.action.moveContainer')}>
                ${localize('command.moveContainer')}
              </button>
            </div>`
          : ''
      }
    `;
  }

  #renderBar(containers: readonly ViewContainerDescriptor[], active: string | undefined): TemplateResult {
    const { viewModel, viewRegistry, menus } = this.shell.services;
    const command =
      this.location === 'panel' ? 'workbench.action.togglePanel' : 'workbench.action.toggleSecondarySideBar';
    const closeLabel = localize(this.location === 'panel' ? 'panel.close' : 'secondary.close');
    const views = active === undefined ? [] : viewModel.viewsIn(active);
    const only = views.length === 1 ? views[0] : undefined;
    const actions = only
      ? menus
          .resolve('view/title', { view: only.id })
          .flat()
          .filter((item) => item.group === 'navigation')
      : [];
    return html`<div
      class="bar"
      @dragover=${(event: DragEvent) => {
        if (event.dataTransfer?.types.includes(VIEW_DRAG_TYPE)) event.preventDefault();
      }}
      @drop=${(event: DragEvent) => {
        const id = event.dataTransfer?.getData(VIEW_DRAG_TYPE);
        if (id && active !== undefined) viewModel.moveView(id, active);
      }}
    >
      <div
        class="tabs"
        role="tablist"
        aria-label=${localize(this.location === 'panel' ? 'location.panel' : 'location.secondary')}
        @keydown=${(event: KeyboardEvent) => {
          const index = containers.findIndex((container) => container.id === active);
          const next = listIndexAfterKey(event.key, index, containers.length, {
            orientation: 'horizontal',
            wrap: true,
          });
          const target = next === undefined ? undefined : containers[next];
          if (!target) return;
          event.preventDefault();
          event.stopPropagation();
          this.#select(target.id);
          void this.updateComplete.then(() =>
            this.renderRoot.querySelector<HTMLElement>('.tab[aria-selected="true"]')?.focus(),
          );
        }}
      >
        ${containers.map((container) => {
          const count = viewModel
            .viewsIn(container.id)
            .reduce((sum, view) => sum + (viewRegistry.badge(view.id)?.count ?? 0), 0);
          return html`<button
            class="tab"
            role="tab"
            tabindex=${container.id === active ? '0' : '-1'}
            aria-selected=${String(container.id === active)}
            data-tooltip=${container.title}
            @click=${() => this.#select(container.id)}
          >
            <span class="ellipsis">${container.title}</span>${
              count > 0 ? html`<span class="badge">${count}</span>` : ''
            }
          </button>`;
        })}
      </div>
      ${actions.map(
        (item) =>
          html`<button
            class="icon-button"
            aria-label=${item.title}
            data-tooltip=${item.title}
            @click=${() => item.enabled && this.shell.run(item.command, ...item.args)}
          >
            <conclave-icon name=${item.icon ?? 'circle-small'}></conclave-icon>
          </button>`,
      )}
      <button
        class="icon-button"
        aria-label=${closeLabel}
        data-tooltip=${closeLabel}
        @click=${() => this.shell.run(command)}
      >
        <conclave-icon name="close"></conclave-icon>
      </button>
    </div>`;
  }
}
defineElement('conclave-side-bar', SideBarElement);
