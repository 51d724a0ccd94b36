import { css, html, nothing, type TemplateResult } from 'lit';
import type { DisposableStore } from '../../core/base/disposable.ts';
import { createEmitter } from '../../core/base/event.ts';
import { defineElement, listen, WorkbenchElement } from '../base/element.ts';
import { composedAncestors, deepActiveElement } from '../base/focus.ts';
import { baseStyles } from '../base/styles.ts';
import '../base/tooltip.ts';
import type { LayoutService, Part } from '../platform/layout.ts';
import { PARTS } from '../platform/layout.ts';
import { localize } from '../platform/nls.ts';
import './dialog-view.ts';
import { fitSizes, NARROW_WIDTH, SIZE_LIMITS } from './layout-model.ts';
import './notifications-view.ts';
import './parts/activity-bar.ts';
import './parts/side-bar.ts';
import type { SideBarElement } from './parts/side-bar.ts';
import './parts/status-bar-part.ts';
import './parts/title-bar.ts';
import './sash.ts';
import type { Shell } from './shell.ts';

/** Notifications stand above the line one writes in and above the panel, which has the call in a narrow window. */
const COMPOSER_HEIGHT = 48;

/** A click takes the focus away within this time, ms. */
const POINTER_MS = 300;

/**
 * The window: the parts in a grid, the sashes between them, and what floats above. The dock is a slotted child,
 * because its library's style sheet belongs to the document.
 * @tag conclave-workbench
 */
export class WorkbenchRootElement extends WorkbenchElement {
  static override properties = {
    shell: { attribute: false },
    serverName: { type: String },
    width: { state: true },
    height: { state: true },
  };
  declare shell: Shell;
  declare serverName: string;
  declare private width: number;
  declare private height: number;
  #lastPart: Part | undefined;
  readonly #focusChanged = createEmitter<Part>();
  /** The part that got the focus. */
  readonly onDidFocusPart = this.#focusChanged.event;

  static override styles = [
    baseStyles,
    css`
      :host {
        position: fixed;
        inset: 0;
        display: grid;
        grid-template-rows: 35px 1fr auto;
        background: var(--vscode-editor-background);
        color: var(--vscode-foreground);
        font: 13px/1.4 var(--conclave-font);
        overflow: hidden;
        user-select: none;
      }
      .middle {
        display: flex;
        min-height: 0;
        min-width: 0;
      }
      conclave-activity-bar {
        flex: none;
      }
      .slot {
        position: relative;
        display: flex;
        min-width: 0;
        min-height: 0;
        flex: none;
      }
      .slot > conclave-side-bar {
        flex: 1 1 auto;
      }
      .primary {
        width: var(--primary-size);
        border-right: 1px solid var(--vscode-sideBar-border);
      }
      .secondary {
        width: var(--secondary-size);
        border-left: 1px solid var(--vscode-sideBar-border);
      }
      .panel {
        height: var(--panel-size);
        border-top: 1px solid var(--vscode-panel-border);
      }
      .centre {
        flex: 1 1 0;
        display: flex;
        flex-direction: column;
        min-width: 0;
        min-height: 0;
      }
      .editor {
        flex: 1 1 0;
        min-height: 0;
        min-width: 0;
        position: relative;
      }
      ::slotted([slot='dock']) {
        position: absolute;
        inset: 0;
      }
      .after {
        right: -2px;
      }
      .before {
        left: -2px;
      }
      .above {
        top: -2px;
      }
    `,
  ];

  constructor() {
    super();
    this.serverName = '';
    this.width = window.innerWidth;
    this.height = window.innerHeight;
  }

