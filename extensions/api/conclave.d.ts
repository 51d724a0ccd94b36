/**
 * Conclave extension API, version 0.1.
 *
 * An extension is a folder with a manifest (`package.json`) and one script that exports `activate`. It gets
 * this API as `context.api` and nothing else. Keys, secrets and the network have no API at any level.
 *
 * Rules of this API: namespaces hold functions and events; every `register*`, `create*` and `onDid*` returns
 * a {@link Disposable}; reads are synchronous copies, writes return promises; data is `readonly`.
 */

/** The exports of an extension's script. */
export interface ExtensionModule {
  /** Called once, when the first activation event of the manifest happens. Must settle within 5 s. */
  activate(context: ExtensionContext): void | Promise<void>;
  /** Called before the extension is stopped; at most 2 s. Disposing `context.subscriptions` is done for you. */
  deactivate?(): void | Promise<void>;
}

/** What an extension is given. */
export interface ExtensionContext {
  readonly api: Conclave;
  /** Disposed in reverse order when the extension stops. */
  readonly subscriptions: { add<T extends Disposable>(disposable: T): T };
  readonly extension: { readonly id: string; readonly version: string };
}

/** Holds something until disposed; disposing twice is harmless. */
export interface Disposable {
  dispose(): void;
}

/** Subscribes a listener. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/** The whole API. */
export interface Conclave {
  readonly version: string;
  readonly commands: CommandsApi;
  readonly context: ContextApi;
  readonly views: ViewsApi;
  readonly window: WindowApi;
  readonly configuration: ConfigurationApi;
  readonly identity: IdentityApi;
  readonly connection: ConnectionApi;
  readonly rooms: RoomsApi;
  readonly call: CallApi;
  readonly text: TextApi;
}

// ---------------------------------------------------------------------------------------------- commands

/** Commands: everything a user can do has one. Titles, keys and menus are declared in the manifest. */
export interface CommandsApi {
  /** Binds code to a command declared in this extension's manifest. */
  register(id: string, handler: (...args: readonly unknown[]) => unknown): Disposable;
  /** Runs an own command or one that its owner declared public. */
  execute(id: string, ...args: readonly unknown[]): Promise<unknown>;
}

/** Context keys for `when` clauses. Writable only under the extension's own id. */
export interface ContextApi {
  set(key: string, value: string | number | boolean | undefined): void;
  get(key: string): string | number | boolean | undefined;
}

// ------------------------------------------------------------------------------------------------- views

/** Views: declared in the manifest, filled here. */
export interface ViewsApi {
  /**
   * Fills a view that the extension draws itself: the element is put into the view's body. Only the trusted
   * runtime offers it; it is called once for every place the view is shown in.
   */
  registerElementView(viewId: string, provider: ElementViewProvider): Disposable;
  /** Fills a view with rows drawn by the workbench (virtual, keyboard and screen reader work by themselves). */
  registerTreeView<T>(viewId: string, provider: TreeViewProvider<T>): Disposable;
  /** Opens an editor tab in the dock for one of this extension's editor views, or focuses the open one. */
  openEditor(viewId: string, input: EditorInput): Promise<void>;
  closeEditor(viewId: string, key: string): Promise<void>;
  /** Makes a view visible and moves the focus into it. */
  focus(viewId: string): Promise<void>;
  /** Shows a number on the view and its container; 0 clears it. */
  setBadge(viewId: string, badge: { readonly count: number; readonly tooltip: string }): void;
}

/** Draws a view. */
export interface ElementViewProvider {
  /** @returns an element (usually a Lit element) that shows the view. */
  create(host: ElementViewHost): HTMLElement;
}

/** What an element view learns about the place it is in. */
export interface ElementViewHost {
  /** The input given to `openEditor`; undefined for views in containers. */
  readonly input: EditorInput | undefined;
  /** Fired once, when the view is closed. */
  readonly onDidClose: Event<void>;
  readonly onDidChangeVisibility: Event<boolean>;
  setTitle(title: string): void;
}

/** Identifies one editor tab. */
export interface EditorInput {
  /** Equal keys share one tab. Restored with the layout. */
  readonly key: string;
  readonly title: string;
}

/** Data of a tree view. */
export interface TreeViewProvider<T> {
  /** Fired with the changed node, or undefined for all. */
  readonly onDidChange: Event<T | undefined>;
  getChildren(node: T | undefined): readonly T[];
  getItem(node: T): TreeItem;
}

