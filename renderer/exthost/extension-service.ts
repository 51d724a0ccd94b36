import { systemClock, withTimeout, type Clock } from '../../core/base/async.ts';
import { CodedError, errorCode } from '../../core/base/coded-error.ts';
import {
  createDisposableStore,
  toDisposable,
  type Disposable,
  type DisposableStore,
} from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import { logCode } from '../../core/base/log.ts';
import type { ExtensionModule } from '../../extensions/api/conclave.d.ts';
import { activationEventsOf, parseManifest, type Manifest } from '../../extensions/api/manifest.ts';
import { API_VERSION } from '../../extensions/api/version.ts';
import type { WorkbenchServices } from '../platform/services.ts';
import { registerContributions, type RegisteredContributions } from './contribution-points.ts';
import { createExtensionApi, type ApiEnvironment, type ExtensionApi } from './extension-api.ts';
import { extensionError } from './extension-error.ts';

/** How long an extension may take to start and to stop (conclave.d.ts promises the same). */
const ACTIVATION_TIMEOUT_MS = 5000;
const DEACTIVATION_TIMEOUT_MS = 2000;
/** An extension that fails in every frame is told once in this time. */
const ERROR_NOTICE_INTERVAL_MS = 60_000;

/** Where extensions come from: manifests as text and scripts as modules. */
export interface ExtensionSource {
  readonly ids: readonly string[];
  readManifest(id: string): Promise<string>;
  loadModule(id: string, main: string): Promise<unknown>;
}

/** What is known about one extension. */
export interface ExtensionStatus {
  readonly id: string;
  readonly displayName: string;
  readonly version: string;
  readonly description: string;
  readonly state: 'refused' | 'registered' | 'activating' | 'active' | 'faulted' | 'stopped';
  /** How long `activate` took, in ms. */
  readonly activationMs: number | undefined;
  /** The event that started it. */
  readonly activatedBy: string | undefined;
  /** What is wrong, for a person. */
  readonly problems: readonly string[];
}

/** Finds, checks, registers, starts and stops extensions. */
export interface ExtensionService extends Disposable {
  /** Reads and registers everything, then starts what asks for `onStartupFinished`. */
  start(): Promise<void>;
  /** Starts the extensions that wait for an event; resolves when they have started or failed. */
  activateByEvent(event: string): Promise<void>;
  /** Stops one extension and takes its contributions away. */
  stop(id: string): Promise<void>;
  all(): readonly ExtensionStatus[];
  readonly onDidChange: Event<void>;
}

/** What the service needs of the workbench. */
export interface ExtensionServiceOptions {
  readonly services: Pick<
    WorkbenchServices,
    | 'logger'
    | 'commands'
    | 'contextKeys'
    | 'keybindings'
    | 'menus'
    | 'viewRegistry'
    | 'views'
    | 'statusBar'
    | 'notifications'
    | 'quickInput'
    | 'dialogs'
    | 'configuration'
  >;
  readonly source: ExtensionSource;
  readonly environment: Pick<ApiEnvironment, 'session' | 'openLink' | 'copyText' | 'createFailedView'> & {
    readonly createPlaceholder: () => HTMLElement;
  };
  readonly clock?: Clock;
}

interface Running {
  readonly manifest: Manifest;
  readonly folder: string;
  readonly contributions: RegisteredContributions;
  state: Exclude<ExtensionStatus['state'], 'refused'>;
  problems: string[];
  activation: Promise<void> | undefined;
  activationMs: number | undefined;
  activatedBy: string | undefined;
  module: ExtensionModule | undefined;
  api: ExtensionApi | undefined;
  subscriptions: DisposableStore | undefined;
  lastNotice: number;
}

