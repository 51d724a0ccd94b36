import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Call, Conclave, Disposable, ElementViewHost } from '../../api/conclave.d.ts';
import { buildRoster, findMismatch, suiteName, type RosterRow, type VoiceMode } from './roster.ts';
import { strings } from './strings.ts';

/** People come and go: a difference shorter than this is told calmly, a longer one is a warning. */
const MISMATCH_PATIENCE_MS = 5000;

/** What outlives the element: the view gets a new one when it is moved or the window becomes narrow. */
export interface CallMemory {
  /** Who was in the call when that was last known. */
  last?: { readonly room: number; readonly rows: readonly RosterRow[] };
}

type ActiveCall = Exclude<Call, { readonly state: 'none' }>;

/**
 * The call: who can hear, who talks, and what the microphone does.
 * @tag conclave-call
 */
export class CallElement extends LitElement {
  static override properties = { mismatchIsOld: { state: true } };
  declare private mismatchIsOld: boolean;
  #api: Conclave | undefined;
  #held: Disposable[] = [];
  #mismatchTimer: ReturnType<typeof setTimeout> | undefined;
  #memory: CallMemory = {};
  #volumes = new Map<string, number>();
  #sendingVolume = new Set<string>();

  static override styles = css`
    :host {
      display: flex;
      flex-direction: column;
      height: 100%;
      min-height: 0;
      overflow-y: auto;
      scrollbar-width: thin;
      container-type: inline-size;
      color: var(--vscode-foreground);
      font-family: var(--conclave-font, system-ui, sans-serif);
      font-size: 13px;
      line-height: 20px;
    }
    *,
    *::before,
    *::after {
      box-sizing: border-box;
    }
    button,
    input {
      font: inherit;
      color: inherit;
    }
    button {
      cursor: pointer;
    }
    :focus-visible {
      outline: 1px solid var(--vscode-focusBorder);
      outline-offset: -1px;
    }
    .state {
      display: flex;
      flex-direction: column;
      gap: 8px;
      padding: 12px 16px;
      color: var(--vscode-descriptionForeground);
    }
    .state p {
      margin: 0;
      overflow-wrap: anywhere;
    }
    .room {
      margin: 0;
      padding: 8px 16px 4px;
      font-size: 13px;
      font-weight: 600;
      overflow-wrap: anywhere;
    }
    .banner {
      display: flex;
      gap: 8px;
      margin: 4px 16px;
      padding: 6px 8px;
      border-radius: 3px;
      border: 1px solid var(--vscode-panel-border, transparent);
      color: var(--vscode-descriptionForeground);
    }
    .banner.warning {
      border-color: var(--vscode-inputValidation-warningBorder);
      background: var(--vscode-inputValidation-warningBackground);
      color: var(--vscode-inputValidation-warningForeground, var(--vscode-foreground));
    }
    .banner p {
      margin: 0;
      overflow-wrap: anywhere;
    }
    ul {
      margin: 0;
      padding: 0;
      list-style: none;
    }
    .old {
      opacity: 0.6;
    }
    li {
      padding: 2px 16px;
    }
    li:hover {
      background: var(--vscode-list-hoverBackground);
    }
    .person {
      display: flex;
      align-items: center;
      gap: 6px;
      min-height: 22px;
    }
    .person .name {
      margin-left: 2px;
    }
    .light {
      flex: none;
      width: 12px;
      height: 12px;
      border-radius: 50%;
      border: 2px solid var(--vscode-descriptionForeground);
      opacity: 0.6;
    }
    .light.talking {
      border-color: var(--vscode-charts-green, var(--vscode-testing-iconPassed, #3fb950));
      background: var(--vscode-charts-green, var(--vscode-testing-iconPassed, #3fb950));
      box-shadow:
        0 0 0 2px var(--vscode-sideBar-background, transparent),
        0 0 0 3px var(--vscode-charts-green, #3fb950);
      opacity: 1;
    }
    .name {
      flex: 1;
      min-width: 0;
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }
    .hint {
      color: var(--vscode-descriptionForeground);
    }
    .leaving {
      opacity: 0.5;
    }
    .off {
      display: inline-flex;
      color: var(--vscode-descriptionForeground);
    }
    .external {
      color: var(--vscode-editorWarning-foreground);
    }
    .volume {
      display: flex;
      align-items: center;
      gap: 6px;
      padding-left: 18px;
    }
    .volume {
      max-width: 320px;
    }
    .volume input {
      flex: 1;
      min-width: 0;
      height: 16px;
      margin: 0;
      appearance: none;
      background: none;
    }
    .volume input::-webkit-slider-runnable-track {
      height: 4px;
      border-radius: 2px;
      background: var(--vscode-scrollbarSlider-hoverBackground, var(--vscode-panel-border));
    }
    .volume input::-webkit-slider-thumb {
      appearance: none;
      width: 12px;
      height: 12px;
      margin-top: -4px;
      border-radius: 50%;
      background: var(--vscode-foreground);
    }
    .volume input:focus-visible {
      outline-offset: 2px;
      border-radius: 2px;
    }
    @media (forced-colors: active) {
      .volume input {
        appearance: auto;
      }
    }
    .volume output {
      flex: none;
      width: 44px;
      text-align: right;
      font-size: 11px;
      color: var(--vscode-descriptionForeground);
    }
    .controls {
      display: grid;
      grid-template-columns: repeat(2, minmax(0, 1fr));
      gap: 4px;
      max-width: 480px;
      padding: 8px 16px;
    }
    .control {
      display: inline-flex;
      align-items: center;
      justify-content: center;
      gap: 6px;
      min-width: 0;
      min-height: 28px;
      padding: 0 8px;
      border: 1px solid var(--vscode-button-border, transparent);
      border-radius: 3px;
      color: var(--vscode-button-secondaryForeground);
      background: var(--vscode-button-secondaryBackground);
    }
    .control:hover {
      background: var(--vscode-button-secondaryHoverBackground);
    }
    .control[aria-pressed='true'] {
      border-color: var(--vscode-editorWarning-foreground);
    }
    .control.action {
      max-width: 300px;
    }
    .control.talk {
      grid-column: 1 / -1;
      min-height: 36px;
      touch-action: none;
    }
    .control.talk.sending,
    .control.primary {
      color: var(--vscode-button-foreground);
      background: var(--vscode-button-background);
    }
    .control.leave {
      grid-column: 1 / -1;
      color: var(--vscode-errorForeground);
    }
    /* In the panel there is more width than height: people on the left, the numbers on the right. */
    @container (min-width: 500px) {
      .call {
        display: grid;
        grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
        align-items: start;
      }
      .call .aside {
        border-left: 1px solid var(--vscode-panel-border, transparent);
      }
      .call .secure {
        border-top: none;
      }
    }
    @container (min-width: 360px) {
      .controls.three {
        grid-template-columns: repeat(3, minmax(0, 1fr));
      }
      .controls.three .leave {
        grid-column: auto;
      }
    }
    .control:focus-visible {
      outline-offset: 2px;
    }
    .secure {
      display: flex;
      gap: 6px;
      padding: 8px 16px 4px;
      border-top: 1px solid var(--vscode-panel-border, transparent);
    }
    .secure span {
      min-width: 0;
      overflow-wrap: anywhere;
    }
    dl {
      display: grid;
      grid-template-columns: 1fr auto;
      gap: 0 8px;
      margin: 0;
      padding: 0 16px 12px;
      color: var(--vscode-descriptionForeground);
    }
    dd {
      margin: 0;
      text-align: right;
      font-variant-numeric: tabular-nums;
    }
  `;

