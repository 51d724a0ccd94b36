import { css, html, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import { baseStyles, textButtonStyles } from '../../base/styles.ts';
import type { ServerService } from './server-service.ts';
import { strings } from './strings.ts';

const LINES = 500;

/**
 * The newest lines of the relay on this computer.
 * @tag conclave-relay-log
 */
export class RelayLogElement extends WorkbenchElement {
  static override properties = {
    servers: { attribute: false },
    lines: { state: true },
    loading: { state: true },
    problem: { state: true },
  };
  declare servers: ServerService;
  declare private lines: readonly string[];
  declare private loading: boolean;
  declare private problem: string;

  static override styles = [
    baseStyles,
    textButtonStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        height: 100%;
        min-height: 0;
      }
      .bar {
        flex: none;
        display: flex;
        gap: 8px;
        align-items: center;
        padding: 8px 16px;
        color: var(--vscode-descriptionForeground);
      }
      pre {
        flex: 1;
        min-height: 0;
        overflow: auto;
        margin: 0;
        padding: 0 16px 16px;
        font-family: var(--conclave-monospace-font, ui-monospace, monospace);
        font-size: 12px;
        line-height: 18px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
    `,
  ];

  constructor() {
    super();
    this.lines = [];
    this.loading = false;
    this.problem = '';
  }

  protected override connected(store: DisposableStore): void {
    store.add(this.servers.onDidChangeRelay(() => void this.#read()));
    void this.#read();
  }

  async #read(): Promise<void> {
    this.loading = true;
    try {
      this.lines = await this.servers.relayLog(LINES);
      this.problem = '';
    } catch (error) {
      this.problem = error instanceof Error ? error.message : '';
    }
    this.loading = false;
    await this.updateComplete;
    const end = this.renderRoot.querySelector('pre');
    if (end) end.scrollTop = end.scrollHeight;
  }

  override render(): TemplateResult {
    const note = this.loading
      ? strings.relayLogLoading
      : this.problem !== ''
        ? this.problem
        : this.lines.length === 0
          ? strings.relayLogEmpty
          : '';
    return html`<div class="bar">
        <button class="text-button" type="button" @click=${() => void this.#read()}>
          ${strings.relayLogRefresh}
        </button>
        <span role="status">${note}</span>
      </div>
      <pre tabindex="0" aria-label=${strings.relayLogTitle} data-testid="relay-log">
${this.lines.join('\n')}</pre>`;
  }
}
defineElement('conclave-relay-log', RelayLogElement);
