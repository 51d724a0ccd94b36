import { css, html, type TemplateResult } from 'lit';
import { defineElement, WorkbenchElement } from '../base/element.ts';

const KEY_STEP = 20;

/**
 * The movable line between two parts. Arrow keys move it, too; a double click puts it back.
 * @tag conclave-sash
 * @fires sash-move detail is the distance in CSS px since the last event, to the right or down
 * @fires sash-reset
 */
export class SashElement extends WorkbenchElement {
  static override properties = {
    orientation: { type: String, reflect: true },
    label: { type: String },
    value: { type: Number },
    min: { type: Number },
    max: { type: Number },
  };
  /** Of the line: `vertical` lines move left and right. */
  declare orientation: 'vertical' | 'horizontal';
  declare label: string;
  declare value: number;
  declare min: number;
  declare max: number;
  #last: number | undefined;

  static override styles = css`
    :host {
      position: absolute;
      z-index: 3;
      touch-action: none;
    }
    :host([orientation='vertical']) {
      top: 0;
      bottom: 0;
      width: 4px;
      cursor: ew-resize;
    }
    :host([orientation='horizontal']) {
      left: 0;
      right: 0;
      height: 4px;
      cursor: ns-resize;
    }
    .line {
      width: 100%;
      height: 100%;
      outline: none;
      transition: background 100ms 200ms;
    }
    .line:hover,
    .line:focus-visible,
    .line.dragging {
      background: var(--vscode-sash-hoverBorder);
    }
    @media (prefers-reduced-motion: reduce) {
      .line {
        transition: none;
      }
    }
  `;

  constructor() {
    super();
    this.orientation = 'vertical';
    this.label = '';
    this.value = 0;
    this.min = 0;
    this.max = 0;
  }

  #move(distance: number): void {
    this.dispatchEvent(new CustomEvent('sash-move', { detail: distance }));
  }

  override render(): TemplateResult {
    const vertical = this.orientation === 'vertical';
    const at = (event: PointerEvent): number => (vertical ? event.clientX : event.clientY);
    return html`<div
      class="line"
      role="separator"
      tabindex="0"
      aria-label=${this.label}
      aria-orientation=${this.orientation}
      aria-valuenow=${Math.round(this.value)}
      aria-valuemin=${this.min}
      aria-valuemax=${this.max}
      @pointerdown=${(event: PointerEvent) => {
        const line = event.currentTarget as HTMLElement;
        line.setPointerCapture(event.pointerId);
        line.classList.add('dragging');
        this.#last = at(event);
      }}
      @pointermove=${(event: PointerEvent) => {
        if (this.#last === undefined) return;
        const next = at(event);
        this.#move(next - this.#last);
        this.#last = next;
      }}
      @lostpointercapture=${(event: PointerEvent) => {
        (event.currentTarget as HTMLElement).classList.remove('dragging');
        this.#last = undefined;
      }}
      @dblclick=${() => this.dispatchEvent(new CustomEvent('sash-reset'))}
      @keydown=${(event: KeyboardEvent) => {
        const forward = vertical ? 'ArrowRight' : 'ArrowDown';
        const back = vertical ? 'ArrowLeft' : 'ArrowUp';
        if (event.key !== forward && event.key !== back) return;
        event.preventDefault();
        event.stopPropagation();
        this.#move(event.key === forward ? KEY_STEP : -KEY_STEP);
      }}
    ></div>`;
  }
}
defineElement('conclave-sash', SashElement);
