import { css, html, type TemplateResult } from 'lit';
import { defineElement, WorkbenchElement } from '../base/element.ts';
import { baseStyles } from '../base/styles.ts';
import '../base/icon.ts';

/**
 * Stands where an extension's view is not drawn yet, or cannot be.
 * @tag conclave-view-message
 */
export class ViewMessageElement extends WorkbenchElement {
  static override properties = { text: { type: String }, failed: { type: Boolean } };
  declare text: string;
  declare failed: boolean;

  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        padding: 12px 16px;
        line-height: 20px;
        color: var(--vscode-descriptionForeground);
        overflow-wrap: anywhere;
      }
    `,
  ];

  constructor() {
    super();
    this.text = '';
    this.failed = false;
  }

  override render(): TemplateResult {
    return html`<div role=${this.failed ? 'alert' : 'status'} tabindex="-1">
      <conclave-icon name=${this.failed ? 'error' : 'loading~spin'}></conclave-icon> ${this.text}
    </div>`;
  }
}
defineElement('conclave-view-message', ViewMessageElement);

/** Makes the element with its text. */
export function createViewMessage(text: string, failed: boolean): HTMLElement {
  const element = document.createElement('conclave-view-message') as ViewMessageElement;
  element.text = text;
  element.failed = failed;
  return element;
}
