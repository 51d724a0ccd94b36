import { css, html, nothing, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import '../../base/icon.ts';
import { baseStyles, iconButtonStyles, textButtonStyles } from '../../base/styles.ts';
import type { RegisteredSetting } from '../../platform/configuration.ts';
import { fuzzyMatch } from '../../platform/fuzzy.ts';
import { localize } from '../../platform/nls.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import { formStyles } from './form-styles.ts';
import { titleOfSetting } from './setting-title.ts';

/**
 * The settings, as a form made from their schemas. Every change is written at once.
 * @tag conclave-settings
 */
export class SettingsElement extends WorkbenchElement {
  static override properties = {
    services: { attribute: false },
    query: { state: true },
    problems: { state: true },
  };
  declare services: Pick<WorkbenchServices, 'configuration' | 'commands' | 'themes' | 'notifications'>;
  declare private query: string;
  declare private problems: Readonly<Record<string, string>>;

  static override styles = [
    baseStyles,
    iconButtonStyles,
    textButtonStyles,
    formStyles,
    css`
      h2 {
        font-size: 18px;
        font-weight: 600;
        margin: 20px 0 4px;
        color: var(--vscode-settings-headerForeground);
      }
      .setting {
        position: relative;
        padding: 10px 0 10px 12px;
        border-left: 2px solid transparent;
      }
      .setting.modified {
        border-left-color: var(--vscode-settings-modifiedItemIndicator);
      }
      .head {
        display: flex;
        align-items: center;
        gap: 6px;
        min-height: 22px;
      }
      .name {
        font-weight: 600;
      }
      .row {
        display: flex;
        gap: 8px;
        align-items: flex-start;
      }
      .description {
        margin: 2px 0 6px;
        line-height: 1.4;
      }
      select,
      .text {
        width: min(420px, 100%);
      }
      .number {
        width: 140px;
      }
    `,
  ];

  constructor() {
    super();
    this.query = '';
    this.problems = {};
  }

  protected override connected(store: DisposableStore): void {
    store.add(this.services.configuration.onDidChange(() => this.requestUpdate()));
    store.add(this.services.commands.onDidChange(() => this.requestUpdate()));
  }

  async #set(key: string, value: unknown): Promise<void> {
    const { [key]: _, ...others } = this.problems;
    try {
      await this.services.configuration.update(key, value);
      this.problems = others;
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      this.problems = { ...others, [key]: localize('settings.invalid', { problem: message }) };
    }
  }

  #control({ key, schema }: RegisteredSetting): TemplateResult {
    const value = this.services.configuration.get<unknown>(key);
    const label = schema.title ?? titleOfSetting(key);
    const describedBy = `description-${key}`;
    const choices =
      key === 'workbench.colorTheme'
        ? ['auto', ...this.services.themes.themes().map(({ id }) => id)]
        : schema.enum;
    if (choices)
      return html`<select
        aria-label=${label}
        aria-describedby=${describedBy}
        @change=${(event: globalThis.Event) => {
          const chosen = choices[(event.target as HTMLSelectElement).selectedIndex];
          void this.#set(key, chosen);
        }}
      >
        ${choices.map((choice, index) => {
          const description = schema.enumDescriptions?.[index];
          return html`<option ?selected=${choice === value}>
            ${choice}${description === undefined ? '' : `: ${description}`}
          </option>`;
        })}
      </select>`;
    switch (schema.type) {
      case 'boolean':
        return html`<input
          type="checkbox"
          aria-label=${label}
          aria-describedby=${describedBy}
          .checked=${value === true}
          @change=${(event: globalThis.Event) => void this.#set(key, (event.target as HTMLInputElement).checked)}
        />`;
      case 'number':
      case 'integer':
        return html`<input
          class="number"
          type="number"
          aria-label=${label}
          aria-describedby=${describedBy}
          min=${schema.minimum ?? nothing}
          max=${schema.maximum ?? nothing}
          step=${schema.type === 'integer' ? 1 : 'any'}
          .value=${String(value)}
          @change=${(event: globalThis.Event) =>
            void this.#set(key, (event.target as HTMLInputElement).valueAsNumber)}
        />`;
      case 'string':
        return html`<input
          class="text"
          type="text"
          aria-label=${label}
          aria-describedby=${describedBy}
          .value=${String(value)}
          @change=${(event: globalThis.Event) => void this.#set(key, (event.target as HTMLInputElement).value)}
        />`;
      default:
        return html`<button
          class="text-button"
          @click=${() => void this.services.commands.execute('workbench.action.openSettingsFile')}
        >
          ${localize('settings.editInFile')}
        </button>`;
    }
  }

  #renderSetting(setting: RegisteredSetting): TemplateResult {
    const { key, schema } = setting;
    const modified = this.services.configuration.inspect(key).userValue !== undefined;
    const problem = this.problems[key];
    const isCheckbox = schema.type === 'boolean';
    const description = html`<div id="description-${key}" class="description quiet">
      ${schema.description}
    </div>`;
    return html`<div
      class="setting ${modified ? 'modified' : ''}"
      role="group"
      aria-label=${titleOfSetting(key)}
    >
      <div class="head">
        <span class="name ellipsis" data-tooltip=${key}>${schema.title ?? titleOfSetting(key)}</span>
        ${
          modified
            ? html`<button
                class="icon-button"
                aria-label=${localize('settings.reset')}
                data-tooltip="${localize('settings.modified')}. ${localize('settings.reset')}"
                @click=${() => void this.#set(key, undefined)}
              >
                <conclave-icon name="discard"></conclave-icon>
              </button>`
            : nothing
        }
      </div>
      ${
        isCheckbox
          ? html`<div class="row">${this.#control(setting)}${description}</div>`
          : html`${description}${this.#control(setting)}`
      }
      ${problem === undefined ? nothing : html`<div class="problem" role="alert">${problem}</div>`}
    </div>`;
  }

  override render(): TemplateResult {
    const query = this.query.trim();
    const settings = this.services.configuration
      .settings()
      .filter(
        ({ key, schema, section }) =>
          query === '' ||
          fuzzyMatch(query, `${section} ${titleOfSetting(key)}`) !== undefined ||
          `${key} ${schema.description}`.toLowerCase().includes(query.toLowerCase()),
      );
    const sections = new Map<string, RegisteredSetting[]>();
    for (const setting of settings)
      sections.set(setting.section, [...(sections.get(setting.section) ?? []), setting]);
    return html`<div class="top">
        <input
          type="search"
          placeholder=${localize('settings.search')}
          aria-label=${localize('settings.search')}
          @input=${(event: globalThis.Event) => {
            this.query = (event.target as HTMLInputElement).value;
          }}
        />
        <span class="quiet" role="status"
          >${query === '' ? '' : localize('settings.count', { count: settings.length })}</span
        >
        <button
          class="text-button"
          @click=${() => void this.services.commands.execute('workbench.action.openSettingsFile')}
        >
          ${localize('settings.editText')}
        </button>
      </div>
      <div class="scroll">
        <div class="inner">
          ${settings.length === 0 ? html`<p class="quiet">${localize('settings.none')}</p>` : nothing}
          ${[...sections].map(
            ([section, own]) =>
              html`<h2>${section}</h2>
                ${[...own]
                  .sort((a, b) => (a.schema.order ?? 100) - (b.schema.order ?? 100))
                  .map((setting) => this.#renderSetting(setting))}`,
          )}
        </div>
      </div>`;
  }
}
defineElement('conclave-settings', SettingsElement);
