import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Conclave, Disposable, ElementViewHost, Message } from '../../api/conclave.d.ts';
import { parseMarkdown, plainText } from './markdown.ts';
import { renderBody, type MessageActions } from './message-body.ts';
import { createRoomMessages, failureOf, type RoomMessages } from './room-messages.ts';
import { strings } from './strings.ts';
import { absoluteTime, dayName, relativeTime } from './time-text.ts';
import { buildTimeline, identityOf, type TimelineItem } from './timeline.ts';

/** The relay takes 48 KiB of ciphertext; this leaves room for padding, signature and framing. */
const MAX_TEXT_BYTES = 32 * 1024;
/** Closer to the end than this counts as reading the newest messages. */
const BOTTOM_SLACK_PX = 40;
const CLOCK_INTERVAL_MS = 30_000;

/** What the element is given when it is made. */
export interface RoomElementOptions {
  readonly api: Conclave;
  readonly host: ElementViewHost;
  readonly room: number;
  /** Unsent texts by room; they outlive the tab. */
  readonly drafts: Map<number, string>;
}

/**
 * The messages of one room and the box to write new ones.
 * @tag conclave-chat-room
 */
export class ChatRoomElement extends LitElement {
  static override properties = {
    now: { state: true },
    announcements: { state: true },
    draft: { state: true },
    sendError: { state: true },
    unseen: { state: true },
  };
  declare private now: number;
  /** What was told to screen readers; the newest few. */
  declare private announcements: readonly { readonly id: number; readonly text: string }[];
  declare private draft: string;
  declare private sendError: string;
  declare private unseen: boolean;
  #options: RoomElementOptions | undefined;
  #messages: RoomMessages | undefined;
  #held: Disposable[] = [];
  #clock: ReturnType<typeof setInterval> | undefined;
  #visible = true;
  /** Messages of others that came while the tab was behind another one. */
  #unread = 0;
  #nextAnnouncement = 1;
  #atBottom = true;
  /** Distance from the end to keep when older messages are put above. */
  #keepFromEnd: number | undefined;

