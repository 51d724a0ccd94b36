import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { get } from 'node:https';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { equalBytes, toHex, type Bytes } from '../../../core/base/bytes.ts';
import {
  checkAnswer,
  type AnswerOf,
  type ClientMessage,
  type ClientRequest,
  type ServerMessage,
} from '../../../core/protocol/control-message.ts';
import {
  decodeDescriptor,
  descriptorSigningInput,
  DESCRIPTOR_PATH,
  type ServerDescriptor,
} from '../../../core/protocol/server-descriptor.ts';
import { sessionSigningInput } from '../../../core/protocol/session-signature.ts';
import { verifyIdentitySignature } from '../../../server/identity/server-key.ts';
import { bundleForDeno, denoBinary } from '../../support/relay-process.ts';
import { parseWithBytes, stringifyWithBytes } from '../../deno/json-lines.ts';
import { answerChallenge, makeHello, wireIdentity, type WireIdentity } from '../../deno/wire-connection.ts';

type ServerMessageOf<T extends ServerMessage['t']> = Extract<ServerMessage, { readonly t: T }>;
type Distribute<R> = R extends ClientRequest ? Omit<R, 'id'> : never;
/** A request without its id. */
export type NewRequest = Distribute<ClientRequest>;

/** A Deno process that holds the QUIC connections of a test. */
export interface WireAgent {
  /** Opens a connection and its control stream; the handshake is up to the caller. */
  open(target: WireTarget): Promise<WireClient>;
  /** Opens, authenticates and expects the welcome. */
  connect(
    target: WireTarget,
    person: { readonly key?: WireIdentity; readonly name: string; readonly password?: string },
  ): Promise<WireClient>;
  stop(): Promise<void>;
}

/** Where to connect. */
export interface WireTarget {
  readonly port: number;
  readonly certificateHash: Bytes;
  readonly path?: string;
}

/** One connection. Waiting calls look at everything received so far, oldest first, and take what they return. */
export interface WireClient {
  readonly session: number;
  readonly key: WireIdentity;
  readonly welcome: ServerMessageOf<'welcome'>;
  send(message: ClientMessage): void;
  sendRaw(bytes: Uint8Array): void;
  /** Stops reading the control stream for good; writing goes on. */
  pauseReading(): void;
  /** Sends and gives the `ok`; @throws Error whose message starts with the wire code. */
  request<R extends NewRequest>(request: R): Promise<AnswerOf<R['t']>>;
  /** Sends and gives the `error`; @throws when it succeeds. */
  refused(request: NewRequest): Promise<ServerMessageOf<'error'>>;
  /** The next message of this kind that fits. */
  next<T extends ServerMessage['t']>(
    t: T,
    fits?: (message: ServerMessageOf<T>) => boolean,
  ): Promise<ServerMessageOf<T>>;
  /** Messages of a kind received and not taken. */
  pending<T extends ServerMessage['t']>(t: T): readonly ServerMessageOf<T>[];
  sendDatagrams(...datagrams: readonly Uint8Array[]): void;
  nextDatagram(): Promise<Bytes>;
  readonly datagrams: readonly Bytes[];
  readonly closed: boolean;
  waitClosed(): Promise<void>;
  authenticate(person: {
    readonly key?: WireIdentity;
    readonly name: string;
    readonly password?: string;
  }): Promise<ServerMessageOf<'welcome'> | ServerMessageOf<'refused'>>;
  close(): void;
}

const WAIT_MS = 15_000;
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A fresh key. */
export function newKey(): WireIdentity {
  return wireIdentity(randomBytes(32));
}

