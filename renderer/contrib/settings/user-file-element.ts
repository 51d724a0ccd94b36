import { parse as parseJsonc, type ParseError } from 'jsonc-parser';
import { css, html, nothing, type TemplateResult } from 'lit';
import type { UserFile } from '../../../core/base/rpc/host-contract.ts';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import { baseStyles, textButtonStyles } from '../../base/styles.ts';
import { localize } from '../../platform/nls.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import { formStyles } from './form-styles.ts';

/**
 * A user file as text. It is saved only while it is valid JSON (with comments): a file that cannot be read
 * would switch off everything in it.
 * @tag conclave-user-file
 */
export class UserFileElement extends WorkbenchElement {
  static override properties = {
    services: { attribute: false },
    file: { type: String },
    text: { state: true },
    saved: { state: true },
    message: { state: true },
    failed: { state: true },
  };
  declare services: Pick<WorkbenchServices, 'host' | 'configuration' | 'keybindings'>;
  declare file: UserFile;
  declare private text: string;
  declare private saved: string;
  declare private message: string;
  declare private failed: boolean;

  static override styles = [
    baseStyles,
    textButtonStyles,
    formStyles,
    css`
      textarea {
        flex: 1 1 auto;
        margin: 0 24px 24px;
        padding: 8px;
        resize: none;
        font: 13px/1.5 var(--conclave-monospace-font);
        tab-size: 2;
        white-space: pre;
      }
      .state {
        flex: 1 1 200px;
        margin: 0;
      }
    `,
  ];

  constructor() {
    super();
    this.file = 'settings';
    this.text = '';
    this.saved = '';
    this.message = '';
    this.failed = false;
  }

  protected override connected(store: DisposableStore): void {
    void this.#load();
    store.add(
      this.services.host.on('userFile.changed')(({ name, text }) => {
        if (name !== this.file) return;
        // An edit in progress is not thrown away by a change from elsewhere.
        if (this.text === this.saved) this.text = text;
        this.saved = text;
      }),
    );
    if (this.file === 'settings')
      store.add(
        this.services.configuration.onDidChange(() => {
          const text = this.services.configuration.userText;
          if (this.text === this.saved) this.text = text;
          this.saved = text;
        }),
      );
  }

  async #load(): Promise<void> {
    const { text } = await this.services.host.call('userFile.read', { name: this.file });
    const initial = text === '' ? (this.file === 'settings' ? '{\n}\n' : '[\n]\n') : text;
    this.text = initial;
    this.saved = initial;
  }

  async #save(): Promise<void> {
    const errors: ParseError[] = [];
    parseJsonc(this.text, errors, { allowTrailingComma: true });
    const first = errors[0];
    if (first) {
      const line = this.text.slice(0, first.offset).split('\n').length;
      this.#tell(localize('settings.invalid', { problem: localize('settings.invalidLine', { line }) }), true);
      return;
    }
    try {
      await this.services.host.call('userFile.write', { name: this.file, text: this.text });
    } catch (error) {
      this.#tell(
        localize('settings.invalid', { problem: error instanceof Error ? error.message : '' }),
        true,
      );
      return;
    }
    this.saved = this.text;
    const problems =
      this.file === 'settings'
        ? (this.services.configuration.setUserText(this.text), this.services.configuration.problems)
        : this.services.keybindings.setUserText(this.text);
    const problem = problems[0];
    this.#tell(problem ? problem.message : localize('settings.saved'), problem !== undefined);
  }

  #tell(message: string, failed: boolean): void {
    this.message = message;
    this.failed = failed;
  }

  override render(): TemplateResult {
    const changed = this.text !== this.saved;
    const label = localize(this.file === 'settings' ? 'settings.fileTitle' : 'settings.keybindingsFileTitle');
    return html`<div class="top">
        <button class="text-button primary" @click=${() => void this.#save()}>
          ${localize('settings.save')}
        </button>
        <button
          class="text-button"
          aria-disabled=${changed ? nothing : 'true'}
          @click=${() => {
            this.text = this.saved;
            this.#tell('', false);
          }}
        >
          ${localize('settings.revert')}
        </button>
        <span class="state ${this.failed ? 'problem' : 'quiet'}" role="status" ?hidden=${this.message === ''}
          >${this.message}</span
        >
      </div>
      <textarea
        aria-label=${label}
        spellcheck="false"
        .value=${this.text}
        @input=${(event: globalThis.Event) => {
          this.text = (event.target as HTMLTextAreaElement).value;
          this.message = '';
        }}
        @keydown=${(event: KeyboardEvent) => {
          if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
          event.preventDefault();
          void this.#save();
        }}
      ></textarea>`;
  }
}
defineElement('conclave-user-file', UserFileElement);
