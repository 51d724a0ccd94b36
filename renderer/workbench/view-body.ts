import { css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { createDisposableStore, type DisposableStore } from '../../core/base/disposable.ts';
import { createEmitter, type Emitter } from '../../core/base/event.ts';
import type { EditorInput, TreeItem, TreeViewProvider } from '../../extensions/api/conclave.d.ts';
import { defineElement, WorkbenchElement } from '../base/element.ts';
import { composedContains, deepActiveElement, firstFocusable } from '../base/focus.ts';
import { baseStyles, textButtonStyles } from '../base/styles.ts';
import '../base/tree.ts';
import type { RowAction, TreeElement, TreeRowEvent } from '../base/tree.ts';
import { localize } from '../platform/nls.ts';
import type { Shell } from './shell.ts';

/**
 * The body of a view, wherever it stands: an element from its owner or a tree. Until something fills it, it
 * says so. A provider that throws costs its own view only.
 * @tag conclave-view-body
 * @fires view-title the view changed its title: detail is the text
 */
export class ViewBodyElement extends WorkbenchElement {
  static override properties = {
    shell: { attribute: false },
    viewId: { type: String },
    input: { attribute: false },
    visible: { type: Boolean },
    state: { state: true },
    treeEmpty: { state: true },
  };
  declare shell: Shell;
  declare viewId: string;
  declare input: EditorInput | undefined;
  declare visible: boolean;
  declare private state: 'waiting' | 'element' | 'tree' | 'failed';
  declare private treeEmpty: boolean;
  #content: DisposableStore | undefined;
  #visibility: Emitter<boolean> | undefined;
  #provider: TreeViewProvider<unknown> | undefined;

  static override styles = [
    baseStyles,
    textButtonStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
        min-width: 0;
        overflow: hidden;
      }
      ::slotted(*) {
        flex: 1 1 auto;
        min-height: 0;
      }
      conclave-tree {
        flex: 1 1 auto;
        min-height: 0;
      }
      .note {
        padding: 8px 20px;
        display: flex;
        flex-direction: column;
        gap: 12px;
        line-height: 1.4;
        overflow-y: auto;
      }
      .note .text-button {
        width: 100%;
        max-width: 300px;
      }
    `,
  ];

  constructor() {
    super();
    this.viewId = '';
    this.visible = false;
    this.state = 'waiting';
    this.treeEmpty = false;
  }

  protected override connected(store: DisposableStore): void {
    store.add(
      this.shell.services.viewRegistry.onDidChangeContent((id) => {
        if (id === this.viewId) this.#refill();
      }),
    );
    // Which welcome text an empty tree shows is a matter of its `when` clauses alone.
    store.add(
      this.shell.services.contextKeys.onDidChange(() => {
        if (this.state === 'tree' && this.treeEmpty) this.requestUpdate();
      }),
    );
    store.add({ dispose: () => this.#clear() });
    if (this.visible) this.#refill();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('viewId') && changed.get('viewId') !== undefined && this.#content) this.#refill();
    else if (changed.has('visible')) {
      // Content is made when it is first seen: hidden views cost nothing at start.
      if (this.visible && !this.#content) this.#refill();
      else this.#visibility?.fire(this.visible);
    }
  }

  /** Moves the keyboard focus into the view. */
  override focus(): void {
    void this.updateComplete.then(() => {
      const tree = this.renderRoot.querySelector<TreeElement>('conclave-tree');
      if (tree) return tree.focus();
      // The owner knows best where the focus belongs, the composer of a room for example.
      const own = this.firstElementChild;
      if (own instanceof HTMLElement) own.focus();
      if (!own || !composedContains(own, deepActiveElement()))
        // Not this.focus(): in a view that has nothing to focus it would ask itself for ever.
        (firstFocusable(this) ?? this.renderRoot.querySelector<HTMLElement>('.focus-target'))?.focus();
    });
  }

  #clear(): void {
    this.#content?.dispose();
    this.#content = undefined;
    this.#visibility = undefined;
    this.#provider = undefined;
    this.replaceChildren();
  }

  #refill(): void {
    this.#clear();
    const content = this.shell.services.viewRegistry.content(this.viewId);
    if (!content) {
      this.state = 'waiting';
      return;
    }
    const store = createDisposableStore();
    this.#content = store;
    try {
      if (content.kind === 'element') {
        const closed = createEmitter<void>();
        const visibility = createEmitter<boolean>();
        store.add(visibility);
        store.add(closed);
        store.add({ dispose: () => closed.fire() });
        this.#visibility = visibility;
        const element = content.provider.create({
          input: this.input,
          onDidClose: closed.event,
          onDidChangeVisibility: visibility.event,
          setTitle: (title) =>
            this.dispatchEvent(
              new CustomEvent('view-title', { detail: title, bubbles: true, composed: true }),
            ),
        });
        this.append(element);
        this.state = 'element';
      } else {
        this.#provider = content.provider;
        store.add(content.provider.onDidChange(() => this.#refreshTree()));
        this.state = 'tree';
        this.#refreshTree();
      }
    } catch {
      // What exactly failed is the extension host's to report; here the rest of the window must go on.
      this.#clear();
      this.state = 'failed';
    }
  }

  #refreshTree(): void {
    const provider = this.#provider;
    if (!provider) return;
    this.treeEmpty = provider.getChildren(undefined).length === 0;
    this.renderRoot.querySelector<TreeElement>('conclave-tree')?.refresh();
  }

  #overlay(item: TreeItem): { readonly view: string; readonly viewItem: string } {
    return { view: this.viewId, viewItem: item.contextValue ?? '' };
  }

  #actionsOf = (item: TreeItem): readonly RowAction[] =>
    this.shell.services.menus
      .resolve('view/item/context', this.#overlay(item))
      .flat()
      .filter((entry) => entry.group === 'inline')
      .map((entry) => ({
        id: entry.command,
        title: entry.title,
        icon: entry.icon ?? 'circle-small',
        enabled: entry.enabled,
      }));

  override render(): TemplateResult {
    const { services } = this.shell;
    const view = services.viewRegistry.view(this.viewId);
    const title = view?.title ?? services.viewRegistry.editorView(this.viewId)?.title ?? this.viewId;
    switch (this.state) {
      case 'element':
        return html`<slot></slot>`;
      case 'failed':
        return html`<div class="note focus-target" tabindex="-1" role="alert">
          ${localize('view.failed')}
        </div>`;
      case 'waiting':
        return html`<div class="note focus-target" tabindex="-1">
          ${view ? localize('view.loading', { view: title }) : localize('view.notAvailable')}
        </div>`;
      case 'tree':
        if (this.treeEmpty && view?.welcome)
          return html`<div class="note">
            <span>${view.welcome.text}</span>
            ${view.welcome.actions.map(
              (action) =>
                html`<button class="text-button primary" @click=${() => this.shell.run(action.command)}>
                  ${action.title}
                </button>`,
            )}
          </div>`;
        return html`<conclave-tree
          .source=${this.#provider}
          .rowActions=${this.#actionsOf}
          label=${title}
          @tree-activate=${(event: CustomEvent<TreeRowEvent>) => {
            const { command } = event.detail.item;
            if (command) this.shell.run(command.id, ...(command.args ?? []));
          }}
          @tree-action=${(event: CustomEvent<TreeRowEvent & { readonly action: string }>) =>
            this.shell.run(event.detail.action, event.detail.node)}
          @tree-context=${(event: CustomEvent<TreeRowEvent & { readonly x: number; readonly y: number }>) =>
            void this.shell.showMenu(
              'view/item/context',
              { x: event.detail.x, y: event.detail.y },
              event.detail.item.label,
              this.#overlay(event.detail.item),
              [event.detail.node],
            )}
        ></conclave-tree>`;
      default:
        return html`${nothing}`;
    }
  }
}
defineElement('conclave-view-body', ViewBodyElement);