/** Starts an agent. */
export async function startWireAgent(): Promise<WireAgent> {
  const bundle = join(root, 'dist/test/wire-agent.js');
  await bundleForDeno('test/deno/wire-agent.ts', bundle, ['test/deno', 'core/base', 'core/protocol']);
  const child = spawn(
    denoBinary(),
    [
      'run',
      '--unstable-net',
      '--no-remote',
      '--cached-only',
      '--no-prompt',
      '--allow-net=127.0.0.1,[::],0.0.0.0',
      bundle,
    ],
    {
      env: { PATH: process.env['PATH'] ?? '', HOME: dirname(bundle), DENO_NO_UPDATE_CHECK: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const clients = new Map<string, (report: Record<string, unknown>) => void>();
  const ready = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the wire agent ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const report = parseWithBytes(line) as Record<string, unknown>;
      if (report['agent'] === 'ready') resolve();
      else clients.get(String(report['client']))?.(report);
    });
  });
  await ready;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const command = (value: Record<string, unknown>): void => {
    child.stdin.write(`${stringifyWithBytes(value)}\n`);
  };
  let counter = 0;
  const agent: WireAgent = {
    async open(target) {
      const name = `c${++counter}`;
      const client = createWireClient(name, target, command);
      clients.set(name, client.onReport);
      command({ do: 'open', client: name, ...target });
      await client.opened;
      return client;
    },
    async connect(target, person) {
      const client = await agent.open(target);
      const outcome = await client.authenticate(person);
      if (outcome.t === 'refused') throw new Error(`${outcome.code}: ${outcome.message}`);
      return client;
    },
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
  return agent;
}

interface ManagedClient extends WireClient {
  readonly opened: Promise<void>;
  onReport(report: Record<string, unknown>): void;
}

function createWireClient(
  name: string,
  target: WireTarget,
  command: (value: Record<string, unknown>) => void,
): ManagedClient {
  const inbox: ServerMessage[] = [];
  const datagrams: Bytes[] = [];
  const watchers = new Set<() => void>();
  let closed = false;
  let failure: string | undefined;
  let nextId = 1;
  let key = newKey();
  let welcome: ServerMessageOf<'welcome'> | undefined;
  let opened!: () => void;
  let notOpened!: (error: Error) => void;
  const whenOpened = new Promise<void>((resolve, reject) => {
    opened = resolve;
    notOpened = reject;
  });

  const until = <T>(what: string, look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look();
        if (found !== undefined) {
          finish();
          resolve(found);
        } else if (failure) {
          finish();
          reject(new Error(failure));
        }
      };
      const finish = (): void => {
        clearTimeout(timer);
        watchers.delete(check);
      };
      const timer = setTimeout(() => {
        finish();
        reject(
          new Error(
            `${name} waited in vain for ${what}; has ${inbox.map((message) => message.t).join(', ')}`,
          ),
        );
      }, WAIT_MS);
      watchers.add(check);
      check();
    });
  const take = <T extends ServerMessage>(fits: (message: ServerMessage) => boolean): T | undefined => {
    const index = inbox.findIndex(fits);
    return index < 0 ? undefined : (inbox.splice(index, 1)[0] as T);
  };
  const exchange = (request: NewRequest): Promise<ServerMessageOf<'ok'> | ServerMessageOf<'error'>> => {
    const id = nextId++;
    client.send({ ...request, id });
    return until(`the answer to ${request.t}`, () =>
      take((message) => (message.t === 'ok' || message.t === 'error') && message.id === id),
    );
  };

  const client: ManagedClient = {
    opened: whenOpened,
    onReport(report) {
      if (report['opened']) opened();
      if (report['message']) inbox.push(report['message'] as ServerMessage);
      if (report['datagram']) datagrams.push(report['datagram'] as Bytes);
      if (report['closed']) closed = true;
      if (report['failed']) {
        failure = report['failed'] as string;
        notOpened(new Error(failure));
      }
      for (const check of [...watchers]) check();
    },
    get session() {
      return client.welcome.session;
    },
    get key() {
      return key;
    },
    get welcome() {
      if (!welcome) throw new Error(`${name} is not in yet`);
      return welcome;
    },
    get datagrams() {
      return datagrams;
    },
    get closed() {
      return closed;
    },
    send: (message) => command({ do: 'send', client: name, message }),
    sendRaw: (bytes) => command({ do: 'sendRaw', client: name, bytes }),
    pauseReading: () => command({ do: 'pauseReading', client: name }),
    sendDatagrams: (...list) => command({ do: 'datagrams', client: name, datagrams: list }),
    async request(request) {
      const answer = await exchange(request);
      if (answer.t === 'error') throw new Error(`${answer.code}: ${answer.message}`);
      const checked = checkAnswer(request.t, answer.value);
      if (!checked.ok) throw new Error(`malformed answer to ${request.t}: ${checked.error}`);
      return checked.value as never;
    },
    async refused(request) {
      const answer = await exchange(request);
      if (answer.t === 'ok') throw new Error(`${request.t} was accepted`);
      return answer;
    },
    next: (t, fits = () => true) =>
      until(t, () => take((message) => message.t === t && fits(message as never))),
    pending: (t) => inbox.filter((message) => message.t === t) as never,
    nextDatagram: () => until('a datagram', () => datagrams.shift()),
    waitClosed: () => until('the end', () => (closed ? true : undefined)).then(() => {}),
    async authenticate(person) {
      key = person.key ?? key;
      const hello = makeHello(key, person.name);
      client.send(hello);
      const first = await until('challenge or refusal', () =>
        take<ServerMessageOf<'challenge'> | ServerMessageOf<'refused'>>(
          (message) => message.t === 'challenge' || message.t === 'refused',
        ),
      );
      if (first.t === 'refused') return first;
      const transcript = {
        clientNonce: hello.nonce,
        serverNonce: first.nonce,
        serverId: first.serverId,
        identity: key.identity,
        certificateHash: target.certificateHash,
      };
      if (
        !verifyIdentitySignature(first.serverId, sessionSigningInput('server', transcript), first.signature)
      )
        throw new Error('the server signature is wrong');
      client.send({
        t: 'authenticate',
        signature: answerChallenge(key, hello, first, target.certificateHash),
        ...(person.password === undefined ? {} : { password: person.password }),
      });
      const second = await until('welcome or refusal', () =>
        take<ServerMessageOf<'welcome'> | ServerMessageOf<'refused'>>(
          (message) => message.t === 'welcome' || message.t === 'refused',
        ),
      );
      if (second.t === 'welcome') welcome = second;
      return second;
    },
    close: () => command({ do: 'close', client: name }),
  };
  whenOpened.catch(() => {});
  return client;
}

