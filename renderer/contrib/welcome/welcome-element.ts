import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../../core/base/disposable.ts';
import type { ServerProfile, VaultStatus } from '../../../core/workers/session-contract.ts';
import { addressOf } from '../../exthost/session-mapping.ts';
import { defineElement, WorkbenchElement } from '../../base/element.ts';
import { composedContains, deepActiveElement } from '../../base/focus.ts';
import { baseStyles, textButtonStyles } from '../../base/styles.ts';
import '../../base/icon.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import type { SessionService } from '../../platform/session-service.ts';
import { parseAddress } from '../servers/address.ts';
import type { ConnectOutcome } from '../servers/connect-flow.ts';
import type { ServerService } from '../servers/server-service.ts';
import { strings } from './strings.ts';

const MIN_PASSPHRASE = 8;

/** What the element needs. */
export interface WelcomeContext {
  readonly services: Pick<WorkbenchServices, 'host' | 'views' | 'commands'>;
  readonly session: SessionService;
  readonly servers: ServerService;
  readonly copyText: (text: string) => Promise<void>;
}

/** What is under way, shown on the button that started it. */
type Work = 'none' | 'creating' | 'unlocking' | 'connecting' | 'startingRelay';

/**
 * The first minutes: make an identity or unlock it, then start a relay or connect to a server.
 * @tag conclave-welcome
 */
export class WelcomeElement extends WorkbenchElement {
  static override properties = {
    context: { attribute: false },
    work: { state: true },
    problem: { state: true },
    withPassphrase: { state: true },
    copied: { state: true },
    recent: { state: true },
  };
  declare context: WelcomeContext;
  declare private work: Work;
  /** What went wrong, and in which part of the page. */
  declare private problem:
    | { readonly place: 'identity' | 'relay' | 'server'; readonly text: string; readonly code?: string }
    | undefined;
  declare private withPassphrase: boolean;
  declare private copied: string;
  declare private recent: readonly ServerProfile[];
  #shownStep = '';

  static override styles = [
    baseStyles,
    textButtonStyles,
    css`
      :host {
        display: block;
        height: 100%;
        overflow-y: auto;
        line-height: 20px;
        background: var(--vscode-editor-background);
      }
      .page {
        display: flex;
        flex-direction: column;
        gap: 24px;
        max-width: 560px;
        margin: 0 auto;
        padding: 32px 24px;
      }
      h1 {
        margin: 0;
        font-size: 24px;
        font-weight: 400;
        line-height: 32px;
      }
      h2 {
        margin: 0;
        font-size: 15px;
        font-weight: 600;
      }
      p {
        margin: 0;
        overflow-wrap: anywhere;
      }
      .dim {
        color: var(--vscode-descriptionForeground);
      }
      section,
      form {
        display: flex;
        flex-direction: column;
        gap: 8px;
      }
      label {
        display: flex;
        flex-direction: column;
        gap: 4px;
      }
      label.check {
        flex-direction: row;
        align-items: flex-start;
        gap: 8px;
      }
      label.check input {
        margin: 3px 0 0;
        accent-color: var(--vscode-focusBorder);
      }
      .field {
        height: 26px;
        padding: 0 8px;
        font: inherit;
        color: var(--vscode-input-foreground);
        background: var(--vscode-input-background);
        border: 1px solid var(--vscode-input-border, var(--vscode-panel-border, transparent));
        border-radius: 2px;
      }
      .field::placeholder {
        color: var(--vscode-input-placeholderForeground);
      }
      .field:focus {
        outline: 1px solid var(--vscode-focusBorder);
        outline-offset: -1px;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px;
      }
      .fingerprint {
        font-family: var(--conclave-monospace-font, ui-monospace, monospace);
        font-size: 13px;
        user-select: all;
        overflow-wrap: anywhere;
      }
      .box {
        padding: 8px 12px;
        border: 1px solid var(--vscode-panel-border, transparent);
        border-radius: 3px;
      }
      .warning {
        border-color: var(--vscode-inputValidation-warningBorder);
        background: var(--vscode-inputValidation-warningBackground);
        color: var(--vscode-inputValidation-warningForeground, inherit);
      }
      .error {
        border-color: var(--vscode-inputValidation-errorBorder);
        background: var(--vscode-inputValidation-errorBackground);
        color: var(--vscode-inputValidation-errorForeground, inherit);
      }
      .code {
        font-size: 11px;
        opacity: 0.8;
      }
      .text-button {
        display: inline-flex;
        align-items: center;
        gap: 8px;
      }
      .text-button:disabled {
        opacity: 0.6;
        cursor: default;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      .server {
        display: flex;
        gap: 8px;
        align-items: center;
        width: 100%;
        min-height: 26px;
        padding: 0 8px;
        border-radius: 3px;
        text-align: start;
      }
      .server:hover {
        background: var(--vscode-list-hoverBackground);
      }
      .server .ellipsis {
        flex: 1;
      }
    `,
  ];

