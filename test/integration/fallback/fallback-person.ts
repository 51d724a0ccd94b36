import { join } from 'node:path';
import { WebSocket } from 'ws';
import { createDisposableStore } from '../../../core/base/disposable.ts';
import { equalBytes, type Bytes } from '../../../core/base/bytes.ts';
import {
  decodeServerMessage,
  encodeMessage,
  type ClientMessage,
  type ServerMessage,
} from '../../../core/protocol/control-message.ts';
import { createFrameReader, frameMessage, MAX_MESSAGE_BYTES } from '../../../core/protocol/framing.ts';
import { openFallback } from '../../../core/workers/media/fallback-client.ts';
import type { Transport } from '../../../core/workers/media/transport.ts';
import { makeTestBuild, openTestServices } from '../../../main/testing/host-harness.ts';
import { startWebHost } from '../../../main/web/web-host.ts';
import { answerChallenge, makeHello, type WireIdentity } from '../../deno/wire-connection.ts';
import { eventually, newKey } from '../relay/wire-client.ts';

/** Where to connect. */
export interface FallbackEndpoint {
  readonly host: string;
  readonly port: number;
  readonly certificateHash: Bytes;
}

/** The client's own fallback over a real web host, as far as that goes without a browser. */
export interface FallbackHost {
  open(endpoint: FallbackEndpoint): Promise<Transport>;
  close(): Promise<void>;
}

/** Starts a web host and makes the worker's globals, which Node 20 lacks. */
export async function startFallbackHost(): Promise<FallbackHost> {
  const test = await openTestServices('web');
  const host = await startWebHost({
    services: test.services,
    tunnels: test.tunnels,
    files: await makeTestBuild(join(test.folder, 'dist'), true),
    port: 0,
  });
  const origin = `http://127.0.0.1:${host.port}`;
  Object.assign(globalThis, {
    navigator: {},
    location: { href: `${origin}/media.worker.js` },
    // A browser names the origin by itself.
    WebSocket: class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { origin });
        // In a browser, promises are settled between the events `open` and `message`.
        this.once('open', () => {
          this.pause();
          setImmediate(() => this.resume());
        });
      }
    },
  });
  return {
    open: ({ host: name, port, certificateHash }) =>
      openFallback(
        {
          host: name,
          endpoints: [{ kind: 'fallback', port }],
          certificateHashes: [certificateHash],
          fallbackUrl: test.tunnels.prepare({ host: name, port, certificateHashes: [certificateHash] }).url,
        },
        port,
        new AbortController().signal,
      ),
    async close() {
      await host.close();
      await test.close();
    },
  };
}

/** Somebody who speaks the wire protocol over a transport. */
export interface FallbackPerson {
  readonly transport: Transport;
  /** Why the transport ended, if it did by itself. */
  readonly closedBy: string | undefined;
  readonly messages: readonly ServerMessage[];
  readonly datagrams: readonly Bytes[];
  send(message: ClientMessage): Promise<void>;
  next<T extends ServerMessage['t']>(t: T): Promise<Extract<ServerMessage, { readonly t: T }>>;
  until(what: string, fits: () => boolean): Promise<void>;
  close(): void;
}

/** Authenticates over a transport that is open. */
export async function joinOverFallback(
  transport: Transport,
  certificateHash: Bytes,
  name: string,
  key: WireIdentity = newKey(),
): Promise<FallbackPerson> {
  const messages: ServerMessage[] = [];
  const datagrams: Bytes[] = [];
  const reader = createFrameReader(MAX_MESSAGE_BYTES);
  let failure: string | undefined;
  const store = createDisposableStore();
  store.add(
    transport.onControl((bytes) => {
      for (const encoded of reader.push(bytes)) {
        const message = decodeServerMessage(encoded);
        if (message.ok) messages.push(message.value);
        else failure = message.error;
      }
    }),
  );
  store.add(transport.onDatagram((datagram) => datagrams.push(datagram)));
  let reason: string | undefined;
  store.add(
    transport.onClose((why) => {
      reason = why;
    }),
  );
  const person: FallbackPerson = {
    transport,
    messages,
    datagrams,
    send: (message) => transport.sendControl(frameMessage(encodeMessage(message))),
    async next(t) {
      await person.until(t, () => messages.some((message) => message.t === t));
      return messages.splice(
        messages.findIndex((message) => message.t === t),
        1,
      )[0] as never;
    },
    until: (what, fits) =>
      eventually(what, () =>
        failure === undefined ? Promise.resolve(fits()) : Promise.reject(new Error(failure)),
      ),
    get closedBy() {
      return reason;
    },
    close() {
      transport.close();
      store.dispose();
    },
  };
  const hello = makeHello(key, name);
  await person.send(hello);
  const challenge = await person.next('challenge');
  await person.send({
    t: 'authenticate',
    signature: answerChallenge(key, hello, challenge, certificateHash),
  });
  await person.next('welcome');
  return person;
}

/** Whether this datagram is among those received. */
export function has(person: FallbackPerson, datagram: Bytes): boolean {
  return person.datagrams.some((other) => equalBytes(other, datagram));
}