/** One row of a tree. */
export interface TreeItem {
  /** Unique in the view, stable across refreshes. */
  readonly id: string;
  readonly label: string;
  /** Dimmed text after the label. */
  readonly description?: string;
  readonly tooltip?: string;
  /** Codicon name. */
  readonly icon?: string;
  /** Icons at the end of the row with their meaning as text, for example a crossed microphone and "muted". */
  readonly decorations?: readonly {
    readonly icon: string;
    readonly label: string;
    readonly emphasis?: 'active' | 'warning';
  }[];
  readonly collapsible?: 'collapsed' | 'expanded';
  /** Value of `viewItem` in the `when` clauses of `view/item/context` menus. */
  readonly contextValue?: string;
  /** Run when the row is activated by a click or Enter. */
  readonly command?: { readonly id: string; readonly args?: readonly unknown[] };
}

// ------------------------------------------------------------------------------------------------ window

/** Messages, choices and the status bar. Everything is drawn by the workbench and names the extension. */
export interface WindowApi {
  createStatusBarItem(options: StatusBarOptions): StatusBarItem;
  /** A notification. Resolves with the chosen action, or undefined. */
  showMessage(
    severity: 'info' | 'warning' | 'error',
    message: string,
    ...actions: readonly string[]
  ): Promise<string | undefined>;
  showQuickPick<T extends QuickPickItem>(
    items: readonly T[],
    options: { readonly placeholder: string },
  ): Promise<T | undefined>;
  showInputBox(options: InputBoxOptions): Promise<string | undefined>;
  /** A modal question. Resolves with the chosen action, or undefined when dismissed. */
  showDialog(options: {
    readonly message: string;
    readonly detail?: string;
    readonly actions: readonly string[];
  }): Promise<string | undefined>;
  /** Shows the whole address, asks, and opens an https or mailto link in the system's browser. */
  openLink(url: string): Promise<void>;
  /** Puts text on the clipboard. */
  copyText(text: string): Promise<void>;
  /** Shows progress in the status bar while the promise is pending. */
  withProgress<T>(title: string, task: () => Promise<T>): Promise<T>;
}

/** Where a status bar item stands. Higher priority is further out. */
export interface StatusBarOptions {
  readonly id: string;
  /** What the item is, for the menu that hides items and for screen readers. */
  readonly name: string;
  readonly alignment: 'left' | 'right';
  readonly priority: number;
}

/** An item of the status bar; changes show at once. */
export interface StatusBarItem extends Disposable {
  /** Plain text; `$(name)` becomes a codicon. */
  text: string;
  tooltip: string;
  /** Command run by a click or Enter. */
  command: string | undefined;
  kind: 'normal' | 'warning' | 'error' | 'prominent';
  visible: boolean;
}

/** A choice in a quick pick. */
export interface QuickPickItem {
  readonly label: string;
  readonly description?: string;
  readonly detail?: string;
}

/** A one-line question. */
export interface InputBoxOptions {
  readonly title: string;
  readonly value?: string;
  readonly placeholder?: string;
  readonly password?: boolean;
  /** Text of what is wrong, or undefined. */
  readonly validate?: (value: string) => string | undefined;
}

// ----------------------------------------------------------------------------------------- configuration

/** Settings, declared in the manifest. Reading any, writing own ones. */
export interface ConfigurationApi {
  get<T>(key: string): T;
  update(key: string, value: unknown): Promise<void>;
  readonly onDidChange: Event<{ affects(key: string): boolean }>;
}

// -------------------------------------------------------------------------------------------- the program

/** Who the user is. Read only; there is no API to a private key. */
export interface IdentityApi {
  readonly current: Identity | undefined;
  readonly onDidChange: Event<Identity | undefined>;
}

/** A public identity. */
export interface Identity {
  /** Hex Ed25519 public key. */
  readonly key: string;
  readonly fingerprint: string;
  readonly displayName: string;
}

/** The connection to a server. */
export interface ConnectionApi {
  readonly state: Connection;
  readonly onDidChange: Event<Connection>;
  /** Skips the waiting time before the next try. */
  retry(): Promise<void>;
  disconnect(): Promise<void>;
}

/** State of the connection. */
export type Connection =
  | { readonly state: 'disconnected'; readonly error?: Failure }
  | { readonly state: 'connecting'; readonly address: string }
  | {
      readonly state: 'connected';
      readonly address: string;
      readonly serverName: string;
      readonly transport: 'quic' | 'fallback';
      /** The user's roles on this server. */
      readonly roles: readonly string[];
      readonly rttMs: number | null;
      readonly lossPercent: number;
    }
  | {
      readonly state: 'reconnecting';
      readonly address: string;
      readonly nextTryAt: number;
      readonly error: Failure;
    };

/** A closed code and a text that says what happened, what it means and what to do. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Rooms and people. */
export interface RoomsApi {
  readonly all: readonly Room[];
  readonly people: readonly Person[];
  readonly onDidChange: Event<void>;
  enter(room: number, options?: { readonly password?: string }): Promise<void>;
  leave(): Promise<void>;
  create(room: NewRoom): Promise<number>;
  edit(room: number, changes: RoomChanges): Promise<void>;
  delete(room: number): Promise<void>;
}

