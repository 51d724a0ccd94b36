import { css, html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { DisposableStore } from '../../core/base/disposable.ts';
import { announce } from '../base/announce.ts';
import { defineElement, WorkbenchElement } from '../base/element.ts';
import '../base/icon.ts';
import { styleProperties } from '../base/style-properties.ts';
import { baseStyles, iconButtonStyles, textButtonStyles } from '../base/styles.ts';
import { localize } from '../platform/nls.ts';
import type { Notification } from '../platform/notifications.ts';
import type { Shell } from './shell.ts';

const TOAST_MS = { info: 10_000, warning: 15_000, error: 30_000 } as const;
const MAX_TOASTS = 3;
const ICONS = { info: 'info', warning: 'warning', error: 'error' } as const;

/**
 * Notifications at the lower right: up to three toasts, or the centre with everything. Toasts with actions or
 * progress stay; others go after a while, but not while the pointer or the focus is on them.
 * @tag conclave-notifications
 */
export class NotificationsElement extends WorkbenchElement {
  static override properties = { shell: { attribute: false }, centre: { type: Boolean } };
  declare shell: Shell;
  /** The centre is open. */
  declare centre: boolean;
  readonly #timers = new Map<number, number>();
  readonly #announced = new Set<number>();
  #held = false;

  static override styles = [
    baseStyles,
    iconButtonStyles,
    textButtonStyles,
    css`
      :host {
        position: fixed;
        right: 12px;
        bottom: calc(30px + var(--toast-floor, 0px));
        z-index: 20;
        width: min(420px, calc(100vw - 24px));
        display: flex;
        flex-direction: column;
        gap: 8px;
        pointer-events: none;
        font-size: 13px;
      }
      .toast,
      .centre {
        pointer-events: auto;
        border: 1px solid var(--vscode-widget-border);
        border-radius: 4px;
        background: var(--vscode-notifications-background);
        color: var(--vscode-notifications-foreground);
        box-shadow: 0 2px 12px var(--vscode-widget-shadow, transparent);
      }
      .centre {
        max-height: min(480px, calc(100vh - 100px - var(--toast-floor, 0px)));
        display: flex;
        flex-direction: column;
      }
      .head {
        display: flex;
        align-items: center;
        height: 35px;
        padding: 0 8px 0 12px;
        flex: none;
        border-bottom: 1px solid var(--vscode-notifications-border);
      }
      .head h2 {
        flex: 1 1 auto;
        margin: 0;
        font-size: 11px;
        font-weight: 400;
        text-transform: uppercase;
      }
      .list {
        overflow-y: auto;
      }
      .list > * + * {
        border-top: 1px solid var(--vscode-notifications-border);
      }
      .empty {
        padding: 16px 12px;
        color: var(--vscode-descriptionForeground);
      }
      .item {
        padding: 10px 8px 10px 12px;
      }
      .body {
        display: flex;
        gap: 8px;
        align-items: flex-start;
      }
      .text {
        flex: 1 1 auto;
        min-width: 0;
        line-height: 1.4;
        overflow-wrap: anywhere;
        user-select: text;
      }
      .small {
        font-size: 11px;
        color: var(--vscode-descriptionForeground);
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
      .actions {
        display: flex;
        flex-wrap: wrap;
        justify-content: flex-end;
        gap: 8px;
        margin-top: 8px;
        padding-right: 4px;
      }
      .progress {
        height: 2px;
        margin-top: 8px;
        background: var(--vscode-notifications-border);
        overflow: hidden;
      }
      .bar {
        height: 100%;
        background: var(--vscode-progressBar-background);
      }
      .bar.endless {
        width: 30%;
        animation: slide 1.6s linear infinite;
      }
      @keyframes slide {
        from {
          transform: translateX(-100%);
        }
        to {
          transform: translateX(430%);
        }
      }
    `,
  ];

  constructor() {
    super();
    this.centre = false;
  }

  protected override connected(store: DisposableStore): void {
    const { notifications } = this.shell.services;
    store.add(notifications.onDidChange(() => this.#onChange()));
    store.add({
      dispose: () => {
        for (const timer of this.#timers.values()) clearTimeout(timer);
        this.#timers.clear();
      },
    });
    this.#onChange();
  }

  setCentre(open: boolean): void {
    this.centre = open;
    const { notifications } = this.shell.services;
    if (!open) return;
    notifications.markAllRead();
    for (const { id } of notifications.all()) notifications.hideToast(id);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('.centre')?.focus());
  }

  #onChange(): void {
    const { notifications } = this.shell.services;
    const all = notifications.all();
    for (const notification of all) {
      if (this.#announced.has(notification.id)) continue;
      this.#announced.add(notification.id);
      announce(
        `${localize(`severity.${notification.severity}`)}: ${notification.message}`,
        notification.severity === 'error' ? 'assertive' : 'polite',
      );
    }
    for (const [id, timer] of this.#timers) {
      if (all.some((notification) => notification.id === id && notification.toast)) continue;
      clearTimeout(timer);
      this.#timers.delete(id);
    }
    for (const notification of all) {
      if (!notification.toast || this.#timers.has(notification.id) || stays(notification)) continue;
      this.#startTimer(notification.id, TOAST_MS[notification.severity]);
    }
    this.requestUpdate();
  }

  #startTimer(id: number, milliseconds: number): void {
    this.#timers.set(
      id,
      window.setTimeout(() => {
        this.#timers.delete(id);
        if (this.#held) this.#startTimer(id, 2_000);
        else this.shell.services.notifications.hideToast(id);
      }, milliseconds),
    );
  }

  #renderItem(notification: Notification, className: string): TemplateResult {
    const { notifications } = this.shell.services;
    const small = [
      notification.source === undefined
        ? ''
        : localize('notifications.source', { source: notification.source }),
      notification.code ?? '',
    ].filter((part) => part !== '');
    return html`<div
      class="item ${className}"
      role="listitem"
      aria-label="${localize(`severity.${notification.severity}`)}: ${notification.message}"
    >
      <div class="body">
        <conclave-icon
          class=${notification.severity}
          name=${ICONS[notification.severity]}
          label=${localize(`severity.${notification.severity}`)}
        ></conclave-icon>
        <div class="text">
          ${notification.message}
          ${small.length === 0 ? nothing : html`<div class="small">${small.join(' · ')}</div>`}
        </div>
        <button
          class="icon-button"
          aria-label=${localize('notifications.close')}
          data-tooltip=${localize('notifications.close')}
          @click=${() => notifications.close(notification.id)}
        >
          <conclave-icon name="close"></conclave-icon>
        </button>
      </div>
      ${
        notification.actions && notification.actions.length > 0
          ? html`<div class="actions">
              ${notification.actions.map(
                (action, index) =>
                  html`<button
                    class="text-button ${index === 0 ? 'primary' : ''}"
                    @click=${() => notifications.choose(notification.id, action)}
                  >
                    ${action.title}
                  </button>`,
              )}
            </div>`
          : nothing
      }
      ${
        notification.progress === undefined
          ? nothing
          : html`<div
              class="progress"
              role="progressbar"
              aria-valuenow=${notification.progress === 'undetermined' ? nothing : Math.round(notification.progress * 100)}
            >
              <div
                class="bar ${notification.progress === 'undetermined' ? 'endless' : ''}"
                ${styleProperties(
                  notification.progress === 'undetermined'
                    ? {}
                    : { width: `${notification.progress * 100}%` },
                )}
              ></div>
            </div>`
      }
    </div>`;
  }

  override render(): TemplateResult {
    const { notifications } = this.shell.services;
    const all = notifications.all();
    const hold = {
      enter: () => {
        this.#held = true;
      },
      leave: () => {
        this.#held = false;
      },
    };
    if (this.centre)
      return html`<div
        class="centre"
        role="dialog"
        tabindex="-1"
        aria-label=${localize('notifications.title')}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          this.shell.run('notifications.hideList');
        }}
      >
        <div class="head">
          <h2>${localize('notifications.title')}</h2>
          <button
            class="icon-button"
            aria-label=${localize('notifications.clear')}
            data-tooltip=${localize('notifications.clear')}
            @click=${() => this.shell.run('notifications.clearAll')}
          >
            <conclave-icon name="clear-all"></conclave-icon>
          </button>
          <button
            class="icon-button"
            aria-label=${localize('command.hideNotifications')}
            data-tooltip=${localize('command.hideNotifications')}
            @click=${() => this.shell.run('notifications.hideList')}
          >
            <conclave-icon name="chevron-down"></conclave-icon>
          </button>
        </div>
        ${
          all.length === 0
            ? html`<div class="empty">${localize('notifications.empty')}</div>`
            : html`<div class="list" role="list">
                ${repeat(
                  all,
                  (notification) => notification.id,
                  (notification) => this.#renderItem(notification, ''),
                )}
              </div>`
        }
      </div>`;
    const toasts = all.filter((notification) => notification.toast).slice(0, MAX_TOASTS);
    return html`<div
      role="list"
      aria-label=${localize('notifications.title')}
      @mouseenter=${hold.enter}
      @mouseleave=${hold.leave}
      @focusin=${hold.enter}
      @focusout=${hold.leave}
    >
      ${repeat(
        toasts.toReversed(),
        (notification) => notification.id,
        (notification) => html`<div class="toast">${this.#renderItem(notification, '')}</div>`,
      )}
    </div>`;
  }
}
defineElement('conclave-notifications', NotificationsElement);

function stays(notification: Notification): boolean {
  return (
    notification.sticky === true ||
    notification.progress !== undefined ||
    (notification.actions !== undefined && notification.actions.length > 0)
  );
}
