import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import process from 'node:process';
import type { Clock } from '../core/base/async.ts';
import { toHex, type Bytes } from '../core/base/bytes.ts';
import { CodedError } from '../core/base/coded-error.ts';
import type { Logger } from '../core/base/log.ts';
import {
  descriptorSigningInput,
  encodeDescriptor,
  type ServerDescriptor,
} from '../core/protocol/server-descriptor.ts';
import { parseAddress, type BindAddress, type ServerConfig } from './config/server-config.ts';
import { bootstrapAdmin } from './identity/bootstrap-admin.ts';
import { checkRoomPassword, hashRoomPassword } from './identity/room-password.ts';
import { loadServerKey } from './identity/server-key.ts';
import { createCounters, renderMetrics } from './metrics/metrics.ts';
import { createAdmission } from './relay/admission.ts';
import { createRelay } from './relay/relay.ts';
import { openRelayDatabase, type RelayDatabase } from './store/relay-database.ts';
import { openCertificateStore, type CertificateSchedule } from './transport/certificate-store.ts';
import type { ServingContext } from './transport/client-connection.ts';
import { createFallbackServer } from './transport/fallback.ts';
import { startHttpsServer, type HttpsContent, type HttpsServer } from './transport/https.ts';
import { startQuicServer, type QuicServer } from './transport/quic.ts';

/** How a relay is started. */
export interface ServerOptions {
  readonly config: ServerConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly dataDirectory: string;
  /** Overrides the port of the configuration; 0 picks one. */
  readonly port: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly certificates: CertificateSchedule;
  readonly bundling: boolean;
  /** See ServingContext. */
  readonly record: ((bytes: Uint8Array) => void) | undefined;
}

/** A relay that serves. */
export interface RunningServer {
  readonly port: number;
  /** Hex identity clients pin. */
  readonly serverId: string;
  /** Tells everybody, then closes sockets and database. */
  stop(): Promise<void>;
}

const DESCRIPTOR_VALIDITY_SECONDS = 7 * 86_400;
const PORT_TRIES = 10;
/** Time for the farewell to reach clients. */
const FAREWELL_MS = 200;

