import { createDisposableStore, type Disposable } from '../../../core/base/disposable.ts';
import { createEmitter } from '../../../core/base/event.ts';
import { silentLogger } from '../../../core/base/log.ts';
import {
  connectRpc,
  serveRpc,
  type RpcHandlers,
  type RpcPort,
  type RpcServer,
} from '../../../core/base/rpc/rpc.ts';
import { createFakeClock, type FakeClock } from '../../../core/base/testing/fake-clock.ts';
import type { MediaPageEvents, MediaPageMethods } from '../../../core/workers/media-contract.ts';
import type { SessionEvents, SessionMethods } from '../../../core/workers/session-contract.ts';
import type { Conclave, ExtensionContext, ExtensionModule } from '../../../extensions/api/conclave.d.ts';
import { createCommandRegistry } from '../../platform/commands.ts';
import { createConfigurationService } from '../../platform/configuration.ts';
import { createContextKeyService } from '../../platform/context-keys.ts';
import { createDialogService } from '../../platform/dialogs.ts';
import { createKeybindingService } from '../../platform/keybindings.ts';
import { createMenuRegistry } from '../../platform/menus.ts';
import { createNotificationService } from '../../platform/notifications.ts';
import { createQuickAccessRegistry } from '../../platform/quick-input.ts';
import { createSessionService } from '../../platform/session-service.ts';
import { createStatusBarRegistry } from '../../platform/status-bar.ts';
import { createViewRegistry } from '../../platform/views.ts';
import type { ExtensionFrame } from '../sandbox/extension-frame.ts';
import type { Grants } from '../sandbox/grants.ts';
import { createExtensionService, type ExtensionService } from '../extension-service.ts';

/** An extension of a test: its manifest and its code. */
export interface TestExtension {
  readonly manifest: unknown;
  readonly activate?: (context: ExtensionContext) => void | Promise<void>;
  readonly deactivate?: () => void | Promise<void>;
}