  constructor() {
    super();
    this.work = 'none';
    this.problem = undefined;
    this.withPassphrase = false;
    this.copied = '';
    this.recent = [];
  }

  protected override connected(store: DisposableStore): void {
    const { session, servers } = this.context;
    const update = (): void => void this.requestUpdate();
    store.add(
      session.vault.onDidChange(() => {
        update();
        void this.#readRecent();
      }),
    );
    let state = '';
    store.add(
      session.connection.onDidChange((connection) => {
        // The round trip changes every second and is not shown here.
        if (connection.state === state) return;
        state = connection.state;
        update();
        if (connection.state === 'connected') void this.#readRecent();
      }),
    );
    store.add(servers.onDidChangeRelay(update));
    void this.#readRecent();
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('input, .text-button.primary')?.focus();
  }

  /** What the page asks for now. */
  get #step(): string {
    const vault = this.context.session.vault.current;
    if (vault?.state !== 'open') return vault?.state ?? 'starting';
    return this.context.session.connection.current.state === 'connected' ? 'connected' : 'open';
  }

  protected override updated(changed: PropertyValues): void {
    // Each step replaces the one before, and a button that works is disabled meanwhile: without help, the
    // focus would be lost. It is not taken from anywhere else.
    const isNew = this.#step !== this.#shownStep;
    this.#shownStep = this.#step;
    const hasFailed = changed.has('work') && this.work === 'none' && this.problem !== undefined;
    if (!isNew && !hasFailed) return;
    requestAnimationFrame(() => {
      const active = deepActiveElement();
      if (active !== document.body && !(isNew && active && composedContains(this, active))) return;
      if (this.checkVisibility()) this.#focusStep(hasFailed);
    });
  }

  #focusStep(hasFailed: boolean): void {
    const place = this.problem?.place;
    const field =
      !hasFailed || place === 'relay'
        ? null
        : this.renderRoot.querySelector<HTMLElement>(
            place === 'server' ? 'input[name="address"]' : 'input[name="passphrase"], input',
          );
    if (field) field.focus();
    else this.focus();
  }

  async #readRecent(): Promise<void> {
    if (this.context.session.vault.current?.state !== 'open') return;
    try {
      const servers = await this.context.session.servers();
      this.recent = [...servers].sort((a, b) => b.lastConnected - a.lastConnected).slice(0, 5);
    } catch {
      this.recent = [];
    }
  }

  #field(name: string): string {
    return this.renderRoot.querySelector<HTMLInputElement>(`input[name="${name}"]`)?.value ?? '';
  }

  /** Runs one piece of work at a time and keeps its failure where the person looks. */
  async #run(
    work: Work,
    place: 'identity' | 'relay' | 'server',
    task: () => Promise<ConnectOutcome | void>,
  ): Promise<void> {
    if (this.work !== 'none') return;
    this.work = work;
    this.problem = undefined;
    try {
      const outcome = await task();
      if (outcome?.state === 'failed') throw outcome.error;
    } catch (error) {
      const { message, code } = (error ?? {}) as { readonly message?: unknown; readonly code?: unknown };
      this.problem = {
        place,
        text: typeof message === 'string' ? message : '',
        ...(typeof code === 'string' ? { code } : {}),
      };
    } finally {
      this.work = 'none';
    }
  }

  #fail(place: 'identity' | 'server', text: string, field: string): void {
    this.problem = { place, text };
    this.renderRoot.querySelector<HTMLInputElement>(`input[name="${field}"]`)?.focus();
  }

  #create(needsPassphrase: boolean): void {
    const name = this.#field('name').trim();
    if (name === '') return this.#fail('identity', strings.nameMissing, 'name');
    const passphrase = needsPassphrase ? this.#field('passphrase') : undefined;
    if (passphrase !== undefined) {
      if (passphrase.length < MIN_PASSPHRASE)
        return this.#fail('identity', strings.passphraseShort, 'passphrase');
      if (passphrase !== this.#field('again'))
        return this.#fail('identity', strings.passphraseDiffers, 'again');
    }
    void this.#run('creating', 'identity', async () => {
      await this.context.session.createVault(name, passphrase);
    });
  }

  #unlock(passphrase: string | undefined): void {
    void this.#run('unlocking', 'identity', async () => {
      await this.context.session.unlockVault(passphrase);
    });
  }

  #connect(): void {
    const parsed = parseAddress(this.#field('address'));
    if (!parsed.ok) return this.#fail('server', parsed.error, 'address');
    const password = this.#field('password');
    void this.#run('connecting', 'server', () =>
      this.context.servers.connect({ ...parsed.value, ...(password === '' ? {} : { password }) }),
    );
  }

  async #copy(text: string): Promise<void> {
    try {
      await this.context.copyText(text);
      this.copied = strings.copied;
    } catch {
      this.copied = strings.copyFailed;
    }
  }

  override render(): TemplateResult {
    const vault = this.context.session.vault.current;
    return html`<div class="page" data-testid="welcome" data-state=${vault?.state ?? 'starting'}>
      <header>
        <h1>${strings.heading}</h1>
        <p class="dim">${strings.tagline}</p>
      </header>
      ${
        vault === undefined
          ? html`<p role="status"><conclave-icon name="loading~spin"></conclave-icon> ${strings.starting}</p>`
          : vault.state === 'absent'
            ? this.#renderCreate(vault)
            : vault.state === 'locked'
              ? this.#renderUnlock(vault)
              : this.#renderOpen(vault)
      }
    </div>`;
  }

  #renderProblem(place: 'identity' | 'relay' | 'server'): TemplateResult | typeof nothing {
    if (this.problem?.place !== place) return nothing;
    return html`<div class="box error" role="alert" data-testid="welcome-error">
      <p>${this.problem.text}</p>
      ${this.problem.code === undefined ? nothing : html`<p class="code">${this.problem.code}</p>`}
    </div>`;
  }

  #renderSubmit(title: string, busyTitle: string, work: Work, testId: string): TemplateResult {
    const busy = this.work === work;
    return html`<div class="row">
      <button
        class="text-button primary"
        type="submit"
        data-testid=${testId}
        ?disabled=${this.work !== 'none'}
      >
        ${busy ? html`<conclave-icon name="loading~spin"></conclave-icon>${busyTitle}` : title}
      </button>
      <span class="visually-hidden" role="status">${busy ? busyTitle : ''}</span>
    </div>`;
  }

  #renderCreate(vault: Extract<VaultStatus, { readonly state: 'absent' }>): TemplateResult {
    const { keychain } = vault;
    const needsPassphrase = this.withPassphrase || !keychain.available;
    return html`<form
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        this.#create(needsPassphrase);
      }}
    >
      <h2>${strings.whoAreYou}</h2>
      <label
        >${strings.nameLabel}
        <input class="field" name="name" maxlength="32" autocomplete="off" data-testid="welcome-name" />
      </label>
      <p class="dim">${strings.nameHint}</p>
      ${
        keychain.available
          ? html`<label class="check"
                ><input
                  type="checkbox"
                  data-testid="welcome-use-passphrase"
                  .checked=${this.withPassphrase}
                  @change=${(event: globalThis.Event) =>
                    (this.withPassphrase = (event.target as HTMLInputElement).checked)}
                /><span>${strings.protectLabel}</span></label
              >
              <p class="dim">${strings.protectHint(keychain.backend)}</p>`
          : html`<div class="box warning" role="note" data-testid="welcome-no-keychain">
              <p>${strings.noKeychain}</p>
              <p class="code">${strings.noKeychainReason(keychain.reason)}</p>
            </div>`
      }
      ${
        needsPassphrase
          ? html`<label
                >${strings.passphrase}
                <input
                  class="field"
                  type="password"
                  name="passphrase"
                  autocomplete="new-password"
                  data-testid="welcome-passphrase"
                />
              </label>
              <p class="dim">${strings.passphraseHint}</p>
              <label
                >${strings.passphraseAgain}
                <input
                  class="field"
                  type="password"
                  name="again"
                  autocomplete="new-password"
                  data-testid="welcome-passphrase-again"
                />
              </label>`
          : nothing
      }
      ${this.#renderProblem('identity')}
      ${this.#renderSubmit(strings.create, strings.creating, 'creating', 'welcome-create')}
    </form>`;
  }

  #renderUnlock(vault: Extract<VaultStatus, { readonly state: 'locked' }>): TemplateResult {
    const byPassphrase = vault.protection === 'passphrase';
    return html`<form
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        this.#unlock(byPassphrase ? this.#field('passphrase') : undefined);
      }}
    >
      <h2>${strings.unlockHeading}</h2>
      <p class="dim">${byPassphrase ? strings.unlockHint : strings.unlockKeychain}</p>
      ${
        byPassphrase
          ? html`<label
              >${strings.passphrase}
              <input
                class="field"
                type="password"
                name="passphrase"
                autocomplete="current-password"
                data-testid="welcome-unlock-passphrase"
              />
            </label>`
          : nothing
      }
      ${this.#renderProblem('identity')}
      ${this.#renderSubmit(byPassphrase ? strings.unlock : strings.tryAgain, strings.unlocking, 'unlocking', 'welcome-unlock')}
    </form>`;
  }

  #renderOpen(vault: Extract<VaultStatus, { readonly state: 'open' }>): TemplateResult {
    const connection = this.context.session.connection.current;
    return html`<section aria-label=${strings.fingerprint}>
        <h2>${strings.youAre(vault.identity.displayName)}</h2>
        <div class="row">
          <span class="dim">${strings.fingerprint}</span>
          <code class="fingerprint" data-testid="welcome-fingerprint">${vault.identity.fingerprint}</code>
          <button
            class="text-button"
            type="button"
            data-testid="welcome-copy"
            @click=${() => void this.#copy(vault.identity.fingerprint)}
          >
            <conclave-icon name="copy"></conclave-icon>${strings.copy}
          </button>
          <span role="status">${this.copied}</span>
        </div>
        <p>${strings.backup}</p>
        <p class="dim">${strings.backupDetail}</p>
      </section>
      ${connection.state === 'connected' ? this.#renderConnected(connection.serverName) : this.#renderServers()}`;
  }

  #renderConnected(serverName: string): TemplateResult {
    return html`<section>
      <h2>${strings.connected(serverName)}</h2>
      <p class="dim">${strings.connectedHint}</p>
      <div class="row">
        <button
          class="text-button primary"
          type="button"
          @click=${() => void this.context.services.views.focusView('channels.rooms')}
        >
          ${strings.showRooms}
        </button>
        <button
          class="text-button"
          type="button"
          @click=${() => void this.#run('connecting', 'server', () => this.context.session.disconnect())}
        >
          ${strings.disconnect}
        </button>
      </div>
    </section>`;
  }

  #renderServers(): TemplateResult {
    const { relay } = this.context.services.host.info;
    const startingRelay = this.work === 'startingRelay';
    const connecting =
      this.work === 'connecting' || this.context.session.connection.current.state === 'connecting';
    return html`
      <section>
        <h2>${strings.startRelay}</h2>
        <p class="dim">
          ${relay.available ? strings.startRelayHint : strings.relayUnavailable(relay.reason)}
        </p>
        ${this.#renderProblem('relay')}
        <div class="row">
          <button
            class="text-button primary"
            type="button"
            data-testid="welcome-start-relay"
            ?disabled=${!relay.available || this.work !== 'none'}
            @click=${() =>
              void this.#run('startingRelay', 'relay', () => this.context.servers.startAndConnect())}
          >
            <conclave-icon name=${startingRelay ? 'loading~spin' : 'vm-running'}></conclave-icon>${
              startingRelay ? strings.startingRelay : strings.startRelay
            }
          </button>
          <span class="visually-hidden" role="status">${startingRelay ? strings.startingRelay : ''}</span>
        </div>
      </section>
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          this.#connect();
        }}
      >
        <h2>${strings.connect}</h2>
        <p class="dim">${strings.connectHint}</p>
        <label
          >${strings.address}
          <input
            class="field"
            name="address"
            autocomplete="off"
            spellcheck="false"
            placeholder=${strings.addressPlaceholder}
            data-testid="welcome-address"
          />
        </label>
        <label
          >${strings.password}
          <input
            class="field"
            type="password"
            name="password"
            autocomplete="off"
            data-testid="welcome-password"
          />
        </label>
        ${this.#renderProblem('server')}
        ${this.#renderSubmit(strings.connectAction, strings.connecting, 'connecting', 'welcome-connect')}
        ${
          connecting
            ? html`<div class="row">
                <button
                  class="text-button"
                  type="button"
                  data-testid="welcome-cancel"
                  @click=${() => void this.context.session.disconnect()}
                >
                  ${strings.cancel}
                </button>
              </div>`
            : nothing
        }
      </form>
      ${
        this.recent.length === 0
          ? nothing
          : html`<section>
              <h2>${strings.recent}</h2>
              <ul data-testid="welcome-recent">
                ${this.recent.map(
                  (server) =>
                    html`<li>
                      <button
                        class="server"
                        type="button"
                        ?disabled=${this.work !== 'none'}
                        @click=${() =>
                          void this.#run('connecting', 'server', () =>
                            this.context.servers.connect({ host: server.host, port: server.port }),
                          )}
                      >
                        <conclave-icon name="server"></conclave-icon>
                        <span class="ellipsis">${server.name}</span>
                        <span class="dim">${addressOf(server)}</span>
                      </button>
                    </li>`,
                )}
              </ul>
            </section>`
      }
    `;
  }
}
defineElement('conclave-welcome', WelcomeElement);