  static override styles = css`
    :host {
      display: flex;
      flex-direction: column;
      height: 100%;
      min-height: 0;
      color: var(--vscode-foreground);
      background: var(--vscode-editor-background);
      font-family: var(--conclave-font, system-ui, sans-serif);
      font-size: 13px;
      line-height: 20px;
    }
    *,
    *::before,
    *::after {
      box-sizing: border-box;
    }
    button {
      font: inherit;
      color: inherit;
      cursor: pointer;
    }
    :focus-visible {
      outline: 1px solid var(--vscode-focusBorder);
      outline-offset: -1px;
    }
    .head {
      flex: none;
      display: flex;
      align-items: center;
      gap: 8px;
      min-height: 28px;
      padding: 0 16px;
      border-bottom: 1px solid var(--vscode-panel-border, transparent);
      color: var(--vscode-descriptionForeground);
    }
    .head h2 {
      margin: 0;
      font-size: 13px;
      font-weight: 600;
      color: var(--vscode-foreground);
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }
    .head .topic {
      flex: 1;
      min-width: 0;
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
    }
    .secure {
      flex: none;
      display: inline-flex;
      align-items: center;
      gap: 4px;
      padding: 2px 6px;
      border: none;
      border-radius: 4px;
      background: none;
      color: inherit;
    }
    .secure:hover {
      background: var(--vscode-toolbar-hoverBackground);
    }
    .members {
      margin: 4px 0 0;
      padding: 8px 12px;
      max-width: 320px;
      max-height: 50vh;
      overflow: auto;
      inset: auto;
      position-area: bottom span-left;
      border: 1px solid var(--vscode-editorHoverWidget-border, var(--vscode-panel-border));
      border-radius: 4px;
      color: var(--vscode-editorHoverWidget-foreground, var(--vscode-foreground));
      background: var(--vscode-editorHoverWidget-background, var(--vscode-editor-background));
      box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
    }
    .members p {
      margin: 0 0 4px;
    }
    .members ul {
      margin: 0;
      padding: 0;
      list-style: none;
    }
    .members li {
      overflow-wrap: anywhere;
    }
    .scroller {
      flex: 1;
      min-height: 0;
      overflow-y: auto;
      overflow-anchor: none;
      padding: 8px 0;
      scrollbar-width: thin;
    }
    .state {
      display: flex;
      flex-direction: column;
      align-items: center;
      gap: 8px;
      padding: 32px 24px;
      text-align: center;
      color: var(--vscode-descriptionForeground);
    }
    .state p {
      margin: 0;
      max-width: 420px;
      overflow-wrap: anywhere;
    }
    .state .title {
      color: var(--vscode-foreground);
      font-weight: 600;
    }
    .state .code {
      font-size: 11px;
      opacity: 0.8;
    }
    .note {
      padding: 4px 16px;
      text-align: center;
      color: var(--vscode-descriptionForeground);
      font-size: 12px;
    }
    .day {
      display: flex;
      align-items: center;
      gap: 8px;
      margin: 12px 16px 4px;
      color: var(--vscode-descriptionForeground);
      font-size: 12px;
    }
    .day::before,
    .day::after {
      content: '';
      flex: 1;
      border-top: 1px solid var(--vscode-panel-border, currentColor);
    }
    .group {
      padding: 4px 16px;
      content-visibility: auto;
      contain-intrinsic-size: auto 48px;
    }
    .group:hover {
      background: var(--vscode-list-hoverBackground);
    }
    .sender {
      display: flex;
      align-items: baseline;
      gap: 8px;
    }
    .sender .name {
      font-weight: 600;
      overflow-wrap: anywhere;
      min-width: 0;
    }
    .sender time,
    .status {
      flex: none;
      font-size: 11px;
      color: var(--vscode-descriptionForeground);
    }
    .message {
      overflow-wrap: anywhere;
    }
    .message.pending {
      opacity: 0.7;
    }
    .message p {
      margin: 0;
      white-space: pre-wrap;
    }
    .message p + p {
      margin-top: 8px;
    }
    blockquote {
      margin: 4px 0;
      padding: 0 0 0 8px;
      border-left: 3px solid var(--vscode-textBlockQuote-border, var(--vscode-panel-border));
      white-space: pre-wrap;
    }
    code {
      font-family: var(--conclave-monospace-font, ui-monospace, monospace);
      font-size: 12px;
      padding: 0 3px;
      border-radius: 3px;
      background: var(--vscode-textCodeBlock-background, rgba(127, 127, 127, 0.2));
    }
    figure.code {
      position: relative;
      margin: 4px 0;
    }
    pre {
      margin: 0;
      padding: 8px;
      overflow-x: auto;
      border-radius: 3px;
      background: var(--vscode-textCodeBlock-background, rgba(127, 127, 127, 0.2));
    }
    pre code {
      padding: 0;
      background: none;
    }
    .copy {
      position: absolute;
      top: 4px;
      right: 4px;
      opacity: 0;
      padding: 0 6px;
      border: 1px solid var(--vscode-panel-border, transparent);
      border-radius: 3px;
      background: var(--vscode-editor-background);
    }
    figure.code:hover .copy,
    .copy:focus-visible {
      opacity: 1;
    }
    a {
      color: var(--vscode-textLink-foreground);
    }
    .status {
      display: inline-flex;
      align-items: center;
      gap: 4px;
    }
    .status.failed {
      color: var(--vscode-errorForeground);
    }
    .link-button {
      padding: 0;
      border: none;
      background: none;
      color: var(--vscode-textLink-foreground);
      text-decoration: underline;
    }
    .jump {
      align-self: center;
      margin-top: -32px;
      height: 26px;
      padding: 0 12px;
      z-index: 1;
      border: 1px solid var(--vscode-button-border, transparent);
      border-radius: 13px;
      color: var(--vscode-button-foreground);
      background: var(--vscode-button-background);
    }
    .composer {
      flex: none;
      padding: 8px 16px 12px;
    }
    .notice {
      padding-bottom: 4px;
      font-size: 12px;
      color: var(--vscode-descriptionForeground);
    }
    .notice.error {
      color: var(--vscode-errorForeground);
    }
    .box {
      display: flex;
      align-items: end;
      gap: 4px;
      padding: 3px 4px 3px 8px;
      border: 1px solid var(--vscode-input-border, var(--vscode-panel-border, transparent));
      border-radius: 4px;
      background: var(--vscode-input-background);
    }
    .box:focus-within {
      border-color: var(--vscode-focusBorder);
    }
    textarea {
      flex: 1;
      min-width: 0;
      min-height: 22px;
      max-height: 40vh;
      padding: 1px 0;
      border: none;
      outline: none;
      resize: none;
      field-sizing: content;
      font: inherit;
      color: var(--vscode-input-foreground);
      background: none;
      overflow-wrap: anywhere;
    }
    textarea:focus-visible {
      /* The box around it shows the focus. */
      outline: none;
    }
    textarea::placeholder {
      color: var(--vscode-input-placeholderForeground);
    }
    .send {
      flex: none;
      width: 24px;
      height: 24px;
      padding: 4px;
      border: none;
      border-radius: 4px;
      background: none;
    }
    .send:hover:not(:disabled) {
      background: var(--vscode-toolbar-hoverBackground);
    }
    .send:disabled {
      opacity: 0.4;
      cursor: default;
    }
    .action {
      min-height: 26px;
      padding: 0 12px;
      border: 1px solid var(--vscode-button-border, transparent);
      border-radius: 2px;
      color: var(--vscode-button-foreground);
      background: var(--vscode-button-background);
    }
    .action:hover {
      background: var(--vscode-button-hoverBackground);
    }
    .action:focus-visible,
    .jump:focus-visible {
      outline-offset: 2px;
    }
    .visually-hidden {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
      white-space: nowrap;
    }
  `;

