import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import { listen } from '../base/element.ts';
import { deepActiveElement } from '../base/focus.ts';
import type { ContextKeyService } from '../platform/context-keys.ts';
import type { KeybindingService } from '../platform/keybindings.ts';
import { keyNameOf, keystrokeOf } from '../platform/keystroke.ts';

/** Keys that write text: a text field keeps them unless a modifier says otherwise. */
function writesText(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  return event.key.length === 1 || ['Enter', 'Backspace', 'Delete', 'Tab'].includes(event.key);
}

/** Whether an element takes typed text. */
export function isTextInput(element: Element | null): boolean {
  if (element instanceof HTMLTextAreaElement) return true;
  if (element instanceof HTMLInputElement)
    return !['button', 'checkbox', 'radio', 'range', 'color', 'file', 'submit', 'reset'].includes(
      element.type,
    );
  return element instanceof HTMLElement && element.isContentEditable;
}

/**
 * Connects the window's keys to the keybindings and keeps the context keys about the focus. Listens in the
 * capture phase, so that a binding wins over what an element would do, but never over typed text.
 */
export function connectKeyboard(keybindings: KeybindingService, contextKeys: ContextKeyService): Disposable {
  const store = createDisposableStore();
  store.add(
    listen(
      window,
      'keydown',
      (event) => {
        if (event.isComposing || event.defaultPrevented) return;
        const target = deepActiveElement();
        if (isTextInput(target) && writesText(event)) return;
        const stroke = keystrokeOf(event);
        if (stroke === undefined || !keybindings.keyDown(stroke, { repeat: event.repeat })) return;
        event.preventDefault();
        event.stopPropagation();
      },
      { capture: true },
    ),
  );
  store.add(
    listen(
      window,
      'keyup',
      (event) => {
        const key = keyNameOf(event);
        if (key !== undefined) keybindings.keyUp(key);
      },
      { capture: true },
    ),
  );
  store.add(listen(window, 'blur', () => keybindings.releaseAll()));
  store.add(
    listen(document, 'visibilitychange', () => {
      if (document.visibilityState === 'hidden') keybindings.releaseAll();
    }),
  );
  const updateFocus = (): void => {
    const target = deepActiveElement();
    contextKeys.set('inputFocus', isTextInput(target));
    contextKeys.set('listFocus', target?.getAttribute('role') === 'tree');
  };
  store.add(listen(document, 'focusin', updateFocus));
  store.add(listen(document, 'focusout', () => queueMicrotask(updateFocus)));
  updateFocus();
  return store;
}
