import { createDeferred } from '../../core/base/async.ts';
import type { Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';

/** How bad it is. */
export type Severity = 'info' | 'warning' | 'error';

/** A button of a notification. */
export interface NotificationAction {
  readonly title: string;
  /** Run by the workbench when chosen. */
  readonly run?: () => unknown;
}

/** What is shown. */
export interface NotificationOptions {
  readonly severity: Severity;
  /** What happened, what it means, the next step. */
  readonly message: string;
  /** Who says it: an extension's name; undefined for the workbench itself. */
  readonly source?: string;
  /** A closed error code, shown small at the end. */
  readonly code?: string;
  readonly actions?: readonly NotificationAction[];
  /** Stays until it is closed. Errors and questions do so anyway. */
  readonly sticky?: boolean;
  /** Shows a progress bar: a share from 0 to 1, or `undetermined`. */
  readonly progress?: number | 'undetermined';
}

/** A notification on the screen or in the centre. */
export interface Notification extends NotificationOptions {
  readonly id: number;
  /** ms since 1970. */
  readonly at: number;
  readonly read: boolean;
  /** Still shown as a toast. */
  readonly toast: boolean;
}

/** What the one who shows a notification holds. */
export interface NotificationHandle extends Disposable {
  update(changes: Partial<Pick<NotificationOptions, 'message' | 'progress' | 'actions' | 'severity'>>): void;
  /** The chosen action's title, or undefined when it was closed without a choice. */
  readonly closed: Promise<string | undefined>;
}

/** Notifications: toasts that go by themselves, and the centre that keeps them. */
export interface NotificationService extends Disposable {
  show(options: NotificationOptions): NotificationHandle;
  info(message: string): NotificationHandle;
  warn(message: string): NotificationHandle;
  /** Shows an error's text and, for coded errors, its code. */
  error(error: unknown): NotificationHandle;
  /** Newest first. */
  all(): readonly Notification[];
  /** For the view: a choice was made. */
  choose(id: number, action: NotificationAction): void;
  close(id: number): void;
  clear(): void;
  /** The toast's time is up; it stays in the centre. */
  hideToast(id: number): void;
  markAllRead(): void;
  doNotDisturb: boolean;
  readonly onDidChange: Event<void>;
}

const MAX_KEPT = 100;

/** Makes a service; `wallTime` gives ms since 1970. */
export function createNotificationService(wallTime: () => number = Date.now): NotificationService {
  let notifications: readonly Notification[] = [];
  const settle = new Map<number, (title: string | undefined) => void>();
  const changed = createEmitter<void>();
  let nextId = 1;
  let doNotDisturb = false;
  const remove = (id: number, title: string | undefined): void => {
    if (!notifications.some((notification) => notification.id === id)) return;
    notifications = notifications.filter((notification) => notification.id !== id);
    settle.get(id)?.(title);
    settle.delete(id);
    changed.fire();
  };
  const change = (id: number, changes: Partial<Notification>): void => {
    notifications = notifications.map((notification) =>
      notification.id === id ? { ...notification, ...changes } : notification,
    );
    changed.fire();
  };
  const show = (options: NotificationOptions): NotificationHandle => {
    const id = nextId++;
    const { promise, resolve } = createDeferred<string | undefined>();
    settle.set(id, resolve);
    const duplicate = notifications.find(
      (other) =>
        other.message === options.message &&
        other.severity === options.severity &&
        (other.actions?.length ?? 0) === 0 &&
        (options.actions?.length ?? 0) === 0 &&
        other.progress === undefined,
    );
    if (duplicate) remove(duplicate.id, undefined);
    notifications = [
      { ...options, id, at: wallTime(), read: false, toast: !doNotDisturb || options.severity === 'error' },
      ...notifications,
    ];
    for (const old of notifications.slice(MAX_KEPT)) remove(old.id, undefined);
    changed.fire();
    return {
      closed: promise,
      update: (changes) => change(id, changes),
      dispose: () => remove(id, undefined),
    };
  };
  return {
    show,
    info: (message) => show({ severity: 'info', message }),
    warn: (message) => show({ severity: 'warning', message }),
    error(error) {
      const message = error instanceof Error ? error.message : 'Something went wrong.';
      const code =
        error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
      return show({ severity: 'error', message, ...(code === undefined ? {} : { code }) });
    },
    all: () => notifications,
    choose(id, action) {
      remove(id, action.title);
      action.run?.();
    },
    close: (id) => remove(id, undefined),
    clear() {
      for (const { id } of notifications) remove(id, undefined);
    },
    hideToast(id) {
      if (notifications.some((notification) => notification.id === id && notification.toast))
        change(id, { toast: false });
    },
    markAllRead() {
      if (notifications.every((notification) => notification.read)) return;
      notifications = notifications.map((notification) => ({ ...notification, read: true }));
      changed.fire();
    },
    get doNotDisturb() {
      return doNotDisturb;
    },
    set doNotDisturb(value) {
      doNotDisturb = value;
      changed.fire();
    },
    onDidChange: changed.event,
    dispose() {
      for (const resolve of settle.values()) resolve(undefined);
      settle.clear();
      changed.dispose();
    },
  };
}