  constructor() {
    super();
    this.mismatchIsOld = false;
  }

  /** Gives the element what it shows; called once, before it is put into a document. */
  start(api: Conclave, host: ElementViewHost, memory: CallMemory): void {
    this.#api = api;
    this.#memory = memory;
    const update = (): void => {
      this.#watchMismatch();
      this.requestUpdate();
    };
    this.#held = [
      api.call.onDidChange(update),
      api.call.onDidChangeSpeaking(update),
      api.call.onDidChangeStats(update),
      api.rooms.onDidChange(update),
      api.connection.onDidChange(update),
      api.identity.onDidChange(update),
      api.configuration.onDidChange((change) => {
        if (change.affects('voice')) update();
      }),
      host.onDidClose(() => {
        for (const held of this.#held) held.dispose();
        clearTimeout(this.#mismatchTimer);
      }),
    ];
    this.#watchMismatch();
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('button')?.focus();
  }

  #watchMismatch(): void {
    const call = this.#api?.call.state;
    const differs = call !== undefined && call.state !== 'none' && call.mismatch;
    if (!differs) {
      clearTimeout(this.#mismatchTimer);
      this.#mismatchTimer = undefined;
      this.mismatchIsOld = false;
    } else this.#mismatchTimer ??= setTimeout(() => (this.mismatchIsOld = true), MISMATCH_PATIENCE_MS);
  }

  #run(command: string): void {
    const api = this.#api;
    api?.commands.execute(command).catch((error: unknown) => {
      void api.window.showMessage('error', error instanceof Error ? error.message : strings.failed);
    });
  }