  constructor() {
    super();
    this.now = Date.now();
    this.announcements = [];
    this.draft = '';
    this.sendError = '';
    this.unseen = false;
  }

  /** Gives the element its room; called once, before it is put into a document. */
  start(options: RoomElementOptions): void {
    this.#options = options;
    this.draft = options.drafts.get(options.room) ?? '';
    const messages = createRoomMessages(options.api, options.room);
    this.#messages = messages;
    this.#held = [
      messages,
      messages.onDidChange((added) => this.#changed(added)),
      options.api.rooms.onDidChange(() => this.#updateTitle()),
      options.host.onDidClose(() => this.#stop()),
      options.host.onDidChangeVisibility((visible) => {
        this.#visible = visible;
        if (!visible) return;
        this.#toBottom();
        if (this.#unread === 0) return;
        this.#unread = 0;
        this.#updateTitle();
      }),
    ];
    this.#updateTitle();
    void messages.open();
  }

  #stop(): void {
    for (const held of this.#held) held.dispose();
    this.#held = [];
    this.#resized.disconnect();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#clock = setInterval(() => (this.now = Date.now()), CLOCK_INTERVAL_MS);
  }

  /** A window that becomes smaller must not hide the newest messages from who is reading them. */
  readonly #resized = new ResizeObserver(() => this.#toBottom());

  protected override firstUpdated(): void {
    const scroller = this.#scroller;
    if (scroller) this.#resized.observe(scroller);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#clock);
  }

  override focus(): void {
    const find = (selector: string): HTMLElement | null => this.renderRoot.querySelector(selector);
    (find('textarea') ?? find('.action') ?? find('.scroller'))?.focus();
  }

  get #roomName(): string {
    const { api, room, host } = this.#options as RoomElementOptions;
    return (
      api.rooms.all.find(({ id }) => id === room)?.name ??
      // A tab's title is kept with the layout, the number of unread messages included.
      host.input?.title.replace(/^# | \([0-9]+\)$/g, '') ??
      strings.unknownRoom
    );
  }

  #updateTitle(): void {
    this.#options?.host.setTitle(strings.tabTitle(this.#roomName, this.#unread));
    this.requestUpdate();
  }

  #changed(added: readonly Message[]): void {
    const foreign = added.filter(({ own }) => !own);
    const last = foreign.at(-1);
    if (!this.#visible && foreign.length > 0) {
      this.#unread += foreign.length;
      this.#updateTitle();
    }
    if (last) this.#announce(strings.from(last.senderName, plainText(parseMarkdown(last.text))));
    if (added.some(({ own }) => own)) this.#atBottom = true;
    else if (foreign.length > 0 && !this.#atBottom) this.unseen = true;
    this.now = Date.now();
    this.requestUpdate();
  }

  #announce(text: string): void {
    this.announcements = [...this.announcements, { id: this.#nextAnnouncement++, text }].slice(-5);
  }

  protected override updated(_changes: PropertyValues): void {
    const scroller = this.#scroller;
    if (!scroller) return;
    if (this.#keepFromEnd !== undefined && this.#messages?.loadingOlder === false) {
      scroller.scrollTop = scroller.scrollHeight - this.#keepFromEnd;
      this.#keepFromEnd = undefined;
    } else if (this.#atBottom) this.#toBottom();
  }

  get #scroller(): HTMLElement | null {
    return this.renderRoot.querySelector('.scroller');
  }

  #toBottom(): void {
    const scroller = this.#scroller;
    if (scroller && this.#atBottom) scroller.scrollTop = scroller.scrollHeight;
  }

  #onScroll(): void {
    const scroller = this.#scroller;
    const messages = this.#messages;
    if (!scroller || !messages) return;
    // A hidden tab has no height and says nothing about what was read.
    if (scroller.clientHeight === 0) return;
    this.#atBottom = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < BOTTOM_SLACK_PX;
    if (this.#atBottom) this.unseen = false;
    if (scroller.scrollTop < scroller.clientHeight / 2 && messages.hasOlder && !messages.loadingOlder) {
      this.#keepFromEnd = scroller.scrollHeight - scroller.scrollTop;
      void messages.loadOlder().catch(() => (this.#keepFromEnd = undefined));
    }
  }

  #onInput(event: globalThis.Event): void {
    this.#setDraft((event.target as HTMLTextAreaElement).value);
  }

  #setDraft(text: string): void {
    const { drafts, room } = this.#options as RoomElementOptions;
    this.draft = text;
    this.sendError = '';
    if (text === '') drafts.delete(room);
    else drafts.set(room, text);
  }

  #onKeyDown(event: KeyboardEvent): void {
    // Enter also ends the choice of a character in an input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#send();
  }

  async #send(): Promise<void> {
    const text = this.draft.trim();
    if (text === '' || this.#excess() > 0) return;
    this.#setDraft('');
    try {
      await this.#messages?.send(text);
    } catch (error) {
      // What was written is never lost: it goes back unless something new is there.
      if (this.draft === '') this.#setDraft(text);
      this.sendError = strings.sendFailed(failureOf(error).message);
    }
  }

  #excess(): number {
    // Up to three bytes for each UTF-16 unit, so short drafts need no counting.
    if (this.draft.length * 3 <= MAX_TEXT_BYTES) return 0;
    return new TextEncoder().encode(this.draft).length - MAX_TEXT_BYTES;
  }

  async #retry(message: Message): Promise<void> {
    try {
      await this.#messages?.retry(message);
    } catch (error) {
      this.sendError = strings.sendFailed(failureOf(error).message);
    }
  }

