import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { DisposableStore } from '../../core/base/disposable.ts';
import type { TreeItem } from '../../extensions/api/conclave.d.ts';
import { defineElement, WorkbenchElement } from './element.ts';
import './icon.ts';
import { listIndexAfterKey } from './focus.ts';
import { styleProperties } from './style-properties.ts';
import { baseStyles, iconButtonStyles } from './styles.ts';
import { flattenTree, typeAhead, visibleRange, type TreeRow, type TreeSource } from './tree-rows.ts';

const ROW_HEIGHT = 22;
const TYPE_AHEAD_MS = 800;

/** A button at the end of a row. */
export interface RowAction {
  readonly id: string;
  readonly title: string;
  readonly icon: string;
  readonly enabled: boolean;
}

/** Details of `tree-activate` and `tree-context`. */
export interface TreeRowEvent {
  readonly node: unknown;
  readonly item: TreeItem;
}

/**
 * A virtual tree: only the rows in sight are in the document, so 10,000 rows scroll as ten do. The element
 * itself has the focus and names the active row by `aria-activedescendant`.
 * @tag conclave-tree
 * @fires tree-activate Enter, Space or click: detail is TreeRowEvent
 * @fires tree-context context menu: detail is TreeRowEvent with x and y
 * @fires tree-action a row's button: detail is TreeRowEvent with the action's id
 */
export class TreeElement extends WorkbenchElement {
  static override properties = {
    source: { attribute: false },
    label: { type: String },
    rowActions: { attribute: false },
    rows: { state: true },
    active: { state: true },
    hasFocus: { state: true },
    scrollPosition: { state: true },
    viewportHeight: { state: true },
  };
  declare source: TreeSource<unknown> | undefined;
  declare label: string;
  /** Buttons of a row; asked only for the row under the pointer and the active one. */
  declare rowActions: ((item: TreeItem) => readonly RowAction[]) | undefined;
  declare private rows: readonly TreeRow<unknown>[];
  declare private active: number;
  declare private hasFocus: boolean;
  declare private scrollPosition: number;
  declare private viewportHeight: number;

  readonly #expansion = new Map<string, boolean>();
  #activeId: string | undefined;
  #typed = '';
  #typedAt = 0;
  #hovered = -1;