  override render(): TemplateResult | typeof nothing {
    const api = this.#api;
    if (!api) return nothing;
    const call = api.call.state;
    return call.state === 'none' ? this.#renderNoCall(api) : this.#renderCall(api, call);
  }

  #renderNoCall(api: Conclave): TemplateResult {
    const connected = api.connection.state.state === 'connected';
    return html`<div class="state" data-testid="call-none">
        <p>${connected ? strings.notInCall : strings.notConnected}</p>
        <p>${strings.notInCallHint}</p>
        ${
          connected || api.identity.current
            ? html`<button
                class="control action ${connected ? 'primary' : ''}"
                type="button"
                data-testid="call-join"
                @click=${() => this.#run(connected ? 'rooms.join' : 'server.connect')}
              >
                ${connected ? strings.joinRoom : strings.connect}
              </button>`
            : nothing
        }
      </div>
      ${connected ? html`<div class="controls">${this.#renderSwitches(api)}</div>` : nothing}`;
  }

  #renderCall(api: Conclave, call: ActiveCall): TemplateResult {
    const room = api.rooms.all.find(({ id }) => id === call.room)?.name ?? strings.unknownRoom;
    const offline = api.connection.state.state !== 'connected';
    const now = buildRoster(call, api.rooms.people, api.call.speaking, api.call.transmitting);
    if (now.length > 0) this.#memory.last = { room: call.room, rows: now };
    // While the connection is made again the group is not there; who was in it stays readable, greyed.
    const { last: kept } = this.#memory;
    const last = now.length === 0 && kept?.room === call.room ? kept : undefined;
    const rows = last ? last.rows.map((row) => ({ ...row, talking: false })) : now;
    const mode = api.configuration.get<VoiceMode>('voice.mode');
    const banner = offline
      ? strings.reconnecting
      : call.state === 'joining'
        ? strings.joining
        : call.state === 'recovering'
          ? strings.recovering
          : '';
    return html`<div class="call">
      <div>
        <h3 class="room" data-testid="call-room" data-state=${call.state}>${strings.callIn(room)}</h3>
        ${
          banner === ''
            ? nothing
            : html`<div class="banner" role="status">
                <conclave-icon name="loading~spin"></conclave-icon>
                <p>${banner}</p>
              </div>`
        }
        ${this.#renderMismatch(api, call)}
        <ul class=${offline || last ? 'old' : ''} aria-label=${strings.members} data-testid="call-members">
          ${repeat(
            rows,
            (row) => row.session,
            (row) => this.#renderRow(row),
          )}
        </ul>
        <div class="controls three">
          ${mode === 'pushToTalk' ? this.#renderTalk(api) : nothing} ${this.#renderSwitches(api)}
          <button
            class="control leave"
            type="button"
            data-testid="call-leave"
            @click=${() => this.#run('voice.leave')}
          >
            <conclave-icon name="sign-out"></conclave-icon>${strings.leave}
          </button>
        </div>
      </div>
      <div class="aside ${offline ? 'old' : ''}">${this.#renderNumbers(api, call)}</div>
    </div> `;
  }

