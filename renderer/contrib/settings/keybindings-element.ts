import { css, html, nothing, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import { baseStyles, textButtonStyles } from '../../base/styles.ts';
import { fuzzyMatch } from '../../platform/fuzzy.ts';
import { KEYBINDING_WEIGHT } from '../../platform/keybindings.ts';
import { labelOfChord } from '../../platform/keystroke.ts';
import { localize } from '../../platform/nls.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import { formStyles } from './form-styles.ts';

/**
 * All commands with their keys. Changes are made in the keybindings file, which a button opens.
 * @tag conclave-keybindings
 */
export class KeybindingsElement extends WorkbenchElement {
  static override properties = { services: { attribute: false }, query: { state: true } };
  declare services: Pick<WorkbenchServices, 'keybindings' | 'commands'>;
  declare private query: string;

  static override styles = [
    baseStyles,
    textButtonStyles,
    formStyles,
    css`
      table {
        width: 100%;
        border-collapse: collapse;
        table-layout: fixed;
      }
      th,
      td {
        text-align: left;
        height: 24px;
        padding: 0 8px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      th:nth-child(1) {
        width: 46%;
      }
      th:nth-child(2) {
        width: 26%;
      }
      .scroll {
        container-type: inline-size;
      }
      @container (max-width: 560px) {
        th:nth-child(n + 3),
        td:nth-child(n + 3) {
          display: none;
        }
        th:nth-child(1) {
          width: 62%;
        }
        th:nth-child(2) {
          width: 38%;
        }
      }
      th {
        font-weight: 600;
        position: sticky;
        top: 0;
        background: var(--vscode-editor-background);
      }
      tr:nth-child(even) td {
        background: var(--vscode-list-hoverBackground);
      }
      kbd {
        font: inherit;
        font-size: 11px;
        padding: 1px 5px;
        border-radius: 3px;
        border: 1px solid var(--vscode-keybindingLabel-border);
        background: var(--vscode-keybindingLabel-background);
      }
    `,
  ];

  constructor() {
    super();
    this.query = '';
  }

  protected override connected(store: DisposableStore): void {
    store.add(this.services.keybindings.onDidChange(() => this.requestUpdate()));
    store.add(this.services.commands.onDidChange(() => this.requestUpdate()));
  }

  override render(): TemplateResult {
    const { keybindings, commands } = this.services;
    const bindings = keybindings.bindings().toReversed();
    const rows = commands
      .all()
      .flatMap((command) => {
        const title =
          command.category === undefined ? command.title : `${command.category}: ${command.title}`;
        const own = bindings.filter((binding) => binding.command === command.id);
        const row = { id: command.id, title };
        return own.length === 0
          ? [{ ...row, key: '', when: '', source: '' }]
          : own.map((binding) => ({
              ...row,
              key: labelOfChord(binding.strokes, keybindings.platform),
              when: binding.when ?? '',
              source: localize(
                binding.weight >= KEYBINDING_WEIGHT.user
                  ? 'keybindings.sourceUser'
                  : binding.weight > KEYBINDING_WEIGHT.core
                    ? 'keybindings.sourceExtension'
                    : 'keybindings.sourceCore',
              ),
            }));
      })
      .filter(
        (row) =>
          this.query.trim() === '' ||
          fuzzyMatch(this.query, `${row.title} ${row.key}`) !== undefined ||
          row.id.toLowerCase().includes(this.query.trim().toLowerCase()),
      )
      .sort((a, b) => Number(a.key === '') - Number(b.key === '') || a.title.localeCompare(b.title));
    return html`<div class="top">
        <input
          type="search"
          placeholder=${localize('keybindings.search')}
          aria-label=${localize('keybindings.search')}
          @input=${(event: globalThis.Event) => {
            this.query = (event.target as HTMLInputElement).value;
          }}
        />
        <button
          class="text-button"
          @click=${() => void commands.execute('workbench.action.openKeybindingsFile')}
        >
          ${localize('settings.editText')}
        </button>
      </div>
      <div class="scroll" tabindex="0" role="region" aria-label=${localize('keybindings.title')}>
        <table>
          <thead>
            <tr>
              <th scope="col">${localize('keybindings.command')}</th>
              <th scope="col">${localize('keybindings.key')}</th>
              <th scope="col">${localize('keybindings.when')}</th>
              <th scope="col">${localize('keybindings.source')}</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              (row) =>
                html`<tr>
                  <td data-tooltip=${[row.title, row.id, row.when, row.source].filter(Boolean).join('\n')}>
                    ${row.title}
                  </td>
                  <td>${row.key === '' ? nothing : html`<kbd>${row.key}</kbd>`}</td>
                  <td class="quiet" data-tooltip=${row.when === '' ? nothing : row.when}>${row.when}</td>
                  <td class="quiet">${row.source}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }
}
defineElement('conclave-keybindings', KeybindingsElement);