  static override styles = [
    baseStyles,
    iconButtonStyles,
    css`
      :host {
        display: block;
        overflow: hidden;
        height: 100%;
        position: relative;
      }
      .viewport {
        height: 100%;
        overflow-y: auto;
        overflow-x: hidden;
        outline: none;
      }
      .content {
        position: relative;
      }
      .row {
        position: absolute;
        left: 0;
        right: 0;
        height: 22px;
        display: flex;
        align-items: center;
        padding-right: 8px;
        cursor: pointer;
        user-select: none;
        gap: 4px;
        border: 1px solid transparent;
        border-width: 0 1px;
      }
      .row:hover {
        background: var(--vscode-list-hoverBackground);
        color: var(--vscode-list-hoverForeground);
      }
      .row.active {
        background: var(--vscode-list-inactiveSelectionBackground);
        color: var(--vscode-list-inactiveSelectionForeground);
      }
      .focused .row.active {
        background: var(--vscode-list-activeSelectionBackground);
        color: var(--vscode-list-activeSelectionForeground);
        outline: 1px solid var(--vscode-list-focusOutline);
        outline-offset: -1px;
      }
      .twistie {
        width: 16px;
        flex: none;
        height: 22px;
        display: flex;
        align-items: center;
        justify-content: center;
      }
      .label {
        flex: 0 1 auto;
      }
      .description {
        flex: 1 1 0;
        /* A count such as 12/50 stays readable beside a name that is too long. */
        min-width: 36px;
        color: var(--vscode-descriptionForeground);
        font-size: 0.9em;
      }
      .row.active .description {
        color: inherit;
        opacity: 0.85;
      }
      .decorations {
        display: flex;
        gap: 4px;
        flex: none;
        margin-left: auto;
      }
      .decoration {
        display: inline-flex;
      }
      .decoration.active {
        color: var(--vscode-conclave-talkingRing);
      }
      .decoration.warning {
        color: var(--vscode-notificationsWarningIcon-foreground);
      }
      .actions {
        display: flex;
        flex: none;
      }
      @media (forced-colors: active) {
        .row.active {
          outline: 1px solid Highlight;
          outline-offset: -1px;
        }
        .focused .row.active {
          outline-width: 2px;
          outline-offset: -2px;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.label = '';
    this.rows = [];
    this.active = -1;
    this.hasFocus = false;
    this.scrollPosition = 0;
    this.viewportHeight = 0;
  }

  /** Takes the rows from the source again; the active row and what is open stay. */
  refresh(): void {
    const source = this.source;
    this.rows = source
      ? flattenTree(source, (item) => this.#expansion.get(item.id) ?? item.collapsible === 'expanded')
      : [];
    const index =
      this.#activeId === undefined ? -1 : this.rows.findIndex((row) => row.item.id === this.#activeId);
    this.active = index >= 0 ? index : Math.min(this.active, this.rows.length - 1);
  }

  get isEmpty(): boolean {
    return this.rows.length === 0;
  }

  protected override connected(store: DisposableStore): void {
    const observer = new ResizeObserver(() => {
      this.viewportHeight = this.clientHeight;
    });
    observer.observe(this);
    store.add({ dispose: () => observer.disconnect() });
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('source')) this.refresh();
  }

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>('.viewport')?.focus(options);
  }

  override render(): TemplateResult {
    const { start, end } = visibleRange(
      this.scrollPosition,
      this.viewportHeight,
      ROW_HEIGHT,
      this.rows.length,
    );
    const activeRow = this.rows[this.active];
    return html`<div
      class="viewport ${this.hasFocus ? 'focused' : ''}"
      role="tree"
      tabindex="0"
      aria-label=${this.label}
      aria-activedescendant=${activeRow && this.active >= start && this.active < end ? `row-${this.active}` : nothing}
      @scroll=${(event: globalThis.Event) => {
        this.scrollPosition = (event.target as HTMLElement).scrollTop;
      }}
      @focus=${() => {
        this.hasFocus = true;
        if (this.active < 0 && this.rows.length > 0) this.#setActive(0);
      }}
      @blur=${() => {
        this.hasFocus = false;
      }}
      @keydown=${this.#onKeyDown}
      @mouseleave=${() => this.#setHovered(-1)}
    >
      <div class="content" ${styleProperties({ height: `${this.rows.length * ROW_HEIGHT}px` })}>
        ${repeat(
          this.rows.slice(start, end),
          (row) => row.item.id,
          (row, index) => this.#renderRow(row, start + index),
        )}
      </div>
    </div>`;
  }

  #renderRow(row: TreeRow<unknown>, index: number): TemplateResult {
    const { item } = row;
    const isActive = index === this.active;
    const actions = isActive || index === this.#hovered ? (this.rowActions?.(item) ?? []) : [];
    return html`<div
      id="row-${index}"
      class="row ${isActive ? 'active' : ''}"
      role="treeitem"
      aria-level=${row.depth + 1}
      aria-setsize=${row.setSize}
      aria-posinset=${row.position}
      aria-expanded=${row.expanded === undefined ? nothing : String(row.expanded)}
      aria-selected=${isActive ? 'true' : 'false'}
      aria-label=${accessibleName(item)}
      data-tooltip=${item.tooltip ?? item.label}
      ${styleProperties({ top: `${index * ROW_HEIGHT}px`, 'padding-left': `${4 + row.depth * 12}px` })}
      @mouseenter=${() => this.#setHovered(index)}
      @click=${(event: MouseEvent) => this.#onClick(index, event)}
      @contextmenu=${(event: MouseEvent) => {
        event.preventDefault();
        this.#setActive(index);
        this.#emit('tree-context', index, { x: event.clientX, y: event.clientY });
      }}
    >
      <span class="twistie" aria-hidden="true"
        >${
          row.expanded === undefined
            ? nothing
            : html`<conclave-icon name=${row.expanded ? 'chevron-down' : 'chevron-right'}></conclave-icon>`
        }</span
      >
      ${item.icon === undefined ? nothing : html`<conclave-icon name=${item.icon}></conclave-icon>`}
      <span class="label ellipsis">${item.label}</span>
      ${item.description === undefined ? nothing : html`<span class="description ellipsis">${item.description}</span>`}
      <span class="decorations"
        >${(item.decorations ?? []).map(
          (decoration) =>
            html`<span class="decoration ${decoration.emphasis ?? ''}" data-tooltip=${decoration.label}
              ><conclave-icon name=${decoration.icon} label=${decoration.label}></conclave-icon
            ></span>`,
        )}</span
      >
      ${
        actions.length === 0
          ? nothing
          : html`<span class="actions"
              >${actions.map(
                (action) =>
                  html`<button
                    class="icon-button"
                    tabindex="-1"
                    aria-label=${action.title}
                    aria-disabled=${action.enabled ? nothing : 'true'}
                    data-tooltip=${action.title}
                    @click=${(event: MouseEvent) => {
                      event.stopPropagation();
                      if (action.enabled) this.#emit('tree-action', index, { action: action.id });
                    }}
                  >
                    <conclave-icon name=${action.icon}></conclave-icon>
                  </button>`,
              )}</span
            >`
      }
    </div>`;
  }

  #setHovered(index: number): void {
    if (this.#hovered === index) return;
    this.#hovered = index;
    if (this.rowActions) this.requestUpdate();
  }

  #setActive(index: number): void {
    const row = this.rows[index];
    if (!row) return;
    this.active = index;
    this.#activeId = row.item.id;
    const viewport = this.renderRoot.querySelector<HTMLElement>('.viewport');
    if (!viewport) return;
    const top = index * ROW_HEIGHT;
    if (top < viewport.scrollTop) viewport.scrollTop = top;
    else if (top + ROW_HEIGHT > viewport.scrollTop + viewport.clientHeight)
      viewport.scrollTop = top + ROW_HEIGHT - viewport.clientHeight;
    this.scrollPosition = viewport.scrollTop;
  }

  #toggle(index: number, expanded?: boolean): void {
    const row = this.rows[index];
    if (!row || row.expanded === undefined || row.expanded === expanded) return;
    this.#expansion.set(row.item.id, expanded ?? !row.expanded);
    this.refresh();
  }

  #emit(type: string, index: number, extra: object = {}): void {
    const row = this.rows[index];
    if (!row) return;
    this.dispatchEvent(
      new CustomEvent(type, {
        detail: { node: row.node, item: row.item, ...extra },
        bubbles: true,
        composed: true,
      }),
    );
  }

  #onClick(index: number, event: MouseEvent): void {
    const row = this.rows[index];
    if (!row) return;
    this.focus();
    this.#setActive(index);
    const onTwistie = event
      .composedPath()
      .some((target) => target instanceof Element && target.classList.contains('twistie'));
    if (onTwistie || row.item.command === undefined) this.#toggle(index);
    if (!onTwistie && row.item.command !== undefined) this.#emit('tree-activate', index);
  }

  #onKeyDown = (event: KeyboardEvent): void => {
    const row = this.rows[this.active];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.viewportHeight / ROW_HEIGHT) - 1);
    const next = listIndexAfterKey(event.key, this.active, this.rows.length, {
      orientation: 'vertical',
      page,
    });
    if (next !== undefined) this.#setActive(next);
    else if (event.key === 'ArrowRight' && row) {
      if (row.expanded === false) this.#toggle(this.active, true);
      else if (row.expanded && this.rows[this.active + 1]?.parent === this.active)
        this.#setActive(this.active + 1);
    } else if (event.key === 'ArrowLeft' && row) {
      if (row.expanded) this.#toggle(this.active, false);
      else if (row.parent >= 0) this.#setActive(row.parent);
    } else if (event.key === 'Enter' || (event.key === ' ' && this.#typed === '')) {
      if (row?.item.command === undefined) this.#toggle(this.active);
      else this.#emit('tree-activate', this.active);
    } else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      const box = this.renderRoot.querySelector(`#row-${this.active}`)?.getBoundingClientRect();
      if (box) this.#emit('tree-context', this.active, { x: box.left + 24, y: box.bottom });
    } else if (event.key.length === 1) {
      const now = performance.now();
      this.#typed = now - this.#typedAt > TYPE_AHEAD_MS ? event.key : this.#typed + event.key;
      this.#typedAt = now;
      const found = typeAhead(this.rows, this.active, this.#typed);
      if (found !== undefined) this.#setActive(found);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}
defineElement('conclave-tree', TreeElement);

/** Label, description and what the decorations mean. */
function accessibleName(item: TreeItem): string {
  return [item.label, item.description, ...(item.decorations ?? []).map((decoration) => decoration.label)]
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
}
