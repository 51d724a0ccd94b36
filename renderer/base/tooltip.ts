import { css, html, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../core/base/disposable.ts';
import { defineElement, listen, WorkbenchElement } from './element.ts';

const HOVER_DELAY_MS = 500;

/**
 * One tooltip for the window: shows the `data-tooltip` of the element under the pointer or with the keyboard
 * focus, found through shadow roots. Escape hides it; the pointer may rest on it (WCAG 1.4.13).
 * @tag conclave-tooltip
 */
export class TooltipElement extends WorkbenchElement {
  static override properties = { text: { state: true } };
  declare private text: string;
  #anchor: Element | undefined;
  #timer = 0;

  static override styles = css`
    :host {
      position: fixed;
      inset: auto;
      margin: 0;
      padding: 4px 8px;
      max-width: min(420px, 90vw);
      border: 1px solid var(--vscode-editorHoverWidget-border);
      border-radius: 3px;
      background: var(--vscode-editorHoverWidget-background);
      color: var(--vscode-editorHoverWidget-foreground);
      box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
      font: 12px/1.4 var(--conclave-font);
      white-space: pre-line;
      overflow-wrap: anywhere;
      overflow: hidden;
    }
  `;

  constructor() {
    super();
    this.text = '';
  }

  protected override connected(store: DisposableStore): void {
    this.popover = 'manual';
    this.setAttribute('role', 'tooltip');
    const from = (event: globalThis.Event): Element | undefined =>
      event
        .composedPath()
        .find(
          (target): target is HTMLElement => target instanceof HTMLElement && !!target.dataset['tooltip'],
        );
    store.add(
      listen(document, 'pointerover', (event) => {
        if (event.composedPath().includes(this)) return clearTimeout(this.#timer);
        const anchor = from(event);
        if (anchor === this.#anchor) return;
        this.#schedule(anchor, HOVER_DELAY_MS);
      }),
    );
    store.add(
      listen(document, 'focusin', (event) => {
        const anchor = from(event);
        if (anchor?.matches(':focus-visible')) this.#schedule(anchor, HOVER_DELAY_MS);
        else this.#schedule(undefined, 0);
      }),
    );
    for (const type of ['pointerdown', 'wheel'] as const)
      store.add(listen(document, type, () => this.#schedule(undefined, 0), { capture: true, passive: true }));
    store.add(
      listen(
        document,
        'keydown',
        (event) => {
          if (event.key === 'Escape' || !event.ctrlKey) this.#schedule(undefined, 0);
        },
        { capture: true },
      ),
    );
    store.add({ dispose: () => clearTimeout(this.#timer) });
  }

  #schedule(anchor: Element | undefined, delay: number): void {
    clearTimeout(this.#timer);
    if (this.matches(':popover-open')) this.hidePopover();
    this.#anchor = anchor;
    if (!(anchor instanceof HTMLElement)) return;
    this.#timer = window.setTimeout(() => this.#show(anchor), delay);
  }

  #show(anchor: HTMLElement): void {
    const text = anchor.dataset['tooltip'];
    if (text === undefined || !anchor.isConnected) return;
    this.text = text;
    this.showPopover();
    void this.updateComplete.then(() => {
      const target = anchor.getBoundingClientRect();
      const own = this.getBoundingClientRect();
      const below = target.bottom + 4;
      const top = below + own.height > innerHeight ? Math.max(4, target.top - own.height - 4) : below;
      const left = Math.min(Math.max(4, target.left), Math.max(4, innerWidth - own.width - 4));
      this.style.top = `${top}px`;
      this.style.left = `${left}px`;
    });
  }

  override render(): TemplateResult {
    return html`${this.text}`;
  }
}
defineElement('conclave-tooltip', TooltipElement);
