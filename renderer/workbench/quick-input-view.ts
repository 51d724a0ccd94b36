import { css, html, nothing, type TemplateResult } from 'lit';
import { createDeferred } from '../../core/base/async.ts';
import type { InputBoxOptions } from '../../extensions/api/conclave.d.ts';
import { announce } from '../base/announce.ts';
import { defineElement, WorkbenchElement } from '../base/element.ts';
import { deepActiveElement, listIndexAfterKey } from '../base/focus.ts';
import { renderLabelWithIcons, stripIcons } from '../base/icon.ts';
import { baseStyles } from '../base/styles.ts';
import { fuzzyRank, type FuzzyRanked } from '../platform/fuzzy.ts';
import { localize } from '../platform/nls.ts';
import {
  createQuickAccessRegistry,
  type PickItem,
  type PickOptions,
  type QuickAccessItem,
  type QuickInputService,
} from '../platform/quick-input.ts';

const MAX_ROWS = 200;

/** What the box is doing now. */
type Session =
  | {
      readonly kind: 'pick';
      readonly options: PickOptions;
      readonly items: readonly PickItem[];
      readonly settle: (item: PickItem | undefined) => void;
    }
  | {
      readonly kind: 'input';
      readonly options: InputBoxOptions;
      readonly settle: (text: string | undefined) => void;
    }
  | { readonly kind: 'access' };

/**
 * Quick input at the top of the window: picks, one-line questions and quick access. A combobox with a list:
 * the focus stays in the text, arrows move the highlighted row.
 * @tag conclave-quick-input
 */
export class QuickInputElement extends WorkbenchElement {
  static override properties = {
    session: { state: true },
    text: { state: true },
    ranked: { state: true },
    active: { state: true },
    busy: { state: true },
  };
  declare private session: Session | undefined;
  declare private text: string;
  declare private ranked: readonly FuzzyRanked<PickItem>[];
  declare private active: number;
  declare private busy: boolean;
  readonly access = createQuickAccessRegistry();
  #previousFocus: Element | null = null;
  #query = 0;

