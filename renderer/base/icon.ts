import { css, html, nothing, type TemplateResult } from 'lit';
import { codiconCharacter } from './codicons.ts';
import { defineElement, WorkbenchElement } from './element.ts';

/**
 * A codicon.
 * @tag conclave-icon
 * @attr name codicon name; `name~spin` turns, `name~off` is crossed out
 * @attr label what it means, when no text beside it says so; without one it is decoration
 */
export class IconElement extends WorkbenchElement {
  static override properties = { name: { type: String }, label: { type: String } };
  declare name: string;
  declare label: string;

  static override styles = css`
    :host {
      display: inline-block;
      font: normal normal normal 16px/1 codicon;
      width: 16px;
      height: 16px;
      text-align: center;
      flex: none;
      user-select: none;
      -webkit-font-smoothing: antialiased;
    }
    .off {
      position: relative;
      display: inline-block;
    }
    .off::after {
      content: '';
      position: absolute;
      inset: 7px 0 auto;
      border-top: 1.5px solid currentColor;
      transform: rotate(45deg);
    }
    .spin {
      display: inline-block;
      animation: spin 1.5s steps(30) infinite;
    }
    @keyframes spin {
      to {
        transform: rotate(360deg);
      }
    }
    @media (prefers-reduced-motion: reduce) {
      .spin {
        animation: none;
      }
    }
  `;

  constructor() {
    super();
    this.name = '';
    this.label = '';
  }

  override render(): TemplateResult {
    const [icon = '', modifier] = this.name.split('~');
    const character = codiconCharacter(icon) ?? '';
    return html`<span
      class=${modifier === 'spin' || modifier === 'off' ? modifier : nothing}
      role=${this.label === '' ? nothing : 'img'}
      aria-label=${this.label === '' ? nothing : this.label}
      aria-hidden=${this.label === '' ? 'true' : nothing}
      >${character}</span
    >`;
  }
}
defineElement('conclave-icon', IconElement);

/** Text in which `$(name)` stands for a codicon, as in status bar items. */
export function renderLabelWithIcons(text: string): readonly (string | TemplateResult)[] {
  return text
    .split(/(\$\([a-z0-9-]+(?:~spin|~off)?\))/)
    .filter((piece) => piece !== '')
    .map((piece) => {
      const match = /^\$\(([a-z0-9-]+(?:~spin|~off)?)\)$/.exec(piece);
      return match ? html`<conclave-icon name=${match[1]}></conclave-icon>` : piece;
    });
}

/** The text without its icons, for names and for measuring. */
export function stripIcons(text: string): string {
  return text
    .replace(/\$\([a-z0-9-]+(?:~spin|~off)?\)/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
