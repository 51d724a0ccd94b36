import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../base/element.ts';
import '../base/icon.ts';
import { baseStyles, textButtonStyles } from '../base/styles.ts';
import type { DialogService, PendingDialog } from '../platform/dialogs.ts';
import { localize } from '../platform/nls.ts';

/**
 * The modal dialog: a `<dialog>` in the top layer, which keeps the focus and gives it back.
 * @tag conclave-dialog
 */
export class DialogElement extends WorkbenchElement {
  static override properties = {
    dialogs: { attribute: false },
    current: { state: true },
    armed: { state: true },
  };
  declare dialogs: DialogService;
  declare private current: PendingDialog | undefined;
  declare private armed: boolean;
  private armTimer: ReturnType<typeof setTimeout> | undefined;

  static override styles = [
    baseStyles,
    textButtonStyles,
    css`
      dialog {
        width: min(480px, calc(100vw - 32px));
        padding: 16px;
        border: 1px solid var(--vscode-widget-border);
        border-radius: 6px;
        background: var(--vscode-editorWidget-background);
        color: var(--vscode-editorWidget-foreground);
        box-shadow: 0 4px 24px var(--vscode-widget-shadow, transparent);
        font: 13px/1.4 var(--conclave-font);
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 40%);
      }
      .body {
        display: flex;
        gap: 12px;
      }
      .body conclave-icon {
        font-size: 32px;
        width: 32px;
        height: 32px;
      }
      .info {
        color: var(--vscode-notificationsInfoIcon-foreground);
      }
      .warning {
        color: var(--vscode-notificationsWarningIcon-foreground);
      }
      .error {
        color: var(--vscode-notificationsErrorIcon-foreground);
      }
      h2 {
        margin: 4px 0 0;
        font-size: 15px;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      p {
        margin: 8px 0 0;
        white-space: pre-line;
        overflow-wrap: anywhere;
        max-height: 50vh;
        overflow-y: auto;
        user-select: text;
      }
      .source {
        font-size: 11px;
        color: var(--vscode-descriptionForeground);
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        justify-content: flex-end;
        gap: 8px;
        margin-top: 16px;
      }
    `,
  ];

  protected override connected(store: DisposableStore): void {
    const update = (): void => {
      if (this.dialogs.current !== this.current) this.arm(this.dialogs.current?.armDelayMs);
      this.current = this.dialogs.current;
    };
    store.add(this.dialogs.onDidChange(update));
    update();
  }

  /** Shows what the service enforces: for a moment the actions cannot be chosen. */
  private arm(delayMs: number | undefined): void {
    clearTimeout(this.armTimer);
    this.armed = delayMs === undefined;
    if (delayMs !== undefined) this.armTimer = setTimeout(() => (this.armed = true), delayMs);
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has('current')) return;
    const dialog = this.renderRoot.querySelector('dialog');
    if (!dialog) return;
    if (this.current && !dialog.open) dialog.showModal();
    else if (!this.current && dialog.open) dialog.close();
    if (this.current) this.renderRoot.querySelector<HTMLElement>('[data-default]')?.focus();
  }

  override render(): TemplateResult {
    const { current } = this;
    const severity = current?.severity ?? 'info';
    const cancelIsDefault = current?.destructive === true || current?.actions.length === 0;
    return html`<dialog
      role="alertdialog"
      aria-labelledby="message"
      aria-describedby="detail"
      @cancel=${(event: globalThis.Event) => {
        event.preventDefault();
        this.current?.answer(undefined);
      }}
      @close=${() => this.current?.answer(undefined)}
    >
      ${
        current
          ? html`<div class="body">
                <conclave-icon
                  class=${severity}
                  name=${severity === 'info' ? 'info' : severity}
                  label=${localize(`severity.${severity}`)}
                ></conclave-icon>
                <div>
                  ${
                    current.source === undefined
                      ? nothing
                      : html`<div class="source">
                          ${localize('dialog.source', { source: current.source })}
                        </div>`
                  }
                  <h2 id="message">${current.message}</h2>
                  <p id="detail">${current.detail ?? ''}</p>
                </div>
              </div>
              <div class="actions">
                ${current.actions.map(
                  (action, index) =>
                    html`<button
                      class="text-button ${index === 0 && !cancelIsDefault ? 'primary' : ''}"
                      ?data-default=${index === 0 && !cancelIsDefault}
                      ?disabled=${!this.armed}
                      @click=${() => current.answer(action)}
                    >
                      ${action}
                    </button>`,
                )}
                <button
                  class="text-button ${cancelIsDefault ? 'primary' : ''}"
                  ?data-default=${cancelIsDefault}
                  @click=${() => current.answer(undefined)}
                >
                  ${current.cancelTitle ?? localize(current.actions.length === 0 ? 'dialog.ok' : 'dialog.cancel')}
                </button>
              </div>`
          : nothing
      }
    </dialog>`;
  }
}
defineElement('conclave-dialog', DialogElement);
