import { createDisposableStore, type Disposable } from '../../../core/base/disposable.ts';
import type { ServerAddress, ServerProfile } from '../../../core/workers/session-contract.ts';
import type { ConnectionState } from '../../../core/workers/session-contract.ts';
import { addressOf } from '../../exthost/session-mapping.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import type { SessionService } from '../../platform/session-service.ts';
import { announce } from '../../base/announce.ts';
import { parseAddress } from './address.ts';
import { announceSession } from './announcements.ts';
import { forgetWithPerson, showIdentityChanged, type ConnectOutcome } from './connect-flow.ts';
import './relay-log-element.ts';
import type { RelayLogElement } from './relay-log-element.ts';
import type { ServerService } from './server-service.ts';
import { strings } from './strings.ts';

const LOG_VIEW = 'relay.log';

/** Commands, context keys and notices about servers and the relay on this computer. */
export function registerServers(
  services: WorkbenchServices,
  session: SessionService,
  servers: ServerService,
): Disposable {
  const store = createDisposableStore();
  const { commands, contextKeys, notifications, quickInput, dialogs, viewRegistry, views, host } = services;

  const tellFailure = (
    address: { readonly host: string; readonly port: number },
    outcome: ConnectOutcome,
  ): void => {
    if (outcome.state !== 'failed') return;
    const { message, code } = textOf(outcome.error);
    notifications.show({
      severity: 'error',
      message: strings.connectFailed(addressOf(address), message),
      code,
      actions: [{ title: strings.retry, run: () => connect(address) }],
    });
  };
  const connect = async (address: ServerAddress): Promise<ConnectOutcome> => {
    const outcome = await servers.connect(address);
    tellFailure(address, outcome);
    return outcome;
  };
  const askAddress = async (): Promise<ServerAddress | undefined> => {
    const known = await session.servers();
    if (known.length > 0) {
      const picked = await quickInput.pick(
        [
          ...byLastUse(known).map((server) => ({
            label: server.name,
            description: addressOf(server),
            detail: strings.lastConnected(server.lastConnected),
            icon: 'server',
            server,
          })),
          { label: strings.otherServer, icon: 'add', server: undefined },
        ],
        { placeholder: strings.pickServer },
      );
      if (!picked) return undefined;
      if (picked.server) return { host: picked.server.host, port: picked.server.port };
    }
    const text = await quickInput.input({
      title: strings.addressTitle,
      placeholder: strings.addressPlaceholder,
      validate: (value) => {
        const parsed = parseAddress(value);
        return parsed.ok ? undefined : parsed.error;
      },
    });
    const parsed = text === undefined ? undefined : parseAddress(text);
    return parsed?.ok ? parsed.value : undefined;
  };

  store.add(
    commands.register(
      {
        id: 'server.connect',
        title: strings.connect,
        category: strings.category,
        icon: 'plug',
        enablement: 'identityOpen',
        public: true,
      },
      async (argument) => {
        const address = addressFrom(argument) ?? (await askAddress());
        if (address) await connect(address);
      },
    ),
  );
  store.add(
    commands.register(
      {
        id: 'server.disconnect',
        title: strings.disconnect,
        category: strings.category,
        icon: 'debug-disconnect',
        enablement: 'connected || connecting || reconnecting',
        public: true,
      },
      () => session.disconnect(),
    ),
  );
  store.add(
    commands.register(
      { id: 'server.forget', title: strings.forget, category: strings.category, enablement: 'identityOpen' },
      async (argument) => {
        const known = await session.servers();
        if (known.length === 0) {
          notifications.info(strings.noServers);
          return;
        }
        const given = addressFrom(argument);
        const server =
          given ??
          (
            await quickInput.pick(
              byLastUse(known).map((profile) => ({
                label: profile.name,
                description: addressOf(profile),
                icon: 'server',
                profile,
              })),
              { placeholder: strings.pickForget },
            )
          )?.profile;
        if (server) await forgetWithPerson({ session, services }, server);
      },
    ),
  );
  store.add(
    commands.register(
      {
        id: 'relay.start',
        title: strings.relayStart,
        category: strings.relayCategory,
        icon: 'vm-running',
        enablement: 'identityOpen && relayAvailable',
        public: true,
      },
      async () => {
        const notice = notifications.show({
          severity: 'info',
          message: strings.relayStarting,
          progress: 'undetermined',
          sticky: true,
        });
        try {
          const outcome = await servers.startAndConnect();
          if (outcome.state === 'failed') throw outcome.error;
          const { relay } = servers;
          if (relay.state === 'running') notifications.info(strings.relayStarted(relay.port));
        } finally {
          notice.dispose();
        }
      },
    ),
  );
  store.add(
    commands.register(
      {
        id: 'relay.stop',
        title: strings.relayStop,
        category: strings.relayCategory,
        enablement: 'relayRunning',
      },
      async () => {
        const confirmed = await dialogs.confirm({
          message: strings.relayStopQuestion,
          detail: strings.relayStopDetail,
          action: strings.relayStopAction,
          destructive: true,
        });
        if (confirmed) await servers.stopRelay();
      },
    ),
  );
  store.add(
    commands.register(
      {
        id: 'relay.showLog',
        title: strings.relayLog,
        category: strings.relayCategory,
        icon: 'output',
        enablement: 'relayAvailable',
      },
      () => views.openEditor(LOG_VIEW, { key: 'log', title: strings.relayLogTitle }),
    ),
  );
  store.add(viewRegistry.registerEditorView({ id: LOG_VIEW, title: strings.relayLogTitle, icon: 'output' }));
  store.add(
    viewRegistry.registerContent(LOG_VIEW, {
      kind: 'element',
      provider: {
        create() {
          const element = document.createElement('conclave-relay-log') as RelayLogElement;
          element.servers = servers;
          return element;
        },
      },
    }),
  );

  const relayItem = store.add(
    services.statusBar.createItem({
      id: 'relay.status',
      name: strings.relayStatus,
      alignment: 'right',
      priority: 50,
    }),
  );
  relayItem.command = 'relay.showLog';
  const showRelay = (): void => {
    const { relay } = servers;
    contextKeys.setAll({
      relayRunning: relay.state === 'running',
      relayAvailable: host.info.relay.available,
    });
    relayItem.visible = relay.state !== 'stopped';
    relayItem.kind = relay.state === 'failed' ? 'error' : 'normal';
    relayItem.tooltip = relay.state === 'failed' ? relay.message : strings.relayRunningTooltip;
    relayItem.text =
      relay.state === 'running'
        ? `$(vm-running) ${strings.relayRunning(relay.port)}`
        : relay.state === 'failed'
          ? `$(error) ${strings.relayFailed}`
          : relay.state === 'starting'
            ? `$(loading~spin) ${strings.relayStarting}`
            : '';
  };
  store.add(servers.onDidChangeRelay(showRelay));
  showRelay();

  let before: ConnectionState = session.connection.current;
  const showState = (): void => {
    const connection = session.connection.current;
    const { people } = session.directory.current;
    contextKeys.setAll({
      identityOpen: session.vault.current?.state === 'open',
      connected: connection.state === 'connected',
      connecting: connection.state === 'connecting',
      reconnecting: connection.state === 'reconnecting',
      inRoom: people.some(({ self, room }) => self && room !== null),
      inCall: session.call.current.state !== 'none',
      'connection.transport': connection.state === 'connected' ? connection.transport : '',
    });
  };
  store.add(session.vault.onDidChange(showState));
  store.add(session.directory.onDidChange(showState));
  store.add(session.call.onDidChange(showState));
  store.add(
    session.connection.onDidChange((connection) => {
      showState();
      // The end of a connection that was there; a first connect tells its own failure.
      if (
        connection.state === 'disconnected' &&
        connection.error &&
        before.state !== 'disconnected' &&
        !servers.isConnecting
      ) {
        const { code, message } = connection.error;
        const address = before;
        if (code === 'server_identity_changed')
          void showIdentityChanged({ session, services }, address, message);
        else
          notifications.show({
            severity: 'error',
            message: strings.connectionEnded(message),
            code,
            actions: [
              { title: strings.retry, run: () => connect({ host: address.host, port: address.port }) },
            ],
          });
      }
      before = connection;
    }),
  );
  showState();
  store.add(announceSession(session, announce));

  store.add(
    session.onNotice(({ severity, code, message }) => {
      notifications.show({ severity, message, code });
    }),
  );
  store.add(
    host.on('link.received')(({ url }) => {
      const parsed = parseAddress(url);
      if (!parsed.ok) {
        notifications.warn(parsed.error);
        return;
      }
      void dialogs
        .confirm({
          message: strings.inviteQuestion(addressOf(parsed.value)),
          detail: strings.inviteDetail,
          action: strings.inviteAction,
        })
        .then((confirmed) => (confirmed ? connect(parsed.value) : undefined));
    }),
  );
  return store;
}

function byLastUse(servers: readonly ServerProfile[]): readonly ServerProfile[] {
  return [...servers].sort((a, b) => b.lastConnected - a.lastConnected);
}

/** An address given by another command, a view or a test; anything else is asked for. */
function addressFrom(argument: unknown): ServerAddress | undefined {
  if (typeof argument === 'string') {
    const parsed = parseAddress(argument);
    return parsed.ok ? parsed.value : undefined;
  }
  const { host, port, password } = (argument ?? {}) as Partial<Record<keyof ServerAddress, unknown>>;
  if (typeof host !== 'string' || typeof port !== 'number') return undefined;
  return { host, port, ...(typeof password === 'string' ? { password } : {}) };
}

function textOf(error: unknown): { readonly message: string; readonly code: string } {
  const { message, code } = (error ?? {}) as { readonly message?: unknown; readonly code?: unknown };
  return {
    message: typeof message === 'string' ? message : '',
    code: typeof code === 'string' ? code : 'internal',
  };
}
