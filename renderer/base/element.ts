import { LitElement } from 'lit';
import { createDisposableStore, type Disposable, type DisposableStore } from '../../core/base/disposable.ts';

/**
 * The base of our elements: `connected(store)` runs each time the element is put into a document, and what it
 * adds to the store is disposed when the element leaves.
 */
export abstract class WorkbenchElement extends LitElement {
  #connection: DisposableStore | undefined;

  /** Subscribes to what the element shows. Called again after a move in the document. */
  protected connected(_store: DisposableStore): void {}

  override connectedCallback(): void {
    super.connectedCallback();
    this.#connection = createDisposableStore();
    this.connected(this.#connection);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#connection?.dispose();
    this.#connection = undefined;
  }
}

/** Listens to a DOM event until disposed. */
export function listen<K extends keyof HTMLElementEventMap>(
  target: EventTarget,
  type: K | (string & {}),
  listener: (event: HTMLElementEventMap[K]) => void,
  options?: AddEventListenerOptions,
): Disposable {
  target.addEventListener(type, listener as EventListener, options);
  return { dispose: () => target.removeEventListener(type, listener as EventListener, options) };
}

/** Defines an element unless a copy of this module has done so already. */
export function defineElement(tag: string, constructor: CustomElementConstructor): void {
  if (!customElements.get(tag)) customElements.define(tag, constructor);
}