  async #connect(): Promise<void> {
    const { api } = this.#options as RoomElementOptions;
    try {
      await api.commands.execute('server.connect');
    } catch (error) {
      await api.window.showMessage('error', failureOf(error).message);
    }
  }

  async #askPassword(): Promise<void> {
    const { api } = this.#options as RoomElementOptions;
    let title = strings.passwordTitle(this.#roomName);
    for (;;) {
      const password = await api.window.showInputBox({ title, password: true });
      if (password === undefined) return;
      try {
        await this.#messages?.open(password);
        return;
      } catch {
        title = strings.passwordAgain(this.#roomName);
      }
    }
  }

  override render(): TemplateResult | typeof nothing {
    const options = this.#options;
    const messages = this.#messages;
    if (!options || !messages) return nothing;
    const isWriting = messages.status.state === 'ready' || messages.messages.length > 0;
    return html`
      ${this.#renderHead(messages)}
      <div
        class="scroller"
        tabindex="0"
        role="region"
        aria-label=${strings.messagesOf(this.#roomName)}
        aria-busy=${messages.status.state === 'loading' ? 'true' : 'false'}
        data-testid="chat-messages"
        @scroll=${this.#onScroll}
      >
        ${this.#renderContent(messages)}
      </div>
      ${
        this.unseen
          ? html`<button
              class="jump"
              type="button"
              data-testid="chat-jump"
              @click=${() => {
                this.#atBottom = true;
                this.unseen = false;
              }}
            >
              ${strings.newMessages}
            </button>`
          : nothing
      }
      ${isWriting ? this.#renderComposer(messages) : nothing}
      <div class="visually-hidden" role="log" aria-live="polite" data-testid="chat-log">
        ${repeat(
          this.announcements,
          ({ id }) => id,
          ({ text }) => html`<div>${text}</div>`,
        )}
      </div>
    `;
  }

  #renderHead(messages: RoomMessages): TemplateResult {
    const { api, room } = this.#options as RoomElementOptions;
    const { group } = messages;
    const topic = api.rooms.all.find(({ id }) => id === room)?.description ?? '';
    const ready = group?.state === 'ready';
    return html`<div class="head">
      <h2 data-tooltip=${this.#roomName}># ${this.#roomName}</h2>
      <span class="topic" data-tooltip=${topic}>${topic}</span>
      ${
        group === undefined
          ? nothing
          : html`<button
                class="secure"
                type="button"
                popovertarget="members"
                data-testid="chat-encryption"
                data-epoch=${group.epoch ?? nothing}
                data-state=${group.state}
                data-tooltip=${ready ? strings.members(group.members.length) : strings.joiningGroup}
              >
                <conclave-icon name=${ready ? 'lock' : 'loading~spin'}></conclave-icon>
                ${strings.encrypted(group.epoch)}
              </button>
              <div id="members" class="members" popover>
                <p>${strings.members(group.members.length)}</p>
                <ul data-testid="chat-members">
                  ${group.members.map(({ key, name }) => html`<li data-key=${key}>${name}</li>`)}
                </ul>
                <p>${strings.membersExplained}</p>
              </div>`
      }
    </div>`;
  }

  #renderContent(messages: RoomMessages): TemplateResult {
    const { status } = messages;
    const hasMessages = messages.messages.length > 0;
    if (!hasMessages && status.state !== 'ready') return this.#renderState(messages);
    if (!hasMessages)
      return html`<div class="state" data-testid="chat-empty">
        <conclave-icon name="lock"></conclave-icon>
        <p class="title">${strings.empty(this.#roomName)}</p>
        <p>${strings.emptyHint}</p>
      </div>`;
    const items = buildTimeline(messages.messages);
    return html`
      ${
        messages.loadingOlder
          ? html`<div class="note" role="status">
              <conclave-icon name="loading~spin"></conclave-icon> ${strings.loadingOlder}
            </div>`
          : messages.hasOlder
            ? nothing
            : html`<div class="note">${strings.beginning}</div>`
      }
      ${repeat(
        items,
        (item) => item.key,
        (item) => this.#renderItem(item),
      )}
    `;
  }

  #renderState(messages: RoomMessages): TemplateResult {
    const { api } = this.#options as RoomElementOptions;
    const { status } = messages;
    switch (status.state) {
      case 'loading':
      case 'ready':
        return html`<div class="state" role="status">
          <conclave-icon name="loading~spin"></conclave-icon>
          <p>${strings.loading}</p>
        </div>`;
      case 'needsPassword':
        return html`<div class="state">
          <conclave-icon name="lock"></conclave-icon>
          <p class="title">${strings.needsPassword}</p>
          <button
            class="action"
            type="button"
            data-testid="chat-password"
            @click=${() => void this.#askPassword()}
          >
            ${strings.enterPassword}
          </button>
        </div>`;
      case 'gone':
        return html`<div class="state"><p class="title">${strings.roomGone}</p></div>`;
      case 'failed':
        return html`<div class="state" role="alert">
          <p class="title">${strings.failedToOpen}</p>
          <p>${status.error.message}</p>
          <button class="action" type="button" @click=${() => void messages.open()}>
            ${strings.tryAgain}
          </button>
          <p class="code">${status.error.code}</p>
        </div>`;
      case 'offline':
        return html`<div class="state">
          <p class="title">${strings.notConnected}</p>
          <p>${strings.notConnectedHint}</p>
          ${
            api.connection.state.state === 'disconnected'
              ? html`<button class="action" type="button" @click=${() => void this.#connect()}>
                  ${strings.connect}
                </button>`
              : nothing
          }
        </div>`;
    }
  }

  #renderItem(item: TimelineItem): TemplateResult {
    if (item.kind === 'day')
      return html`<div class="day" role="separator">${dayName(item.at, this.now)}</div>`;
    return html`<article class="group" aria-label=${item.senderName} data-testid="chat-group">
      <div class="sender">
        <span class="name" data-testid="chat-sender"
          >${item.own ? `${item.senderName} (${strings.you})` : item.senderName}</span
        >
        <time datetime=${new Date(item.at).toISOString()} data-tooltip=${absoluteTime(item.at)}
          >${relativeTime(item.at, this.now)}</time
        >
      </div>
      ${repeat(item.messages, identityOf, (message) => this.#renderMessage(message))}
    </article>`;
  }

  #renderMessage(message: Message): TemplateResult {
    const pending = message.own && message.state !== 'sent' && message.state !== 'received';
    return html`<div
      class="message ${message.state === 'queued' ? 'pending' : ''}"
      data-testid="chat-message"
      data-state=${message.state}
      data-id=${message.id}
      data-tooltip=${absoluteTime(message.at)}
    >
      ${renderBody(message.text, this.#actions)}
      ${
        pending
          ? html`<span class="status ${message.state}" role="status">
              ${
                message.state === 'failed'
                  ? html`<conclave-icon name="error"></conclave-icon>${strings.failed}
                      <button class="link-button" type="button" @click=${() => void this.#retry(message)}>
                        ${strings.retry}
                      </button>`
                  : html`<conclave-icon name="clock"></conclave-icon>${strings.queued}`
              }
            </span>`
          : nothing
      }
    </div>`;
  }

  readonly #actions: MessageActions = {
    openLink: (url) => {
      this.#options?.api.window.openLink(url).catch(() => {});
    },
    copy: (text) => {
      void this.#options?.api.window.copyText(text).then(
        () => this.#announce(strings.codeCopied),
        (error: unknown) => (this.sendError = failureOf(error).message),
      );
    },
  };

  #renderComposer(messages: RoomMessages): TemplateResult {
    const { api } = this.#options as RoomElementOptions;
    const excess = this.#excess();
    const groupState = messages.group?.state;
    const notice =
      excess > 0
        ? strings.tooLong(MAX_TEXT_BYTES + excess, MAX_TEXT_BYTES)
        : this.sendError !== ''
          ? this.sendError
          : api.connection.state.state !== 'connected'
            ? strings.offlineComposer
            : groupState === 'joining'
              ? strings.joiningGroup
              : groupState === 'recovering'
                ? strings.recoveringGroup
                : '';
    const isError = excess > 0 || this.sendError !== '';
    return html`<form
      class="composer"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#send();
      }}
    >
      ${
        notice === ''
          ? nothing
          : html`<div
              id="notice"
              class="notice ${isError ? 'error' : ''}"
              role=${isError ? 'alert' : 'status'}
            >
              ${notice}
            </div>`
      }
      <div class="box">
        <textarea
          rows="1"
          .value=${this.draft}
          placeholder=${strings.messagePlaceholder(this.#roomName)}
          aria-label=${strings.messagePlaceholder(this.#roomName)}
          aria-description=${strings.composerHint}
          aria-invalid=${isError ? 'true' : 'false'}
          data-testid="chat-composer"
          @input=${this.#onInput}
          @keydown=${this.#onKeyDown}
        ></textarea>
        <button
          class="send"
          type="submit"
          aria-label=${strings.send}
          data-tooltip="${strings.send}. ${strings.composerHint}"
          data-testid="chat-send"
          ?disabled=${this.draft.trim() === '' || excess > 0}
        >
          <conclave-icon name="send"></conclave-icon>
        </button>
      </div>
    </form>`;
  }
}

/** Makes the element for one tab. */
export function createRoomElement(options: RoomElementOptions): HTMLElement {
  if (!customElements.get('conclave-chat-room')) customElements.define('conclave-chat-room', ChatRoomElement);
  const element = document.createElement('conclave-chat-room') as ChatRoomElement;
  element.start(options);
  return element;
}
