import { createDisposableStore, type Disposable } from '../../../core/base/disposable.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import type { SessionService } from '../../platform/session-service.ts';
import type { ServerService } from '../servers/server-service.ts';
import { strings } from './strings.ts';
import './welcome-element.ts';
import type { WelcomeElement } from './welcome-element.ts';

const VIEW = 'welcome';
const KEY = 'welcome';

/** The welcome page and what happens at start: open the vault, then connect to the server of last time. */
export function registerWelcome(
  services: WorkbenchServices,
  session: SessionService,
  servers: ServerService,
  copyText: (text: string) => Promise<void>,
): Disposable & { start(): Promise<void> } {
  const store = createDisposableStore();
  const { viewRegistry, views, commands } = services;
  store.add(viewRegistry.registerEditorView({ id: VIEW, title: strings.title, icon: 'home' }));
  store.add(
    viewRegistry.registerContent(VIEW, {
      kind: 'element',
      provider: {
        create() {
          const element = document.createElement('conclave-welcome') as WelcomeElement;
          element.context = { services, session, servers, copyText };
          return element;
        },
      },
    }),
  );
  const show = (): Promise<void> => views.openEditor(VIEW, { key: KEY, title: strings.title });
  store.add(
    commands.register(
      { id: 'welcome.show', title: strings.show, category: strings.category, icon: 'home' },
      show,
    ),
  );

  let started = false;
  /** Runs once, as soon as there is an identity to connect with. */
  const afterOpen = async (isFirstRun: boolean): Promise<void> => {
    if (started) return;
    started = true;
    if (isFirstRun || !services.configuration.get<boolean>('server.reconnectAtStart')) {
      await show();
      return;
    }
    try {
      const outcome = await servers.connectToLast();
      if (outcome?.state === 'connected') return;
      if (outcome?.state === 'failed') throw outcome.error;
      await show();
    } catch (error) {
      services.notifications.error(error);
      await show();
    }
  };

  return {
    async start() {
      const vault = await session.readVault();
      const isFirstRun = vault.state === 'absent';
      store.add(
        session.vault.onDidChange((status) => {
          if (status?.state === 'open') void afterOpen(isFirstRun);
        }),
      );
      if (vault.state === 'open') return afterOpen(false);
      if (vault.state === 'locked' && vault.protection === 'keychain') {
        try {
          await session.unlockVault(undefined);
          return;
        } catch (error) {
          services.notifications.error(error);
        }
      }
      await show();
    },
    dispose: () => store.dispose(),
  };
}
