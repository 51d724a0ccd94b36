import { delay, systemClock, withTimeout, type Clock } from '../../core/base/async.ts';
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
import {
  activationEventsOf,
  parseManifest,
  viewsOf,
  type Manifest,
  type Permission,
} from '../../extensions/api/manifest.ts';
import { API_VERSION } from '../../extensions/api/version.ts';
import type { WorkbenchServices } from '../platform/services.ts';
import { registerContributions, type RegisteredContributions } from './contribution-points.ts';
import { createExtensionApi, type ApiEnvironment, type ExtensionApi } from './extension-api.ts';
import { extensionError } from './extension-error.ts';
import type { ExtensionFrame } from './sandbox/extension-frame.ts';
import type { Grants } from './sandbox/grants.ts';
import {
  createSandboxedModule,
  type SandboxCounters,
  type SandboxedModule,
  type SandboxEnd,
} from './sandbox/sandboxed-module.ts';

/** How long an extension may take to start and to stop (conclave.d.ts promises the same). */
const ACTIVATION_TIMEOUT_MS = 5000;
const DEACTIVATION_TIMEOUT_MS = 2000;
/** An extension that fails in every frame is told once in this time. */
const ERROR_NOTICE_INTERVAL_MS = 60_000;
/** A sandbox that hung is started again after this time, doubled each time. */
const RESTART_DELAY_MS = 1000;
/** So many crashes within this time, and it stays off until a person starts it again. */
const MAX_CRASHES = 3;
const CRASH_WINDOW_MS = 5 * 60_000;
/** Why a sandbox was ended, for a person. */
const END_TEXTS: Readonly<Record<SandboxEnd, string>> = {
  strikes: 'it asked for things that no extension can ask for',
  flooding: 'it flooded the program with messages',
  not_responding: 'it did not answer for 10 s',
};

/** Where extensions come from: manifests as text and scripts as modules. */
export interface ExtensionSource {
  readonly ids: readonly string[];
  readManifest(id: string): Promise<string>;
  loadModule(id: string, main: string): Promise<unknown>;
  /** The script as text, for the sandbox. */
  readScript(id: string, main: string): Promise<string>;
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
  readonly runtime: 'trusted' | 'sandboxed';
  /** What is counted about a sandboxed extension that runs; undefined for others. */
  readonly sandbox: (SandboxCounters & { readonly granted: readonly Permission[] }) | undefined;
}

/** Finds, checks, registers, starts and stops extensions. */
export interface ExtensionService extends Disposable {
  /** Reads and registers everything, then starts what asks for `onStartupFinished`. */
  start(): Promise<void>;
  /** Starts the extensions that wait for an event; resolves when they have started or failed. */
  activateByEvent(event: string): Promise<void>;
  /** Stops one extension and takes its contributions away. */
  stop(id: string): Promise<void>;
  /** Ends a sandboxed extension and starts it anew, whatever state it is in. */
  restart(id: string): Promise<void>;
  /** Ends a sandboxed extension and forgets what it was allowed; it asks again when it is used. */
  revoke(id: string): void;
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
    readonly sandbox: {
      readonly grants: Grants;
      openFrame(extensionId: string, code: string): Promise<ExtensionFrame>;
    };
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
  /** The same module when it runs in a sandbox. */
  sandbox: SandboxedModule | undefined;
  /** Counts starts, so that one that was overtaken knows it. */
  run: number;
  /** Times of crashes, within the window. */
  crashes: readonly number[];
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

  const refuse = (folder: string, name: string, problem: string): void => {
    refused.push({
      id: folder,
      displayName: name,
      version: '',
      description: '',
      state: 'refused',
      activationMs: undefined,
      activatedBy: undefined,
      problems: [problem],
      runtime: 'sandboxed',
      sandbox: undefined,
    });
    services.logger.log('error', 'extension.refused', { extension: logCode(folder) });
    tell(name, `The extension "${name}" was not loaded. ${problem}`);
  };

  const readManifest = async (folder: string): Promise<Manifest | undefined> => {
    let text: string;
    try {
      text = await source.readManifest(folder);
    } catch (error) {
      refuse(folder, folder, `Its manifest could not be read: ${textOf(error)}`);
      return undefined;
    }
    const parsed = parseManifest(text, API_VERSION);
    if (parsed.ok) return parsed.value;
    refuse(folder, folder, `Its manifest is not valid. ${parsed.error}.`);
    return undefined;
  };

