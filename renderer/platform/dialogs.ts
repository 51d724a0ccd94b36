import { createDeferred, systemClock, type Clock } from '../../core/base/async.ts';
import type { Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { Severity } from './notifications.ts';

/** A modal question. */
export interface DialogOptions {
  readonly severity?: Severity;
  /** The question in one sentence. */
  readonly message: string;
  readonly detail?: string;
  /** Buttons, the default one first. A button that dismisses is added by the workbench. */
  readonly actions: readonly string[];
  /** Title of the dismissing button; `Cancel` when there are actions, otherwise `OK`. */
  readonly cancelTitle?: string;
  /** The first action destroys something; it is not the default then. */
  readonly destructive?: boolean;
  /** Who asks: an extension's name. */
  readonly source?: string;
  /** Actions cannot be chosen before this time has passed, so that nobody chooses what they did not see. */
  readonly armDelayMs?: number;
}

/** A dialog that is waiting for its answer. */
export interface PendingDialog extends DialogOptions {
  readonly id: number;
  answer(action: string | undefined): void;
}

/** Modal questions, one at a time in the order of the calls. */
export interface DialogService extends Disposable {
  /** The chosen action, or undefined when dismissed. */
  show(options: DialogOptions): Promise<string | undefined>;
  /** True when the action was chosen. */
  confirm(options: Omit<DialogOptions, 'actions'> & { readonly action: string }): Promise<boolean>;
  /** For the view. */
  readonly current: PendingDialog | undefined;
  readonly onDidChange: Event<void>;
}

/** Makes a service with no dialog open. */
export function createDialogService(clock: Clock = systemClock): DialogService {
  let queue: readonly PendingDialog[] = [];
  let nextId = 1;
  const changed = createEmitter<void>();
  /** When a dialog came to the front, by its id. */
  const shownAt = new Map<number, number>();
  const bringForward = (): void => {
    const front = queue[0];
    if (front && !shownAt.has(front.id)) shownAt.set(front.id, clock.now());
    changed.fire();
  };
  const show = (options: DialogOptions): Promise<string | undefined> => {
    const { promise, resolve } = createDeferred<string | undefined>();
    const dialog: PendingDialog = {
      ...options,
      id: nextId++,
      answer(action) {
        if (!queue.includes(dialog)) return;
        const armedAt = (shownAt.get(dialog.id) ?? Infinity) + (options.armDelayMs ?? 0);
        if (action !== undefined && options.armDelayMs !== undefined && clock.now() < armedAt) return;
        queue = queue.filter((other) => other !== dialog);
        shownAt.delete(dialog.id);
        resolve(action);
        bringForward();
      },
    };
    queue = [...queue, dialog];
    bringForward();
    return promise;
  };
  return {
    show,
    async confirm({ action, ...options }) {
      return (await show({ ...options, actions: [action] })) === action;
    },
    get current() {
      return queue[0];
    },
    onDidChange: changed.event,
    dispose() {
      for (const dialog of queue) dialog.answer(undefined);
      changed.dispose();
    },
  };
}