/** Starts everything. @throws CodedError `start_failed` with a sentence for the operator. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, clock, logger } = options;
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  const inData = (name: string): string => join(options.dataDirectory, name);
  const serverKey = loadServerKey(inData('server.key'));
  const startedAt = clock.now();
  const counters = createCounters();
  const database = openDatabase(config, inData);
  try {
    const bootstrap = bootstrapAdmin(database, options.environment);
    if (!bootstrap.ok) throw new CodedError('start_failed', bootstrap.error);
    if (bootstrap.value !== 'none') logger.log('info', `admin.bootstrap.${bootstrap.value}`);
    addFirstRoom(database);

    const relay = createRelay({
      config,
      store: database,
      clock,
      counters,
      logger,
      passwords: { hash: hashRoomPassword, check: checkRoomPassword },
      firstGeneration: takeFirstGeneration(database, clock.wallTime()),
      firstSession: 1 + ((crypto.getRandomValues(new Uint32Array(1))[0] as number) % 0x7fffffff),
      bundling: options.bundling,
    });
    const certificates = openCertificateStore(
      inData('certificates.json'),
      clock.wallTime(),
      options.certificates,
    );
    const admission = createAdmission({
      perMinute: config['limits.handshake_per_minute'],
      burst: config['limits.handshake_burst'],
      connectionsPerAddress: config['limits.connections_per_ip'],
      maxConnections: config['server.max_connections'],
      loopbackExempt: config['limits.loopback_exempt'],
    });
    const serving: ServingContext = {
      record: options.record,
      config,
      clock,
      counters,
      logger,
      relay,
      serverKey,
      names: database.names,
    };
    const configured = parseAddress(config['server.bind_address']) as BindAddress;
    const address = { host: configured.host, port: options.port ?? configured.port };

    let port = 0;
    const makeDescriptor = (): Bytes => {
      const { current, next } = certificates.pair;
      const issuedAt = Math.floor(clock.wallTime() / 1000);
      const fields: Omit<ServerDescriptor, 'signature'> = {
        v: 1,
        serverId: serverKey.serverId,
        name: config['server.name'],
        endpoints: [
          { kind: 'quic', port },
          { kind: 'fallback', port },
        ],
        certs: [current, ...(next ? [next] : [])].map(({ sha256, notBefore, notAfter }) => ({
          sha256,
          notBefore: Math.floor(notBefore / 1000),
          notAfter: Math.floor(notAfter / 1000),
        })),
        gate: config['server.password'] === '' ? 'none' : 'password',
        issuedAt,
        expiresAt: issuedAt + DESCRIPTOR_VALIDITY_SECONDS,
      };
      return encodeDescriptor({ ...fields, signature: serverKey.sign(descriptorSigningInput(fields)) });
    };
    certificates.advance(clock.wallTime());
    const fallback = await createFallbackServer(serving, admission, certificates.pair.current);
    const content: HttpsContent = {
      descriptor: makeDescriptor,
      metrics: () =>
        renderMetrics(counters, {
          ...relay.counts(),
          uptime_seconds: Math.floor((clock.now() - startedAt) / 1000),
          resident_memory_bytes: process.memoryUsage().rss,
        }),
      metricsPublic: config['server.metrics_public'],
      upgrade: fallback.upgrade,
      maxSessions: config['server.max_connections'],
    };

    const { quic, https } = await listen(serving, admission, address, content, certificates.pair.current);
    port = quic.port;

    let stopped = false;
    let rotation: { dispose(): void } | undefined;
    const rotate = (): void => {
      const { replaced, announced, nextCheck } = certificates.advance(clock.wallTime());
      if (replaced) {
        quic.useCertificate(certificates.pair.current);
        https.useCertificate(certificates.pair.current);
      }
      if (replaced || announced) {
        logger.log('info', replaced ? 'certificate.replaced' : 'certificate.announced');
        relay.broadcast({ t: 'server.descriptor', descriptor: makeDescriptor() });
      }
      // Timers are bounded by 2^31 ms, and a computer that slept must look again soon.
      const wait = Math.min(Math.max(nextCheck - clock.wallTime(), 10), 3_600_000);
      if (!stopped) rotation = clock.setTimer(wait, rotate);
    };
    rotate();

    return {
      port,
      serverId: toHex(serverKey.serverId),
      async stop() {
        if (stopped) return;
        stopped = true;
        rotation?.dispose();
        relay.broadcast({ t: 'server.closing', restart: false });
        if (relay.counts().sessions > 0)
          await new Promise<void>((resolve) => clock.setTimer(FAREWELL_MS, resolve));
        relay.dispose();
        https.close();
        fallback.close();
        quic.close();
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Binds UDP and TCP on the same port number; with port 0 until both are free. */
async function listen(
  serving: ServingContext,
  admission: ReturnType<typeof createAdmission>,
  address: BindAddress,
  content: HttpsContent,
  certificate: Parameters<typeof startQuicServer>[3],
): Promise<{ readonly quic: QuicServer; readonly https: HttpsServer }> {
  for (let attempt = 1; ; attempt++) {
    let quic: QuicServer;
    try {
      quic = startQuicServer(serving, admission, address, certificate);
    } catch (error) {
      throw startError(error, 'UDP', address.port);
    }
    try {
      return { quic, https: await startHttpsServer(content, { ...address, port: quic.port }, certificate) };
    } catch (error) {
      quic.close();
      if (address.port !== 0 || attempt >= PORT_TRIES) throw startError(error, 'TCP', quic.port);
    }
  }
}

function startError(error: unknown, protocol: string, port: number): CodedError {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  if (name === 'AddrInUse' || code === 'EADDRINUSE')
    return new CodedError(
      'port_in_use',
      `${protocol} port ${port} is in use. Stop the other program or choose another port.`,
    );
  if (name === 'PermissionDenied' || name === 'NotCapable' || code === 'EACCES')
    return new CodedError(
      'not_permitted',
      `Listening on ${protocol} port ${port} is not permitted. Choose a port above 1023 and grant --allow-net for it.`,
    );
  return new CodedError('start_failed', `Cannot listen on ${protocol} port ${port}.`);
}

function openDatabase(config: ServerConfig, inData: (name: string) => string): RelayDatabase {
  const configured = config['database.path'];
  const path = configured === ':memory:' || isAbsolute(configured) ? configured : inData(configured);
  if (path !== ':memory:') {
    // Before SQLite opens it: the journal beside it gets the same mode.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  }
  return openRelayDatabase(path, config['rooms.text_log_entries']);
}

/** A server without any room is of no use before an admin exists. */
function addFirstRoom(database: RelayDatabase): void {
  if (database.meta('first_room') !== undefined) return;
  database.transaction(() => {
    if (database.rooms.list().length === 0)
      database.rooms.insert({
        parent: null,
        name: 'Lobby',
        description: '',
        limit: 0,
        permanent: true,
        owner: null,
        password: null,
      });
    database.setMeta('first_room', '1');
  });
}

/**
 * Generations must not repeat after a restart, also not when the clock went back or the database is in
 * memory only: the larger of the wall time and what an earlier run may have reached.
 */
function takeFirstGeneration(database: RelayDatabase, wallTime: number): number {
  const before = Number(database.meta('first_generation') ?? 0);
  const first = Math.max(wallTime, before + 1_000_000);
  database.setMeta('first_generation', String(first));
  return first;
}