/** The real registries around an extension service, with workers that answer from a table. */
export function createTestWorkbench(
  extensions: Readonly<Record<string, TestExtension>>,
  options: {
    readonly grants?: Grants;
    readonly openFrame?: (id: string, code: string) => Promise<ExtensionFrame>;
  } = {},
) {
  const store = createDisposableStore();
  const clock: FakeClock = createFakeClock();
  const asked: { readonly name: string; readonly argument: unknown }[] = [];
  const answers: Record<string, unknown> = {};
  const port = (): readonly [RpcPort, RpcPort] => {
    const messages = [store.add(createEmitter<unknown>()), store.add(createEmitter<unknown>())] as const;
    const closed = store.add(createEmitter<void>());
    const end = (own: 0 | 1): RpcPort => ({
      send: (message) => messages[own === 0 ? 1 : 0].fire(structuredClone(message)),
      onMessage: messages[own].event,
      onClose: closed.event,
      dispose: () => closed.fire(),
    });
    return [end(0), end(1)];
  };
  const handlers = new Proxy(
    {},
    {
      getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: undefined }),
      get: (_target, name: string) => (argument: unknown) => {
        asked.push({ name, argument });
        return answers[name] ?? null;
      },
    },
  );
  const [sessionPage, sessionWorker] = port();
  const [mediaPage, mediaWorker] = port();
  const sessionServer: RpcServer<SessionEvents> = store.add(
    serveRpc<SessionMethods, SessionEvents>(sessionWorker, handlers as RpcHandlers<SessionMethods>),
  );
  const mediaServer: RpcServer<MediaPageEvents> = store.add(
    serveRpc<MediaPageMethods, MediaPageEvents>(mediaWorker, handlers as RpcHandlers<MediaPageMethods>),
  );
  const session = store.add(
    createSessionService(store.add(connectRpc(sessionPage)), store.add(connectRpc(mediaPage))),
  );

  const contextKeys = store.add(createContextKeyService());
  const commands = store.add(createCommandRegistry(contextKeys));
  const openEditors: string[] = [];
  const picks: ((labels: readonly string[]) => number | undefined)[] = [];
  const services = {
    logger: silentLogger,
    contextKeys,
    commands,
    keybindings: store.add(
      createKeybindingService({
        platform: 'linux',
        contextKeys,
        clock,
        execute: (id, args) => void commands.execute(id, ...args),
      }),
    ),
    menus: store.add(createMenuRegistry(contextKeys, commands)),
    viewRegistry: store.add(createViewRegistry()),
    views: {
      focusView: async () => {},
      focusContainer: async () => {},
      isViewVisible: () => false,
      openEditor: async (viewId: string, input: { readonly key: string }) => {
        openEditors.push(`${viewId}/${input.key}`);
      },
      closeEditor: async () => {},
      openEditors: () => [],
      activeEditor: undefined,
      onDidChangeActiveEditor: () => ({ dispose: () => {} }),
    },
    statusBar: store.add(createStatusBarRegistry()),
    notifications: store.add(createNotificationService()),
    quickInput: {
      access: createQuickAccessRegistry(),
      pick: async <T extends { readonly label: string }>(items: readonly T[] | Promise<readonly T[]>) => {
        const rows = await items;
        const index = picks.shift()?.(rows.map(({ label }) => label));
        return index === undefined ? undefined : rows[index];
      },
      input: async () => undefined,
      show: () => {},
      close: () => {},
    },
    dialogs: store.add(createDialogService()),
    configuration: store.add(createConfigurationService(async () => {})),
  };

  const opened: string[] = [];
  const copied: string[] = [];
  const loaded: string[] = [];
  const service: ExtensionService = store.add(
    createExtensionService({
      services,
      clock,
      source: {
        ids: Object.keys(extensions),
        readManifest: async (id) => JSON.stringify(extensions[id]?.manifest),
        readScript: async () => '',
        loadModule: async (id): Promise<Partial<ExtensionModule>> => {
          loaded.push(id);
          const { activate, deactivate } = extensions[id] as TestExtension;
          return { ...(activate ? { activate } : {}), ...(deactivate ? { deactivate } : {}) };
        },
      },
      environment: {
        session,
        openLink: async (url) => void opened.push(url),
        copyText: async (text) => void copied.push(text),
        createPlaceholder: () => ({ placeholder: true }) as unknown as HTMLElement,
        sandbox: {
          grants: options.grants ?? {
            has: () => true,
            undecided: () => [],
            ask: async () => {},
            revoke: () => {},
          },
          openFrame: options.openFrame ?? (() => Promise.reject(new Error('no frames here'))),
        },
        createFailedView: () => ({ failed: true }) as unknown as HTMLElement,
      },
    }),
  );
  return {
    service,
    services,
    session,
    sessionServer,
    mediaServer,
    clock,
    asked,
    answers,
    picks,
    openEditors,
    copied,
    opened,
    loaded,
    dispose: () => store.dispose(),
  } satisfies Disposable & Record<string, unknown>;
}

/** A manifest with the fields every one needs. */
export function manifestOf(
  name: string,
  rest: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    name,
    publisher: 'test',
    version: '1.0.0',
    displayName: `The ${name}`,
    engines: { conclave: '^0.1' },
    main: './main.js',
    ...rest,
  };
}

/** Starts one extension and gives its API. */
export async function startWithApi(
  manifest: unknown,
): Promise<{ readonly api: Conclave; readonly workbench: ReturnType<typeof createTestWorkbench> }> {
  let api: Conclave | undefined;
  const workbench = createTestWorkbench({
    sample: {
      manifest,
      activate: (context) => {
        api = context.api;
      },
    },
  });
  await workbench.service.start();
  if (!api) throw new Error(workbench.service.all()[0]?.problems.join(' ') ?? 'not started');
  return { api, workbench };
}