/** Makes a service that has not started anything yet. */
export function createExtensionService(options: ExtensionServiceOptions): ExtensionService {
  const { services, source, environment, clock = systemClock } = options;
  const store = createDisposableStore();
  const changed = store.add(createEmitter<void>());
  const extensions = new Map<string, Running>();
  const refused: ExtensionStatus[] = [];

  const tell = (name: string, message: string, error?: unknown): void => {
    const code = error === undefined ? undefined : errorCode(error);
    services.notifications.show({
      severity: 'error',
      source: name,
      message,
      ...(code === undefined ? {} : { code }),
    });
  };

  const reportError = (running: Running, error: unknown): void => {
    services.logger.log('error', 'extension.error', {
      extension: logCode(running.manifest.name),
      code: logCode(errorCode(error)),
    });
    const now = clock.now();
    if (now - running.lastNotice < ERROR_NOTICE_INTERVAL_MS) return;
    running.lastNotice = now;
    tell(
      running.manifest.displayName,
      `Something failed in ${running.manifest.displayName}: ${textOf(error)} The rest of the program is not affected.`,
      error,
    );
  };

  const register = async (folder: string): Promise<void> => {
    const refuse = (name: string, problem: string): void => {
      refused.push({
        id: folder,
        displayName: name,
        version: '',
        description: '',
        state: 'refused',
        activationMs: undefined,
        activatedBy: undefined,
        problems: [problem],
      });
      services.logger.log('error', 'extension.refused', { extension: logCode(folder) });
      tell(name, `The extension "${name}" was not loaded. ${problem}`);
    };
    let text: string;
    try {
      text = await source.readManifest(folder);
    } catch (error) {
      refuse(folder, `Its manifest could not be read: ${textOf(error)}`);
      return;
    }
    const parsed = parseManifest(text, API_VERSION);
    if (!parsed.ok) {
      refuse(folder, `Its manifest is not valid. ${parsed.error}.`);
      return;
    }
    const manifest = parsed.value;
    if (extensions.has(manifest.id)) {
      refuse(manifest.displayName, `An extension with the id "${manifest.id}" is loaded already.`);
      return;
    }
    if (store.isDisposed) return;
    const contributions = registerContributions(manifest, services, {
      runCommand: (id, args) => runCommand(manifest.id, id, args),
      showView: (viewId) => void activateByEvent(`onView:${viewId}`),
      createPlaceholder: environment.createPlaceholder,
    });
    const running: Running = {
      manifest,
      folder,
      contributions,
      state: 'registered',
      problems: [...contributions.problems],
      activation: undefined,
      activationMs: undefined,
      activatedBy: undefined,
      module: undefined,
      api: undefined,
      subscriptions: undefined,
      lastNotice: -Infinity,
    };
    extensions.set(manifest.id, running);
    if (contributions.problems.length > 0)
      tell(
        manifest.displayName,
        `Parts of ${manifest.displayName} could not be registered and are missing: ${contributions.problems.join(' ')}`,
      );
    changed.fire();
  };

  const runCommand = async (
    extensionId: string,
    command: string,
    args: readonly unknown[],
  ): Promise<unknown> => {
    const running = extensions.get(extensionId);
    if (!running)
      throw extensionError('extension_stopped', `The extension of "${command}" has been stopped.`);
    await activate(running, `onCommand:${command}`);
    const handler = running.api?.commandHandler(command);
    if (!handler)
      throw extensionError(
        'command_without_code',
        `${running.manifest.displayName} declares "${command}", but gives no code for it.`,
      );
    return await handler(...args);
  };

  const activate = (running: Running, event: string): Promise<void> => {
    running.activation ??= start(running, event);
    return running.activation;
  };

  const start = async (running: Running, event: string): Promise<void> => {
    const { manifest, contributions } = running;
    running.state = 'activating';
    running.activatedBy = event;
    changed.fire();
    const startedAt = clock.now();
    const subscriptions = createDisposableStore();
    const api = createExtensionApi(manifest, {
      services,
      session: environment.session,
      openLink: environment.openLink,
      copyText: environment.copyText,
      createFailedView: environment.createFailedView,
      onError: (error) => reportError(running, error),
      onDidFillView: contributions.releaseView,
      onDidEmptyView: (viewId) => {
        if (running.state === 'active') contributions.restoreView(viewId);
      },
    });
    running.api = api;
    running.subscriptions = subscriptions;
    try {
      if (manifest.main !== undefined) {
        const module = asExtensionModule(await source.loadModule(running.folder, manifest.main));
        running.module = module;
        await withTimeout(
          clock,
          ACTIVATION_TIMEOUT_MS,
          Promise.resolve(
            module.activate({
              api: api.api,
              subscriptions: { add: (disposable) => subscriptions.add(disposable) },
              extension: Object.freeze({ id: manifest.id, version: manifest.version }),
            }),
          ),
          () =>
            extensionError(
              'activation_timeout',
              `Starting took longer than ${ACTIVATION_TIMEOUT_MS / 1000} s.`,
            ),
        );
      }
      running.activationMs = clock.now() - startedAt;
      running.state = 'active';
      services.logger.log('info', 'extension.activated', {
        extension: logCode(manifest.name),
        milliseconds: Math.round(running.activationMs),
      });
    } catch (error) {
      running.state = 'faulted';
      running.activationMs = clock.now() - startedAt;
      running.problems = [...running.problems, textOf(error)];
      disposeQuietly(running);
      services.logger.log('error', 'extension.failed', {
        extension: logCode(manifest.name),
        code: logCode(errorCode(error)),
      });
      tell(
        manifest.displayName,
        `${manifest.displayName} could not be started: ${textOf(error)} Its views stay empty; the rest of the program works.`,
        error,
      );
    }
    changed.fire();
  };

  const disposeQuietly = (running: Running): void => {
    for (const part of [running.subscriptions, running.api]) {
      try {
        part?.dispose();
      } catch (error) {
        services.logger.log('error', 'extension.dispose', {
          extension: logCode(running.manifest.name),
          code: logCode(errorCode(error)),
        });
      }
    }
  };

  const stop = async (running: Running): Promise<void> => {
    await running.activation;
    const wasActive = running.state === 'active';
    running.state = 'stopped';
    if (wasActive) {
      try {
        await withTimeout(
          clock,
          DEACTIVATION_TIMEOUT_MS,
          Promise.resolve(running.module?.deactivate?.()),
          () =>
            extensionError(
              'activation_timeout',
              `Stopping took longer than ${DEACTIVATION_TIMEOUT_MS / 1000} s.`,
            ),
        );
      } catch (error) {
        reportError(running, error);
      }
      disposeQuietly(running);
    }
    running.contributions.dispose();
    changed.fire();
  };

  const activateByEvent = async (event: string): Promise<void> => {
    await Promise.all(
      [...extensions.values()]
        .filter(({ manifest, state }) => state !== 'stopped' && activationEventsOf(manifest).has(event))
        .map((running) => activate(running, event)),
    );
  };

  store.add(
    toDisposable(() => {
      for (const running of extensions.values()) {
        running.state = 'stopped';
        disposeQuietly(running);
        running.contributions.dispose();
      }
    }),
  );

  return {
    async start() {
      // One after another: the order decides the places of what has none of its own.
      for (const id of source.ids) await register(id);
      await activateByEvent('onStartupFinished');
    },
    activateByEvent,
    async stop(id) {
      const running = extensions.get(id);
      if (running && running.state !== 'stopped') await stop(running);
    },
    all: () => [
      ...[...extensions.values()].map((running): ExtensionStatus => ({
        id: running.manifest.id,
        displayName: running.manifest.displayName,
        version: running.manifest.version,
        description: running.manifest.description ?? '',
        state: running.state,
        activationMs: running.activationMs,
        activatedBy: running.activatedBy,
        problems: running.problems,
      })),
      ...refused,
    ],
    onDidChange: changed.event,
    dispose: () => store.dispose(),
  };
}

function asExtensionModule(value: unknown): ExtensionModule {
  const module = value as Partial<ExtensionModule> | null | undefined;
  if (typeof module?.activate !== 'function')
    throw extensionError('not_an_extension', 'Its script exports no function "activate".');
  return module as ExtensionModule;
}

function textOf(error: unknown): string {
  const text = error instanceof CodedError || error instanceof Error ? error.message : 'unknown reason';
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
