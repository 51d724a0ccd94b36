import { toHex } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Event } from '../base/event.ts';
import { logCode } from '../base/log.ts';
import { canonicalHost } from './server-host.ts';
import { openControlChannel, type ControlChannel } from './control-channel.ts';
import type { SessionPorts } from './ports.ts';
import { createQuicReturn } from './quic-return.ts';
import { acceptableCertificates, checkDescriptor } from './server-trust.ts';
import type { ServerDescriptor } from '../protocol/server-descriptor.ts';
import type { TransportOptions } from '../media/media-contract.ts';
import type { ServerProfiles } from './server-profiles.ts';
import type { ConnectionState, ServerAddress } from './session-contract.ts';
import { sessionError, toFailure } from './session-error.ts';
import type { VaultStore } from './vault-store.ts';

/** Waiting times between tries to reconnect, seconds; the last one repeats. */
export const RECONNECT_DELAYS_S: readonly number[] = [1, 2, 4, 8, 16, 30];
/** Each waiting time varies by this share, so that a relay's clients do not all come back at once. */
const RECONNECT_JITTER = 0.2;

/** Refusals that trying again cannot change: a person has to decide. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'server_identity_changed',
  'server_not_authentic',
  'descriptor_invalid',
  'version_unsupported',
  'bad_signature',
  'password_required',
  'password_wrong',
  'name_taken',
  'name_reserved',
  'name_invalid',
  'name_confusable',
  'identity_in_use',
  'banned',
]);

/** Keeps one connection to one server, reconnecting by itself. */
export interface Connection extends Disposable {
  readonly state: ConnectionState;
  readonly onDidChange: Event<ConnectionState>;
  /** The open channel, if there is one. */
  readonly channel: ControlChannel | undefined;
  /** Fired with every new channel, before its first event is handled. */
  readonly onOpen: Event<ControlChannel>;
  /** Fired when the channel is gone. `final`: no reconnect follows. */
  readonly onLost: Event<{ readonly final: boolean }>;
  /** @throws CodedError when the first try fails. */
  connect(address: ServerAddress): Promise<void>;
  disconnect(): void;
  /** Skips the waiting time. */
  retry(): void;
}

