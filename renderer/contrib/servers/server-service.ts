import { CodedError, errorCode } from '../../../core/base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../../core/base/event.ts';
import { integer, object, parse } from '../../../core/base/schema.ts';
import type { RelayStatus } from '../../../core/base/rpc/host-contract.ts';
import type { ServerAddress } from '../../../core/workers/session-contract.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import type { SessionService } from '../../platform/session-service.ts';
import { DEFAULT_PORT } from './address.ts';
import { connectWithPerson, type ConnectOutcome } from './connect-flow.ts';
import { strings } from './strings.ts';

const OWN_RELAY_KEY = 'servers.ownRelay';
const ownRelaySchema = object({ port: integer({ min: 1, max: 65535 }) });
/** The own relay is reached without a name service, whatever this computer is called. */
const OWN_HOST = '127.0.0.1';

/** Connecting and the relay on this computer, for commands and views alike. */
export interface ServerService extends Disposable {
  connect(address: ServerAddress): Promise<ConnectOutcome>;
  /** A connect of this service is under way; its failure is told by its outcome. */
  readonly isConnecting: boolean;
  readonly relay: RelayStatus;
  readonly onDidChangeRelay: Event<RelayStatus>;
  /** Starts the relay if need be; resolves with its port. */
  startRelay(): Promise<number>;
  stopRelay(): Promise<void>;
  relayLog(lines: number): Promise<readonly string[]>;
  /** Starts the relay and connects to it. */
  startAndConnect(): Promise<ConnectOutcome>;
  /** Connects to the server of last time, starting the own relay if it is that one; undefined without one. */
  connectToLast(): Promise<ConnectOutcome | undefined>;
}

/** Makes the service. */
export function createServerService(
  services: Pick<
    WorkbenchServices,
    'host' | 'storage' | 'configuration' | 'quickInput' | 'dialogs' | 'notifications'
  >,
  session: SessionService,
): ServerService {
  const { host, storage, configuration } = services;
  const store = createDisposableStore();
  const relayChanged = store.add(createEmitter<RelayStatus>());
  let relay: RelayStatus = { state: 'stopped' };
  let connecting = 0;
  const setRelay = (status: RelayStatus): RelayStatus => {
    relay = status;
    relayChanged.fire(status);
    return status;
  };
  store.add(host.on('relay.changed')(setRelay));
  void host.call('relay.status', {}).then(setRelay, () => {});

  const connect = async (address: ServerAddress): Promise<ConnectOutcome> => {
    connecting++;
    try {
      return await connectWithPerson({ session, services }, address);
    } finally {
      connecting--;
    }
  };

  const start = async (port: number): Promise<RelayStatus> => {
    const vault = session.vault.current;
    const identity = vault?.state === 'open' ? vault.identity : undefined;
    return await host.call('relay.start', {
      name: strings.relayName(identity?.displayName ?? ''),
      port,
      ...(identity === undefined
        ? {}
        : { adminIdentity: identity.identity, adminName: identity.displayName }),
    });
  };
  const startRelay = async (): Promise<number> => {
    const { relay: availability } = host.info;
    if (!availability.available)
      throw new CodedError('relay_unavailable', strings.relayUnavailable(availability.reason));
    const setting = configuration.inspect<number>('relay.port');
    let status: RelayStatus;
    try {
      status = await start(setting.value);
    } catch (error) {
      // A port the person chose is theirs to change; the default one is only a habit.
      if (errorCode(error) !== 'port_in_use' || setting.userValue !== undefined) throw error;
      status = await start(0);
    }
    setRelay(status);
    if (status.state !== 'running')
      throw status.state === 'failed'
        ? new CodedError(status.code, status.message)
        : new CodedError('relay_unavailable', strings.relayFailed);
    storage.set(OWN_RELAY_KEY, { port: status.port });
    return status.port;
  };
  const startAndConnect = async (): Promise<ConnectOutcome> => {
    const port = await startRelay();
    const { current } = session.connection;
    // Coming back to the same relay keeps the call and what waits to be sent; a new connect would end the call.
    if (current.state === 'reconnecting' && current.host === OWN_HOST && current.port === port) {
      await session.retry();
      return { state: 'connected' };
    }
    return await connect({ host: OWN_HOST, port });
  };

  return {
    connect,
    get isConnecting() {
      return connecting > 0;
    },
    get relay() {
      return relay;
    },
    onDidChangeRelay: relayChanged.event,
    startRelay,
    async stopRelay() {
      setRelay(await host.call('relay.stop', {}));
    },
    relayLog: (lines) => host.call('relay.log', { lines }),
    startAndConnect,
    async connectToLast() {
      const servers = await session.servers();
      const last = [...servers].sort((a, b) => b.lastConnected - a.lastConnected)[0];
      if (!last) return undefined;
      const own = parse(ownRelaySchema, await storage.get(OWN_RELAY_KEY));
      if (own.ok && last.host === OWN_HOST && last.port === own.value.port && relay.state !== 'running')
        await start(last.port).then(setRelay);
      return await connect({ host: last.host, port: last.port });
    },
    dispose: () => store.dispose(),
  };
}

/** The setting's default, so that an address of the own relay stays the same from start to start. */
export const DEFAULT_RELAY_PORT = DEFAULT_PORT;