  #renderMismatch(api: Conclave, call: ActiveCall): TemplateResult | typeof nothing {
    const mismatch = findMismatch(call, api.rooms.people);
    if (!mismatch || (mismatch.membersOnly.length === 0 && !this.mismatchIsOld)) return nothing;
    const { listedOnly, membersOnly } = mismatch;
    return html`<div
      class="banner ${this.mismatchIsOld ? 'warning' : ''}"
      role="alert"
      data-testid="call-mismatch"
    >
      <conclave-icon name="warning"></conclave-icon>
      <div>
        <p>${strings.mismatchTitle}</p>
        ${listedOnly.length > 0 ? html`<p>${strings.mismatchListed(listedOnly.join(', '))}</p>` : nothing}
        ${membersOnly.length > 0 ? html`<p>${strings.mismatchMembers(membersOnly.join(', '))}</p>` : nothing}
        <p>${strings.mismatchAdvice}</p>
      </div>
    </div>`;
  }

  #renderRow(row: RosterRow): TemplateResult {
    const volume = this.#volumes.get(row.key) ?? row.volume;
    const state = row.talking ? strings.talking : strings.silent;
    return html`<li
      class=${row.leaving ? 'leaving' : ''}
      data-testid="call-member"
      data-session=${row.session}
      data-key=${row.key}
      data-talking=${row.talking ? 'true' : 'false'}
      data-tooltip=${row.leaving ? strings.leaving : nothing}
    >
      <div class="person">
        <span class="light ${row.talking ? 'talking' : ''}" role="img" aria-label=${state}></span>
        <span class="name" data-tooltip=${row.name}
          >${row.name}${row.self ? html`<span class="hint"> (${strings.you})</span>` : nothing}${
            row.leaving ? html`<span class="hint"> · ${strings.leavingShort}</span>` : nothing
          }</span
        >
        ${
          row.external
            ? html`<span class="external" data-tooltip=${strings.external}
                ><conclave-icon name="warning" label=${strings.external}></conclave-icon
              ></span>`
            : nothing
        }
        ${
          row.verified
            ? html`<span class="off" data-tooltip=${strings.verified}
                ><conclave-icon name="verified-filled" label=${strings.verified}></conclave-icon
              ></span>`
            : nothing
        }
        ${
          row.muted
            ? html`<span class="off" data-tooltip=${strings.muted}
                ><conclave-icon name="mic~off" label=${strings.muted}></conclave-icon
              ></span>`
            : nothing
        }
        ${
          row.deafened
            ? html`<span class="off" data-tooltip=${strings.deafened}
                ><conclave-icon name="mute" label=${strings.deafened}></conclave-icon
              ></span>`
            : nothing
        }
      </div>
      ${
        row.self
          ? nothing
          : html`<div class="volume">
              <input
                type="range"
                min="0"
                max="200"
                step="5"
                .value=${String(Math.round(volume * 100))}
                aria-label=${strings.volumeOf(row.name)}
                aria-valuetext=${strings.percent(volume)}
                data-testid="call-volume"
                @input=${(event: globalThis.Event) =>
                  void this.#setVolume(row.key, Number((event.target as HTMLInputElement).value) / 100)}
                @dblclick=${() => void this.#setVolume(row.key, 1)}
              />
              <output>${strings.percent(volume)}</output>
            </div>`
      }
    </li>`;
  }

  /** A slider moves faster than the worker stores: only the newest value is sent, one at a time. */
  async #setVolume(key: string, volume: number): Promise<void> {
    this.#volumes.set(key, volume);
    this.requestUpdate();
    if (this.#sendingVolume.has(key)) return;
    this.#sendingVolume.add(key);
    try {
      let sent: number;
      do {
        sent = this.#volumes.get(key) ?? volume;
        await this.#api?.call.setVolume(key, sent);
      } while (sent !== this.#volumes.get(key));
    } catch {
      // The slider falls back to the volume that is in force.
    } finally {
      this.#sendingVolume.delete(key);
      this.#volumes.delete(key);
      this.requestUpdate();
    }
  }

  #renderSwitches(api: Conclave): TemplateResult {
    const { muted, deafened } = api.call.state;
    return html`<button
        class="control"
        type="button"
        aria-pressed=${muted ? 'true' : 'false'}
        data-testid="call-mute"
        @click=${() => this.#run('voice.toggleMute')}
      >
        <conclave-icon name=${muted ? 'mic~off' : 'mic'}></conclave-icon>${
          muted ? strings.unmute : strings.mute
        }
      </button>
      <button
        class="control"
        type="button"
        aria-pressed=${deafened ? 'true' : 'false'}
        data-testid="call-deafen"
        @click=${() => this.#run('voice.toggleDeafen')}
      >
        <conclave-icon name=${deafened ? 'mute' : 'unmute'}></conclave-icon>${
          deafened ? strings.undeafen : strings.deafen
        }
      </button>`;
  }

  #renderTalk(api: Conclave): TemplateResult {
    const press = (event: PointerEvent): void => {
      (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
      api.call.setTalking(true);
    };
    const release = (): void => api.call.setTalking(false);
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== ' ' && event.key !== 'Enter') return;
      event.preventDefault();
      if (!event.repeat) api.call.setTalking(event.type === 'keydown');
    };
    const sending = api.call.transmitting;
    return html`<button
      class="control talk ${sending ? 'sending' : ''}"
      type="button"
      data-testid="call-talk"
      @pointerdown=${press}
      @pointerup=${release}
      @pointercancel=${release}
      @keydown=${onKey}
      @keyup=${onKey}
      @blur=${release}
    >
      <conclave-icon name=${sending ? 'mic-filled' : 'mic'}></conclave-icon>${
        sending ? strings.sending : strings.holdToTalk
      }
    </button>`;
  }

  #renderNumbers(api: Conclave, call: ActiveCall): TemplateResult {
    const stats = api.call.stats;
    const ms = (value: number | null | undefined): string =>
      value === null || value === undefined ? strings.notMeasured : strings.ms(value);
    return html`<div
        class="secure"
        data-testid="call-encryption"
        data-epoch=${call.epoch ?? nothing}
        data-tooltip=${call.suite}
      >
        <conclave-icon name=${call.state === 'joined' ? 'lock' : 'loading~spin'}></conclave-icon>
        <span
          >${call.state !== 'joined' ? strings.waitingForGroup : strings.encrypted(call.epoch)}${call.suite === '' ? nothing : html`<br />${suiteName(call.suite)}`}${
            call.code === ''
              ? nothing
              : html`<br /><span data-testid="call-code" data-tooltip=${strings.codeExplained}
                    >${strings.code(call.code)}</span
                  >`
          }</span
        >
      </div>
      <dl data-testid="call-stats">
        <dt>${strings.roundTrip}</dt>
        <dd>${ms(stats?.rttMs)}</dd>
        <dt>${strings.loss}</dt>
        <dd>${stats ? strings.lossPercent(stats.lossPercent) : strings.notMeasured}</dd>
        <dt>${strings.jitter}</dt>
        <dd>${ms(stats?.jitterMs)}</dd>
        <dt>${strings.rate}</dt>
        <dd>${stats ? strings.kbps(stats.kbpsIn, stats.kbpsOut) : strings.notMeasured}</dd>
        ${
          stats && stats.rejected > 0
            ? html`<dt data-tooltip=${strings.rejectedExplained}>${strings.rejected}</dt>
                <dd>${stats.rejected}</dd>`
            : nothing
        }
      </dl>`;
  }
}

/** Makes the element for one place. */
export function createCallElement(api: Conclave, host: ElementViewHost, memory: CallMemory): HTMLElement {
  if (!customElements.get('conclave-call')) customElements.define('conclave-call', CallElement);
  const element = document.createElement('conclave-call') as CallElement;
  element.start(api, host, memory);
  return element;
}
