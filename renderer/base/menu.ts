import { css, html, nothing, type TemplateResult } from 'lit';
import { createDeferred, type Deferred } from '../../core/base/async.ts';
import { defineElement, WorkbenchElement } from './element.ts';
import './icon.ts';
import { deepActiveElement, listIndexAfterKey } from './focus.ts';
import { baseStyles } from './styles.ts';

/** An entry of a menu. */
export interface MenuEntry {
  readonly id: string;
  readonly title: string;
  readonly enabled: boolean;
  /** Shown as a tick. */
  readonly checked?: boolean;
  /** Key binding. */
  readonly hint?: string;
}

/** Where a menu opens: below a box, or at a point. */
export type MenuAnchor = { readonly x: number; readonly y: number } | Element;

/**
 * A menu in the top layer. Arrows, Home, End, type-ahead, Enter; Escape, Tab or a click elsewhere close it, and
 * the focus goes back where it was.
 * @tag conclave-menu
 */
export class MenuElement extends WorkbenchElement {
  static override properties = {
    groups: { attribute: false },
    active: { state: true },
    label: { type: String },
  };
  declare groups: readonly (readonly MenuEntry[])[];
  declare label: string;
  declare private active: number;
  #result: Deferred<string | undefined> | undefined;
  #previousFocus: Element | null = null;

  static override styles = [
    baseStyles,
    css`
      :host {
        position: fixed;
        inset: auto;
        margin: 0;
        padding: 4px;
        min-width: 180px;
        max-width: min(420px, 96vw);
        max-height: 90vh;
        overflow-y: auto;
        border: 1px solid var(--vscode-menu-border);
        border-radius: 5px;
        background: var(--vscode-menu-background);
        color: var(--vscode-menu-foreground);
        box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
        font: 13px/1.4 var(--conclave-font);
      }
      .entry {
        display: grid;
        grid-template-columns: 20px 1fr auto;
        align-items: center;
        width: 100%;
        min-height: 24px;
        padding: 0 12px 0 4px;
        border-radius: 3px;
        text-align: left;
        gap: 4px;
      }
      .entry:focus {
        background: var(--vscode-menu-selectionBackground);
        color: var(--vscode-menu-selectionForeground);
        outline: 1px solid var(--vscode-contrastActiveBorder, transparent);
        outline-offset: -1px;
      }
      .entry[aria-disabled='true'] {
        color: var(--vscode-disabledForeground);
        cursor: default;
      }
      .hint {
        margin-left: 24px;
        opacity: 0.8;
      }
      .separator {
        height: 1px;
        margin: 4px 0;
        background: var(--vscode-menu-separatorBackground);
      }
    `,
  ];

  constructor() {
    super();
    this.groups = [];
    this.active = 0;
    this.label = '';
  }

  /** Opens at the anchor. @returns the id of the chosen entry, or undefined. */
  async open(anchor: MenuAnchor): Promise<string | undefined> {
    this.#previousFocus = deepActiveElement();
    this.#result = createDeferred();
    this.popover = 'auto';
    this.active = this.groups.flat().findIndex((entry) => entry.enabled);
    this.addEventListener('toggle', (event) => {
      if (event.newState === 'closed') this.#close(undefined);
    });
    await this.updateComplete;
    this.showPopover();
    const box = anchor instanceof Element ? anchor.getBoundingClientRect() : undefined;
    const point = anchor instanceof Element ? { x: box?.left ?? 0, y: box?.bottom ?? 0 } : anchor;
    const own = this.getBoundingClientRect();
    const top =
      point.y + own.height > innerHeight ? Math.max(4, (box?.top ?? point.y) - own.height) : point.y;
    this.style.top = `${top}px`;
    this.style.left = `${Math.min(point.x, Math.max(4, innerWidth - own.width - 4))}px`;
    this.#focusActive();
    return await this.#result.promise;
  }

  #close(id: string | undefined): void {
    const result = this.#result;
    if (!result) return;
    this.#result = undefined;
    if (this.matches(':popover-open')) this.hidePopover();
    if (this.#previousFocus instanceof HTMLElement) this.#previousFocus.focus();
    result.resolve(id);
  }

  #focusActive(): void {
    void this.updateComplete.then(() =>
      this.renderRoot.querySelectorAll<HTMLElement>('.entry')[this.active]?.focus(),
    );
  }

  #onKeyDown = (event: KeyboardEvent): void => {
    const entries = this.groups.flat();
    const next = listIndexAfterKey(event.key, this.active, entries.length, {
      orientation: 'vertical',
      wrap: true,
    });
    if (next !== undefined) this.active = next;
    else if (event.key === 'Escape' || event.key === 'Tab') this.#close(undefined);
    else if (event.key.length === 1 && event.key !== ' ') {
      const wanted = event.key.toLocaleLowerCase();
      for (let step = 1; step <= entries.length; step++) {
        const index = (this.active + step) % entries.length;
        if (!entries[index]?.title.toLocaleLowerCase().startsWith(wanted)) continue;
        this.active = index;
        break;
      }
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.#focusActive();
  };

  override render(): TemplateResult {
    let index = -1;
    return html`<div role="menu" aria-label=${this.label} @keydown=${this.#onKeyDown}>
      ${this.groups
        .filter((group) => group.length > 0)
        .map(
          (group, groupIndex) => html`
            ${groupIndex === 0 ? nothing : html`<div class="separator" role="separator"></div>`}
            ${group.map((entry) => {
              index += 1;
              const own = index;
              return html`<button
                class="entry"
                role=${entry.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
                tabindex=${own === this.active ? '0' : '-1'}
                aria-checked=${entry.checked === undefined ? nothing : String(entry.checked)}
                aria-disabled=${entry.enabled ? nothing : 'true'}
                @pointermove=${() => {
                  if (this.active === own) return;
                  this.active = own;
                  this.#focusActive();
                }}
                @click=${() => {
                  if (entry.enabled) this.#close(entry.id);
                }}
              >
                <span>${entry.checked ? html`<conclave-icon name="check"></conclave-icon>` : nothing}</span>
                <span class="ellipsis">${entry.title}</span>
                <span class="hint">${entry.hint ?? ''}</span>
              </button>`;
            })}
          `,
        )}
    </div>`;
  }
}
defineElement('conclave-menu', MenuElement);

/** Shows a menu and resolves with the id of the chosen entry. */
export async function showMenu(
  groups: readonly (readonly MenuEntry[])[],
  anchor: MenuAnchor,
  label: string,
): Promise<string | undefined> {
  if (groups.flat().length === 0) return undefined;
  const menu = document.createElement('conclave-menu') as MenuElement;
  menu.groups = groups;
  menu.label = label;
  document.body.append(menu);
  try {
    return await menu.open(anchor);
  } finally {
    menu.remove();
  }
}