  const register = (folder: string, manifest: Manifest): void => {
    if (extensions.has(manifest.id)) {
      refuse(folder, manifest.displayName, `An extension with the id "${manifest.id}" is loaded already.`);
      return;
    }
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
      sandbox: undefined,
      run: 0,
      crashes: [],
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
    const run = ++running.run;
    const { grants } = environment.sandbox;
    const sandboxed = manifest.runtime === 'sandboxed';
    if (sandboxed) await grants.ask(manifest);
    if (running.run !== run) return;
    const granted = sandboxed
      ? (manifest.permissions ?? []).filter((permission) => grants.has(manifest.id, permission))
      : manifest.permissions;
    const startedAt = clock.now();
    const subscriptions = createDisposableStore();
    const api = createExtensionApi(granted === undefined ? manifest : { ...manifest, permissions: granted }, {
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
        const module = sandboxed
          ? createSandbox(running, await source.readScript(running.folder, manifest.main))
          : asExtensionModule(await source.loadModule(running.folder, manifest.main));
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
      // Ended or started anew meanwhile: whoever did that has told it.
      if (running.run !== run) return;
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

  const createSandbox = (running: Running, code: string): SandboxedModule => {
    const { manifest } = running;
    const { grants, openFrame } = environment.sandbox;
    const own = new Set((manifest.contributes?.commands ?? []).map(({ id }) => id));
    const sandbox: SandboxedModule = createSandboxedModule({
      manifest,
      clock,
      openFrame: () => openFrame(manifest.id, code),
      // Both: a grant may be older than a manifest that no longer asks for it.
      isGranted: (permission) =>
        manifest.permissions?.includes(permission) === true && grants.has(manifest.id, permission),
      mayRun: (command) => own.has(command) || services.commands.get(command)?.public === true,
      onError: (error) => reportError(running, error),
      onDidChange: () => changed.fire(),
      onEnd: (reason) => {
        if (running.sandbox === sandbox) endSandbox(running, reason);
      },
    });
    running.sandbox = sandbox;
    return sandbox;
  };

  /** A sandbox that hangs is started again, a few times; one that breaks the rules is not. */
  const endSandbox = (running: Running, reason: SandboxEnd): void => {
    const { manifest } = running;
    const now = clock.now();
    running.crashes = [...running.crashes.filter((time) => now - time < CRASH_WINDOW_MS), now];
    const again = reason === 'not_responding' && running.crashes.length < MAX_CRASHES;
    takeDown(running, 'faulted');
    running.problems = [...running.problems, `It was ended because ${END_TEXTS[reason]}.`];
    services.logger.log('error', 'extension.ended', {
      extension: logCode(manifest.name),
      reason: logCode(reason),
      crashes: running.crashes.length,
    });
    tell(
      manifest.displayName,
      `${manifest.displayName} was ended because ${END_TEXTS[reason]}. ${
        again ? 'It is started again.' : 'It stays off until you start it from “Show Running Extensions”.'
      }`,
    );
    if (again) {
      const wait = RESTART_DELAY_MS * 2 ** (running.crashes.length - 1);
      running.activation = delay(clock, wait).then(async () => {
        if (!store.isDisposed && running.state === 'faulted') await start(running, 'restart');
      });
    }
    changed.fire();
  };

  /** Ends the code of a sandboxed extension at once; what it contributed stays. */
  const takeDown = (running: Running, state: 'faulted' | 'registered'): void => {
    running.state = state;
    running.run += 1;
    disposeQuietly(running);
    running.module = undefined;
    for (const { id } of viewsOf(running.manifest)) running.contributions.restoreView(id);
  };

  const disposeQuietly = (running: Running): void => {
    const parts = [running.sandbox, running.subscriptions, running.api];
    running.sandbox = undefined;
    for (const part of parts) {
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

  /** Nobody is asked for permissions at the start of the program, only after they did something. */
  const wouldAsk = (manifest: Manifest): boolean =>
    manifest.runtime === 'sandboxed' && environment.sandbox.grants.undecided(manifest).length > 0;

  const activateByEvent = async (event: string): Promise<void> => {
    await Promise.all(
      [...extensions.values()]
        .filter(({ manifest, state }) => state !== 'stopped' && activationEventsOf(manifest).has(event))
        .filter(({ manifest }) => event !== 'onStartupFinished' || !wouldAsk(manifest))
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
      const manifests = await Promise.all(source.ids.map(readManifest));
      if (store.isDisposed) return;
      // In the order of the list, which decides the places of what has none of its own, and in one go: a view
      // that is in front only because the others are not there yet would start its extension.
      for (const [index, id] of source.ids.entries()) {
        const manifest = manifests[index];
        if (manifest) register(id, manifest);
      }
      await activateByEvent('onStartupFinished');
    },
    activateByEvent,
    async stop(id) {
      const running = extensions.get(id);
      if (running && running.state !== 'stopped') await stop(running);
    },
    async restart(id) {
      const running = extensions.get(id);
      if (running?.manifest.runtime !== 'sandboxed' || running.state === 'stopped') return;
      takeDown(running, 'registered');
      running.problems = [];
      running.crashes = [];
      running.activation = undefined;
      await activate(running, 'restart');
    },
    revoke(id) {
      environment.sandbox.grants.revoke(id);
      const running = extensions.get(id);
      if (running?.manifest.runtime !== 'sandboxed' || running.state === 'stopped') return;
      takeDown(running, 'registered');
      running.activation = undefined;
      changed.fire();
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
        runtime: running.manifest.runtime ?? 'trusted',
        sandbox: running.sandbox && {
          ...running.sandbox.counters,
          granted: (running.manifest.permissions ?? []).filter((permission) =>
            environment.sandbox.grants.has(running.manifest.id, permission),
          ),
        },
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
