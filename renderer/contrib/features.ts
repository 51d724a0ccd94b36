import { systemClock } from '../../core/base/async.ts';
import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import { readBuiltInSource } from '../exthost/built-in-source.ts';
import { createExtensionService, type ExtensionService } from '../exthost/extension-service.ts';
import { registerRunningExtensions } from '../exthost/running-extensions.ts';
import { createFrameOpener } from '../exthost/sandbox/extension-frame.ts';
import { openGrants } from '../exthost/sandbox/grants.ts';
import { createLinkOpener } from '../exthost/open-link.ts';
import { createViewMessage } from '../exthost/view-message.ts';
import type { WorkbenchServices } from '../platform/services.ts';
import { createSessionService, type SessionService } from '../platform/session-service.ts';
import { registerAudio } from './audio/audio.contribution.ts';
import { createServerService, DEFAULT_RELAY_PORT } from './servers/server-service.ts';
import { registerServers } from './servers/servers.contribution.ts';
import { strings as serverStrings } from './servers/strings.ts';
import { registerWelcome } from './welcome/welcome.contribution.ts';

const TEXTS = {
  loadingView: 'Starting',
  failedView: 'This view could not be drawn. Close it and open it again.',
} as const;

/** What makes a workbench into Conclave: the session, servers, audio, the welcome page and the extensions. */
export interface Features extends Disposable {
  readonly session: SessionService;
  readonly extensions: ExtensionService;
  /**
   * To be called once the layout is restored: opens the vault, shows the welcome page where a person has to
   * do something, and connects to the server of last time.
   */
  afterRestore(): Promise<void>;
}

/**
 * Registers everything, including the extensions' views, so that a stored layout finds them. To be awaited
 * before the layout is restored.
 */
export async function createFeatures(services: WorkbenchServices): Promise<Features> {
  const store = createDisposableStore();
  const copyText = (text: string): Promise<void> => navigator.clipboard.writeText(text);
  const session = store.add(createSessionService(services.session, services.media));
  store.add(
    services.configuration.register(
      {
        'relay.port': {
          type: 'integer',
          default: DEFAULT_RELAY_PORT,
          minimum: 0,
          maximum: 65535,
          description: serverStrings.settingPort,
        },
      },
      { owner: 'core', section: serverStrings.settingsSection },
    ),
  );
  store.add(
    services.configuration.register(
      {
        'server.reconnectAtStart': {
          type: 'boolean',
          default: true,
          description: serverStrings.settingReconnect,
        },
      },
      { owner: 'core', section: serverStrings.serverSection },
    ),
  );
  const servers = store.add(createServerService(services, session));
  store.add(registerServers(services, session, servers));
  const welcome = store.add(registerWelcome(services, session, servers, copyText));
  const extensions = store.add(
    createExtensionService({
      services,
      source: await readBuiltInSource(),
      environment: {
        session,
        openLink: createLinkOpener(services),
        copyText,
        createPlaceholder: () => createViewMessage(TEXTS.loadingView, false),
        createFailedView: () => createViewMessage(TEXTS.failedView, true),
        sandbox: { grants: await openGrants(services), openFrame: createFrameOpener(systemClock) },
      },
    }),
  );
  store.add(registerRunningExtensions(services, extensions));
  await extensions.start();
  // After the extensions, since the voice extension declares the settings that audio follows.
  store.add(registerAudio(services, session));
  return { session, extensions, afterRestore: () => welcome.start(), dispose: () => store.dispose() };
}