  protected override connected(store: DisposableStore): void {
    const { layoutModel, services } = this.shell;
    const update = (): void => {
      this.width = window.innerWidth;
      this.height = window.innerHeight;
      layoutModel.narrow = this.width < NARROW_WIDTH;
      this.#applySizes();
      this.requestUpdate();
    };
    store.add(listen(window, 'resize', update));
    store.add(layoutModel.onDidChange(update));
    store.add(services.viewModel.onDidChange(update));
    store.add(
      listen(this, 'focusin', () => {
        const part = this.focusedPart();
        if (!part) return;
        this.#lastPart = part;
        this.#focusChanged.fire(part);
      }),
    );
    this.#keepFocus(store);
    store.add({ dispose: () => this.#focusChanged.dispose() });
    update();
  }

  /**
   * What has the focus may go away, a button of a call that has ended for example. The focus then stays in the
   * same part: on the body, keys would go nowhere and a screen reader would start at the top again.
   */
  #keepFocus(store: DisposableStore): void {
    let pointerAt = -Infinity;
    store.add(
      listen(window, 'pointerdown', (event) => void (pointerAt = event.timeStamp), { capture: true }),
    );
    store.add(
      listen(document.body, 'focusout', (event) => {
        // Who clicks on nothing in particular wants the focus to go.
        if (event.relatedTarget !== null || event.timeStamp - pointerAt < POINTER_MS) return;
        requestAnimationFrame(() => {
          if (document.hasFocus() && deepActiveElement() === document.body && this.#lastPart !== undefined)
            this.shell.layout.focus(this.#lastPart);
        });
      }),
    );
  }

  #applySizes(): void {
    const { layoutModel } = this.shell;
    const sizes = fitSizes(
      layoutModel.data,
      { width: this.width, height: this.height },
      { primary: this.#isShown('primary'), secondary: this.#isShown('secondary') },
    );
    for (const [name, size] of Object.entries(sizes)) this.style.setProperty(`--${name}-size`, `${size}px`);
    const floor = COMPOSER_HEIGHT + (this.#isShown('panel') ? sizes.panel : 0);
    this.style.setProperty('--toast-floor', `${floor}px`);
  }

  /** Visible and with something in it. */
  #isShown(part: 'primary' | 'secondary' | 'panel'): boolean {
    const { layoutModel, services } = this.shell;
    if (!layoutModel.isVisible(part)) return false;
    // An empty panel says what it is for; an empty side bar would only take room from the dock.
    if (part === 'panel' && !layoutModel.narrow) return true;
    if (part === 'panel')
      return (
        [...services.viewModel.containersAt('panel'), ...services.viewModel.containersAt('secondary')]
          .length > 0
      );
    return services.viewModel.containersAt(part).length > 0;
  }

  /** Parts that are on the screen. */
  shownParts(): readonly Part[] {
    return PARTS.filter((part) =>
      part === 'primary' || part === 'secondary' || part === 'panel'
        ? this.#isShown(part)
        : this.shell.layoutModel.isVisible(part),
    );
  }

  sideBar(part: 'primary' | 'secondary' | 'panel'): SideBarElement | undefined {
    return (
      this.renderRoot.querySelector<SideBarElement>(`conclave-side-bar[location='${part}']`) ?? undefined
    );
  }

  /** The part that has the focus. */
  focusedPart(): Part | undefined {
    for (const ancestor of composedAncestors(deepActiveElement()))
      if (ancestor instanceof HTMLElement && ancestor.dataset['part'] !== undefined)
        return ancestor.dataset['part'] as Part;
    return undefined;
  }

  focusPart(part: Part): void {
    void this.updateComplete.then(() => {
      if (part === 'primary' || part === 'secondary' || part === 'panel') this.sideBar(part)?.focusView();
      else this.renderRoot.querySelector<HTMLElement>(`[data-part='${part}']`)?.focus();
    });
  }

  #sash(part: 'primary' | 'secondary' | 'panel', sign: 1 | -1, className: string): TemplateResult {
    const { layoutModel } = this.shell;
    const [min, max] = SIZE_LIMITS[part];
    return html`<conclave-sash
      class=${className}
      orientation=${part === 'panel' ? 'horizontal' : 'vertical'}
      label=${localize('sash.label', { part: localize(`part.${part}`) })}
      .value=${layoutModel.data[part].size}
      .min=${min}
      .max=${max}
      @sash-move=${(event: CustomEvent<number>) =>
        layoutModel.setSize(part, layoutModel.data[part].size + sign * event.detail)}
      @sash-reset=${() => layoutModel.setSize(part, part === 'panel' ? 220 : 264)}
    ></conclave-sash>`;
  }

  override render(): TemplateResult {
    const { shell } = this;
    const { layoutModel } = shell;
    const shown = (part: 'primary' | 'secondary' | 'panel'): boolean => this.#isShown(part);
    return html`
      <conclave-title-bar
        data-part="titleBar"
        role="banner"
        .shell=${shell}
        serverName=${this.serverName}
      ></conclave-title-bar>
      <div class="middle">
        <conclave-activity-bar
          data-part="activityBar"
          ?hidden=${!layoutModel.isVisible('activityBar')}
          .shell=${shell}
        ></conclave-activity-bar>
        <div
          class="slot primary"
          data-part="primary"
          role="region"
          aria-label=${localize('part.primary')}
          ?hidden=${!shown('primary')}
        >
          <conclave-side-bar
            location="primary"
            .shell=${shell}
            .visible=${shown('primary')}
          ></conclave-side-bar>
          ${this.#sash('primary', 1, 'after')}
        </div>
        <div class="centre">
          <div class="editor" role="main" aria-label=${localize('part.editor')}>
            <slot name="dock"></slot>
          </div>
          <div
            class="slot panel"
            data-part="panel"
            role="region"
            aria-label=${localize('part.panel')}
            ?hidden=${!shown('panel')}
          >
            <conclave-side-bar
              location="panel"
              .shell=${shell}
              .visible=${shown('panel')}
            ></conclave-side-bar>
            ${this.#sash('panel', -1, 'above')}
          </div>
        </div>
        <div
          class="slot secondary"
          data-part="secondary"
          role="region"
          aria-label=${localize('part.secondary')}
          ?hidden=${!shown('secondary')}
        >
          <conclave-side-bar
            location="secondary"
            .shell=${shell}
            .visible=${shown('secondary')}
          ></conclave-side-bar>
          ${this.#sash('secondary', -1, 'before')}
        </div>
      </div>
      ${
        layoutModel.isVisible('statusBar')
          ? html`<conclave-status-bar
              data-part="statusBar"
              role="contentinfo"
              .shell=${shell}
            ></conclave-status-bar>`
          : nothing
      }
      <conclave-notifications .shell=${shell}></conclave-notifications>
      <conclave-dialog .dialogs=${shell.services.dialogs}></conclave-dialog>
      <conclave-tooltip></conclave-tooltip>
    `;
  }
}
defineElement('conclave-workbench', WorkbenchRootElement);

/** The layout service over the window. `focusEditor` puts the focus into the dock. */
export function createLayoutService(
  root: WorkbenchRootElement,
  shell: Pick<Shell, 'layoutModel'>,
  focusEditor: () => void,
  reset: () => void,
): LayoutService {
  const { layoutModel } = shell;
  const focus = (part: Part): void => {
    if (part === 'editor') return focusEditor();
    if (part !== 'titleBar' && !layoutModel.isVisible(part)) {
      if (part === 'secondary' && layoutModel.narrow) return focus('panel');
      layoutModel.setVisible(part, true);
    }
    root.focusPart(part);
  };
  return {
    isVisible: layoutModel.isVisible,
    setVisible(part, visible) {
      const hadFocus = root.focusedPart() === part;
      layoutModel.setVisible(part, visible);
      // Focus inside a part that goes away would fall to the body and keys would go nowhere.
      if (!visible && hadFocus) focusEditor();
    },
    focus,
    focusNext(direction) {
      const parts = root.shownParts();
      const current = root.focusedPart();
      const index = current === undefined ? (direction === 1 ? -1 : 0) : parts.indexOf(current);
      const next = parts[(index + direction + parts.length) % parts.length];
      if (next) focus(next);
    },
    reset,
    onDidChange: layoutModel.onDidChange,
  };
}