/** A room. */
export interface Room {
  readonly id: number;
  readonly parent: number | null;
  readonly name: string;
  readonly description: string;
  /** Most people inside; 0 for no limit. */
  readonly limit: number;
  /** Entering takes a password. */
  readonly gated: boolean;
  readonly permanent: boolean;
}

/** What a new room is made of. */
export interface NewRoom {
  readonly parent: number | null;
  readonly name: string;
  readonly description?: string;
  readonly limit?: number;
  readonly password?: string;
  readonly permanent?: boolean;
}

/** What to change about a room; what is left out stays as it is. */
export interface RoomChanges {
  readonly name?: string;
  readonly description?: string;
  readonly limit?: number;
  /** null removes the password. */
  readonly password?: string | null;
}

/** A connected person, as the server tells. */
export interface Person {
  /** Changes with every connection; remember people by `key`. */
  readonly session: number;
  readonly key: string;
  readonly fingerprint: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly verified: boolean;
  readonly room: number | null;
  readonly inCall: boolean;
  readonly muted: boolean;
  readonly deafened: boolean;
  readonly away: boolean;
  readonly self: boolean;
}

/** The voice call. */
export interface CallApi {
  readonly state: Call;
  readonly onDidChange: Event<Call>;
  /** Who is heard right now (session numbers), from the jitter buffers; changes at most 20 times a second. */
  readonly speaking: ReadonlySet<number>;
  readonly transmitting: boolean;
  readonly onDidChangeSpeaking: Event<void>;
  readonly stats: CallStats | undefined;
  readonly onDidChangeStats: Event<void>;
  join(room: number, options?: { readonly password?: string }): Promise<void>;
  leave(): Promise<void>;
  setMuted(muted: boolean): Promise<void>;
  setDeafened(deafened: boolean): Promise<void>;
  /** Push-to-talk from a button; without effect in other modes. */
  setTalking(pressed: boolean): void;
  /** Volume of one person, 0 to 2, remembered by identity. */
  setVolume(key: string, volume: number): Promise<void>;
}

/** State of the call. */
export type Call =
  | { readonly state: 'none'; readonly muted: boolean; readonly deafened: boolean }
  | {
      readonly state: 'joining' | 'joined' | 'recovering';
      readonly room: number;
      readonly muted: boolean;
      readonly deafened: boolean;
      readonly epoch: number | null;
      /**
       * Digits that everybody in this epoch sees alike, '' while joining. People who read them to each other
       * find out whether the relay has split the group.
       */
      readonly code: string;
      readonly suite: string;
      /** The members of the encrypted group: who can really hear. */
      readonly members: readonly CallMember[];
      /** The server's list of people in the call differs from the group. */
      readonly mismatch: boolean;
    };

/** A member of the encrypted group. */
export interface CallMember {
  readonly session: number;
  readonly key: string;
  readonly name: string;
  readonly self: boolean;
  /** Gone, but able to hear until the next epoch is in force. */
  readonly leaving: boolean;
  readonly volume: number;
  readonly external: boolean;
}

/** Numbers about the call. */
export interface CallStats {
  readonly rttMs: number | null;
  readonly lossPercent: number;
  readonly jitterMs: number;
  readonly kbpsIn: number;
  readonly kbpsOut: number;
  readonly rejected: number;
}

/** Text messages of rooms. */
export interface TextApi {
  /** Subscribes if need be; the newest messages, oldest first. */
  open(room: number, options?: { readonly password?: string }): Promise<readonly Message[]>;
  /** Older messages than the cursor, oldest first. */
  history(room: number, before: number, limit: number): Promise<readonly Message[]>;
  /** Queues a message; its state changes are told by `onDidChangeMessage`. */
  send(room: number, text: string): Promise<Message>;
  leave(room: number): Promise<void>;
  /** New messages and changed ones (compare by `id`). */
  readonly onDidChangeMessage: Event<Message>;
  groupOf(room: number): TextGroup | undefined;
  readonly onDidChangeGroup: Event<TextGroup>;
}

/** A message, decrypted. */
export interface Message {
  readonly room: number;
  readonly id: string;
  readonly cursor: number | null;
  readonly senderKey: string;
  readonly senderName: string;
  readonly own: boolean;
  readonly text: string;
  readonly at: number;
  readonly state: 'queued' | 'sent' | 'received' | 'failed';
}

/** Encryption of a room's messages. */
export interface TextGroup {
  readonly room: number;
  readonly state: 'joining' | 'ready' | 'recovering' | 'left';
  readonly epoch: number | null;
  readonly members: readonly { readonly key: string; readonly name: string }[];
}