/** Fetches a path of the relay's TCP port. */
export function fetchFromRelay(
  port: number,
  path: string,
): Promise<{ readonly status: number; readonly body: Bytes; readonly certificate: Bytes }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      const { raw } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: new Uint8Array(Buffer.concat(chunks)),
          certificate: new Uint8Array(raw),
        }),
      );
    }).on('error', reject);
  });
}

/** Checks a descriptor's signature and gives it. */
export function readSignedDescriptor(encoded: Uint8Array, serverId: string): ServerDescriptor {
  const decoded = decodeDescriptor(encoded);
  if (!decoded.ok) throw new Error(decoded.error);
  const { signature, ...fields } = decoded.value;
  if (toHex(fields.serverId) !== serverId) throw new Error('another server');
  if (!verifyIdentitySignature(fields.serverId, descriptorSigningInput(fields), signature))
    throw new Error('the descriptor is not signed by the server');
  return decoded.value;
}

/** Where a relay's QUIC port is, with the certificate hash its descriptor promises. */
export async function targetOf(relay: {
  readonly port: number;
  readonly serverId: string;
}): Promise<WireTarget> {
  const { status, body } = await fetchFromRelay(relay.port, DESCRIPTOR_PATH);
  if (status !== 200) throw new Error(`descriptor: HTTP ${status}`);
  const descriptor = readSignedDescriptor(body, relay.serverId);
  const port = descriptor.endpoints.find((endpoint) => endpoint.kind === 'quic')?.port;
  const certificate = descriptor.certs[0];
  if (!port || !certificate) throw new Error('the descriptor has no QUIC endpoint');
  return { port, certificateHash: certificate.sha256 };
}

/** One value of /metrics. */
export async function metric(port: number, name: string): Promise<number> {
  const { body } = await fetchFromRelay(port, '/metrics');
  const match = new RegExp(`^conclave_${name}(?:_total)? ([0-9.]+)$`, 'm').exec(
    new TextDecoder().decode(body),
  );
  if (!match) throw new Error(`no metric ${name}`);
  return Number(match[1]);
}

/** Polls until `look` holds; for counters that nobody announces. */
export async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Equality of byte strings, for `fits`. */
export const sameBytes = equalBytes;