  static override styles = [
    baseStyles,
    css`
      :host {
        position: fixed;
        inset: auto;
        margin: 0;
        padding: 6px;
        top: 6px;
        left: 50%;
        transform: translateX(-50%);
        width: min(600px, calc(100vw - 16px));
        max-height: min(440px, calc(100vh - 60px));
        border: 1px solid var(--vscode-widget-border);
        border-radius: 6px;
        background: var(--vscode-quickInput-background);
        color: var(--vscode-quickInput-foreground);
        box-shadow: 0 4px 16px var(--vscode-widget-shadow, transparent);
        font: 13px/1.4 var(--conclave-font);
        overflow: hidden;
      }
      :host(:popover-open) {
        display: flex;
        flex-direction: column;
      }
      .title {
        text-align: center;
        padding: 2px 4px 6px;
        font-size: 12px;
        color: var(--vscode-descriptionForeground);
      }
      input {
        width: 100%;
        height: 28px;
        padding: 0 8px;
        font: inherit;
        color: var(--vscode-input-foreground);
        background: var(--vscode-input-background);
        border: 1px solid var(--vscode-input-border);
        border-radius: 3px;
        flex: none;
      }
      input:focus {
        outline: 1px solid var(--vscode-focusBorder);
        outline-offset: -1px;
      }
      input::placeholder {
        color: var(--vscode-input-placeholderForeground);
        opacity: 1;
      }
      .note {
        padding: 6px 8px 2px;
        font-size: 12px;
        color: var(--vscode-descriptionForeground);
      }
      .problem {
        margin-top: 4px;
        padding: 4px 8px;
        background: var(--vscode-inputValidation-errorBackground);
        color: var(--vscode-inputValidation-errorForeground);
        border: 1px solid var(--vscode-inputValidation-errorBorder);
      }
      .list {
        margin-top: 6px;
        overflow-y: auto;
        min-height: 0;
      }
      .row {
        display: flex;
        align-items: center;
        gap: 6px;
        min-height: 22px;
        padding: 0 8px;
        border-radius: 3px;
        cursor: pointer;
      }
      .row.detailed {
        padding-block: 3px;
      }
      .row:hover {
        background: var(--vscode-list-hoverBackground);
      }
      .row.active {
        background: var(--vscode-quickInputList-focusBackground);
        color: var(--vscode-quickInputList-focusForeground);
        outline: 1px solid var(--vscode-contrastActiveBorder, transparent);
        outline-offset: -1px;
      }
      .main {
        flex: 1 1 auto;
        min-width: 0;
        display: flex;
        flex-direction: column;
      }
      .line {
        display: flex;
        gap: 8px;
        align-items: baseline;
        min-width: 0;
      }
      .description,
      .detail {
        font-size: 12px;
        opacity: 0.85;
      }
      .separator {
        display: flex;
        justify-content: flex-end;
        font-size: 11px;
        color: var(--vscode-pickerGroup-foreground);
        border-top: 1px solid var(--vscode-pickerGroup-border);
        margin-top: 2px;
        padding: 2px 8px 0;
      }
      .separator:first-child {
        border-top: none;
        margin-top: 0;
      }
      .hint {
        flex: none;
        font-size: 11px;
        padding: 1px 5px;
        border-radius: 3px;
        border: 1px solid var(--vscode-keybindingLabel-border);
        background: var(--vscode-keybindingLabel-background);
        color: var(--vscode-keybindingLabel-foreground);
      }
      mark {
        background: none;
        color: var(--vscode-list-highlightForeground);
        font-weight: 700;
      }
      .active mark {
        color: inherit;
        text-decoration: underline;
      }
      @media (forced-colors: active) {
        .row.active {
          outline: 2px solid Highlight;
          outline-offset: -2px;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.text = '';
    this.ranked = [];
    this.active = 0;
    this.busy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.popover = 'manual';
  }

  /** The service that uses this element. */
  readonly service: QuickInputService = {
    access: this.access,
    pick: async <T extends PickItem>(items: readonly T[] | Promise<readonly T[]>, options: PickOptions) => {
      const { promise, resolve } = createDeferred<T | undefined>();
      const settle = resolve as (item: PickItem | undefined) => void;
      const isArray = Array.isArray(items);
      this.#begin({ kind: 'pick', options, items: isArray ? items : [], settle }, '');
      if (!isArray) {
        this.busy = true;
        try {
          const loaded = await items;
          if (this.session?.kind === 'pick' && this.session.settle === settle) {
            this.session = { ...this.session, items: loaded };
            this.busy = false;
            this.#rank();
          }
        } catch (error) {
          if (this.session?.kind === 'pick' && this.session.settle === settle) this.#end();
          throw error;
        }
      }
      return await promise;
    },
    input: async (options) => {
      const { promise, resolve } = createDeferred<string | undefined>();
      this.#begin({ kind: 'input', options, settle: resolve }, options.value ?? '');
      return await promise;
    },
    show: (text) => this.#begin({ kind: 'access' }, text),
    close: () => this.#end(),
  };

  #begin(session: Session, text: string): void {
    if (this.session) this.#settle(undefined);
    else this.#previousFocus = deepActiveElement();
    this.session = session;
    this.text = text;
    this.busy = false;
    if (!this.matches(':popover-open')) this.showPopover();
    this.#rank();
    void this.updateComplete.then(() => {
      const input = this.renderRoot.querySelector('input');
      if (!input) return;
      input.value = text;
      input.focus();
      if (session.kind === 'input') input.select();
      else input.setSelectionRange(text.length, text.length);
    });
  }

  /** Answers the waiting call of the running session, if there is one. */
  #settle(value: PickItem | string | undefined): void {
    const session = this.session;
    if (session?.kind === 'pick') session.settle(value as PickItem | undefined);
    else if (session?.kind === 'input') session.settle(value as string | undefined);
  }

  #end(value?: PickItem | string): void {
    const session = this.session;
    if (!session) return;
    this.session = undefined;
    this.ranked = [];
    if (this.matches(':popover-open')) this.hidePopover();
    // The focus goes back first, so that what is chosen runs where the user was.
    if (this.#previousFocus instanceof HTMLElement && this.#previousFocus.isConnected)
      this.#previousFocus.focus();
    this.#previousFocus = null;
    if (session.kind === 'pick') session.settle(value as PickItem | undefined);
    else if (session.kind === 'input') session.settle(value as string | undefined);
  }

  #rank(): void {
    const session = this.session;
    if (!session || session.kind === 'input') {
      this.ranked = [];
      return;
    }
    if (session.kind === 'pick') {
      this.#setRanked(fuzzyRank(this.text, session.items, (item) => item));
      return;
    }
    const query = ++this.#query;
    const match = this.access.match(this.text);
    if (!match) {
      this.#setRanked([]);
      return;
    }
    const take = (items: readonly QuickAccessItem[]): void => {
      if (query !== this.#query || this.session !== session) return;
      this.busy = false;
      this.#setRanked(fuzzyRank(match.provider.filtered ? '' : match.query, items, (item) => item));
    };
    const items = match.provider.items(match.query);
    if (items instanceof Promise) {
      this.busy = true;
      items.then(take, () => take([]));
    } else take(items);
  }

  #setRanked(ranked: readonly FuzzyRanked<PickItem>[]): void {
    this.ranked = ranked.slice(0, MAX_ROWS);
    this.#setActive(0);
    if (this.text !== '') announce(localize('quickInput.results', { count: ranked.length }));
  }

  #setActive(index: number): void {
    this.active = Math.max(0, Math.min(index, this.ranked.length - 1));
    if (this.session?.kind === 'pick') this.session.options.onDidHighlight?.(this.ranked[this.active]?.item);
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector('.row.active')?.scrollIntoView({ block: 'nearest' }),
    );
  }

  #accept(): void {
    const session = this.session;
    if (!session) return;
    if (session.kind === 'input') {
      if (session.options.validate?.(this.text) === undefined) this.#end(this.text);
      return;
    }
    const chosen = this.ranked[this.active]?.item;
    if (!chosen) return;
    if (session.kind === 'access') {
      this.#end();
      (chosen as QuickAccessItem).run();
    } else this.#end(chosen);
  }

  #onKeyDown = (event: KeyboardEvent): void => {
    const isText = event.key === 'Home' || event.key === 'End';
    const next = isText
      ? undefined
      : listIndexAfterKey(event.key, this.active, this.ranked.length, {
          orientation: 'vertical',
          wrap: true,
        });
    if (next !== undefined && this.session?.kind !== 'input') this.#setActive(next);
    else if (event.key === 'Enter' && !event.isComposing) this.#accept();
    else if (event.key === 'Escape') this.#end();
    else if (event.key === 'Tab') {
      // The box is modal for the keyboard; there is nothing else in it to go to.
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  override render(): TemplateResult {
    const { session } = this;
    if (!session) return html``;
    const provider = session.kind === 'access' ? this.access.match(this.text)?.provider : undefined;
    const placeholder = session.kind === 'access' ? provider?.placeholder : session.options.placeholder;
    const title = session.kind === 'access' ? undefined : session.options.title;
    const problem = session.kind === 'input' ? session.options.validate?.(this.text) : undefined;
    const hasList = session.kind !== 'input';
    const label = title ?? placeholder ?? '';
    return html`
      ${title === undefined ? nothing : html`<div class="title ellipsis">${title}</div>`}
      <input
        type=${session.kind === 'input' && session.options.password ? 'password' : 'text'}
        autocomplete="off"
        spellcheck="false"
        role=${hasList ? 'combobox' : nothing}
        aria-label=${label}
        aria-expanded=${hasList ? 'true' : nothing}
        aria-controls=${hasList ? 'list' : nothing}
        aria-autocomplete=${hasList ? 'list' : nothing}
        aria-activedescendant=${hasList && this.ranked.length > 0 ? `row-${this.active}` : nothing}
        aria-invalid=${problem === undefined ? nothing : 'true'}
        aria-describedby=${session.kind === 'input' ? 'note' : nothing}
        placeholder=${placeholder ?? ''}
        @input=${(event: InputEvent) => {
          this.text = (event.target as HTMLInputElement).value;
          this.#rank();
        }}
        @keydown=${this.#onKeyDown}
        @blur=${(event: FocusEvent) => {
          if (event.relatedTarget !== null || !document.hasFocus()) return;
          // A click on nothing in particular takes the focus away; as VS Code does, that dismisses.
          queueMicrotask(() => {
            if (this.session === session) this.#end();
          });
        }}
      />
      ${
        session.kind === 'input'
          ? problem === undefined
            ? html`<div id="note" class="note">${localize('quickInput.enterHint')}</div>`
            : html`<div id="note" class="problem" role="alert">${problem}</div>`
          : html`<div
              id="list"
              class="list"
              role="listbox"
              aria-label=${label}
              aria-busy=${this.busy ? 'true' : nothing}
              @mousedown=${(event: MouseEvent) => event.preventDefault()}
            >
              ${
                this.ranked.length === 0 && !this.busy
                  ? html`<div class="note">
                      ${localize(this.text === '' ? 'quickInput.noEntries' : 'quickInput.noMatches')}
                    </div>`
                  : this.ranked.map((entry, index) => this.#renderRow(entry, index))
              }
            </div>`
      }
    `;
  }

  #renderRow({ item, label }: FuzzyRanked<PickItem>, index: number): TemplateResult {
    // Groups only make sense while the rows stand in their own order.
    const queried = this.session?.kind === 'access' ? (this.access.match(this.text)?.query ?? '') : this.text;
    const separator = queried.trim() === '' ? item.separator : undefined;
    return html`${separator === undefined ? nothing : html`<div class="separator" role="presentation">${separator}</div>`}
      <div
        id="row-${index}"
        class="row ${index === this.active ? 'active' : ''} ${item.detail === undefined ? '' : 'detailed'}"
        role="option"
        aria-selected=${String(index === this.active)}
        aria-label=${[stripIcons(item.label), item.description, item.detail, item.hint].filter(Boolean).join(', ')}
        @click=${() => {
          this.active = index;
          this.#accept();
        }}
      >
        ${item.icon === undefined ? nothing : html`<conclave-icon name=${item.icon}></conclave-icon>`}
        <span class="main">
          <span class="line">
            <span class="ellipsis">${highlight(item.label, label.positions)}</span>
            ${
              item.description === undefined
                ? nothing
                : html`<span class="description ellipsis">${item.description}</span>`
            }
          </span>
          ${item.detail === undefined ? nothing : html`<span class="detail ellipsis">${item.detail}</span>`}
        </span>
        ${item.hint === undefined ? nothing : html`<span class="hint">${item.hint}</span>`}
      </div>`;
  }
}
defineElement('conclave-quick-input', QuickInputElement);

/** The text with the matched letters marked. */
function highlight(text: string, positions: readonly number[]): readonly (string | TemplateResult)[] {
  if (positions.length === 0) return renderLabelWithIcons(text);
  const marked = new Set(positions);
  const pieces: (string | TemplateResult)[] = [];
  let start = 0;
  while (start < text.length) {
    let end = start + 1;
    while (end < text.length && marked.has(end) === marked.has(start)) end += 1;
    const piece = text.slice(start, end);
    pieces.push(marked.has(start) ? html`<mark>${piece}</mark>` : piece);
    start = end;
  }
  return pieces;
}