/** Makes a connection that is not connected. */
export function createConnection(
  ports: SessionPorts,
  vault: VaultStore,
  profiles: ServerProfiles,
  random: () => number = Math.random,
): Connection {
  const { clock, logger } = ports;
  const store = createDisposableStore();
  const changed = store.add(createEmitter<ConnectionState>());
  const opened = store.add(createEmitter<ControlChannel>());
  const lost = store.add(createEmitter<{ readonly final: boolean }>());
  let state: ConnectionState = { state: 'disconnected' };
  let channel: ControlChannel | undefined;
  let channelStore = createDisposableStore();
  let timer: Disposable | undefined;
  /** Counts the wishes of the user; work done for an older wish is dropped. */
  let wish = 0;
  let address: ServerAddress | undefined;
  let attempt = 0;

  const setState = (next: ConnectionState): void => {
    state = next;
    changed.fire(next);
  };
  const dropChannel = (): void => {
    const had = channel;
    channel = undefined;
    channelStore.dispose();
    channelStore = createDisposableStore();
    had?.dispose();
  };

  const open = async (target: ServerAddress, mine: number): Promise<void> => {
    const known = await profiles.get(target.host, target.port);
    if (known && target.serverId !== undefined && known.serverId !== target.serverId)
      throw sessionError(
        'server_identity_changed',
        'The invitation names another server than the one you know at this address. Ask who sent it.',
      );
    const encoded = await ports.fetchDescriptor(target.host, target.port);
    // Only one transport exists: an outdated wish must not take it from the newer one.
    if (mine !== wish) throw sessionError('cancelled', 'Cancelled.');
    const descriptor = checkDescriptor(encoded, known?.serverId ?? target.serverId, clock.wallTime());
    const transportOptions = await transportOptionsFor(target.host, descriptor);
    if (mine !== wish) throw sessionError('cancelled', 'Cancelled.');
    const next = await openControlChannel({
      media: ports.media,
      clock,
      logger,
      target: transportOptions,
      serverId: descriptor.serverId,
      identity: vault.identity,
      displayName: vault.displayName,
      password: target.password,
    });
    if (mine !== wish) {
      next.dispose();
      throw sessionError('cancelled', 'Cancelled.');
    }
    channel = next;
    attempt = 0;
    // Also when the profile cannot be kept, a reconnection must meet the same server.
    address = { ...target, serverId: toHex(descriptor.serverId) };
    channelStore.add(
      next.onClose((error) => {
        if (mine !== wish) return;
        dropChannel();
        const final = FINAL_CODES.has(error.code);
        lost.fire({ final });
        if (final) setState({ state: 'disconnected', error: toFailure(error) });
        else scheduleRetry(mine, error);
      }),
    );
    channelStore.add(
      ports.media.onStats((stats) => {
        if (state.state !== 'connected') return;
        setState({ ...state, rttMs: stats.rttMs, lossPercent: stats.lossPercent });
      }),
    );
    if (next.transportKind === 'fallback')
      channelStore.add(
        createQuicReturn({
          clock,
          onStats: ports.media.onStats,
          probe: () => ports.media.probeQuic(transportOptions),
          onPossible: () => returnToQuic(mine),
        }),
      );
    setState({
      state: 'connected',
      host: target.host,
      port: target.port,
      serverName: next.welcome.serverName,
      serverId: toHex(descriptor.serverId),
      session: next.welcome.session,
      transport: next.transportKind,
      roles: next.welcome.roles,
      rttMs: null,
      lossPercent: 0,
    });
    opened.fire(next);
    next.start();
    await profiles
      .put({
        host: target.host,
        port: target.port,
        name: descriptor.name,
        serverId: toHex(descriptor.serverId),
        lastConnected: clock.wallTime(),
      })
      .catch(() => logger.log('warn', 'connection.profile_not_kept'));
  };

  const transportOptionsFor = async (
    host: string,
    descriptor: ServerDescriptor,
  ): Promise<TransportOptions> => {
    const certificateHashes = acceptableCertificates(descriptor);
    const { endpoints } = descriptor;
    const fallback = endpoints.find(({ kind }) => kind === 'fallback');
    const fallbackUrl =
      fallback &&
      (await ports.prepareFallback({ host, port: fallback.port, certificateHashes }).catch(() => {
        logger.log('warn', 'connection.no_fallback');
        return undefined;
      }));
    return fallbackUrl === undefined
      ? { host, endpoints: endpoints.filter(({ kind }) => kind !== 'fallback'), certificateHashes }
      : { host, endpoints, certificateHashes, fallbackUrl };
  };

  /** Connects anew: everybody's call and texts resume as after any other interruption. */
  const returnToQuic = (mine: number): void => {
    const target = address;
    if (!target || mine !== wish) return;
    logger.log('info', 'connection.return_to_quic');
    dropChannel();
    lost.fire({ final: false });
    setState({
      state: 'reconnecting',
      host: target.host,
      port: target.port,
      nextTryAt: clock.wallTime(),
      attempt: 1,
      error: {
        code: 'returning_to_quic',
        message: 'The network lets UDP through again: changing to the faster connection.',
      },
    });
    void tryAgain(mine);
  };

  const scheduleRetry = (mine: number, error: CodedError): void => {
    const target = address;
    if (!target || mine !== wish) return;
    const base = RECONNECT_DELAYS_S[Math.min(attempt, RECONNECT_DELAYS_S.length - 1)] as number;
    const waitMs = Math.max(
      error.retryAfterMs ?? 0,
      base * 1000 * (1 + RECONNECT_JITTER * (2 * random() - 1)),
    );
    attempt += 1;
    logger.log('info', 'connection.retry', { attempt, code: logCode(error.code) });
    setState({
      state: 'reconnecting',
      host: target.host,
      port: target.port,
      nextTryAt: Math.round(clock.wallTime() + waitMs),
      attempt,
      error: toFailure(error),
    });
    timer?.dispose();
    timer = clock.setTimer(waitMs, () => void tryAgain(mine));
  };
  const tryAgain = async (mine: number): Promise<void> => {
    const target = address;
    if (!target || mine !== wish) return;
    try {
      await open(target, mine);
    } catch (error) {
      if (mine !== wish) return;
      const coded = error instanceof CodedError ? error : sessionError('internal', 'Reconnecting failed.');
      if (FINAL_CODES.has(coded.code)) {
        lost.fire({ final: true });
        setState({ state: 'disconnected', error: toFailure(coded) });
      } else scheduleRetry(mine, coded);
    }
  };
  const stop = (): void => {
    wish += 1;
    timer?.dispose();
    timer = undefined;
    attempt = 0;
    address = undefined;
    const had = channel !== undefined || state.state === 'reconnecting';
    dropChannel();
    if (had) lost.fire({ final: true });
  };

  return {
    get state() {
      return state;
    },
    onDidChange: changed.event,
    get channel() {
      return channel;
    },
    onOpen: opened.event,
    onLost: lost.event,
    async connect(given) {
      const host = canonicalHost(given.host);
      if (host === undefined)
        throw sessionError(
          'unreachable',
          'This is not a host name or an address. Give it as example.org or 192.0.2.1.',
        );
      const target = { ...given, host };
      stop();
      const mine = wish;
      address = target;
      setState({ state: 'connecting', host: target.host, port: target.port });
      try {
        await open(target, mine);
      } catch (error) {
        if (mine === wish) {
          address = undefined;
          setState({ state: 'disconnected', error: toFailure(error) });
        }
        throw error;
      }
    },
    disconnect() {
      stop();
      setState({ state: 'disconnected' });
    },
    retry() {
      if (state.state !== 'reconnecting') return;
      timer?.dispose();
      void tryAgain(wish);
    },
    dispose() {
      stop();
      channelStore.dispose();
      store.dispose();
    },
  };
}
