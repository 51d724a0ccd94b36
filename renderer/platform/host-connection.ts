import { CodedError } from '../../core/base/coded-error.ts';
import { createDisposableStore } from '../../core/base/disposable.ts';
import { createEmitter } from '../../core/base/event.ts';
import type { RpcPort } from '../../core/base/rpc/rpc.ts';
import {
  CborError,
  decodeCbor,
  encodeCbor,
  type CborLimits,
  type CborValue,
} from '../../core/protocol/cbor.ts';
import { localize } from './nls.ts';

/** Bounds of one message from the host; the host has the same ones. */
const MESSAGE_LIMITS: CborLimits = { maxBytes: 32 * 1024 * 1024, maxDepth: 8 };
const RPC_PATH = '/rpc';
const PROTOCOL_PREFIX = 'conclave.';
const TOKEN_KEY = 'conclave.token';

/** What Electron's preload script offers. */
export interface ElectronBridge {
  send(bytes: Uint8Array): void;
  onMessage(callback: (bytes: Uint8Array) => void): void;
}

/** The carrying side: something that moves byte strings. */
export interface BytesCarrier {
  send(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
  onBytes(callback: (bytes: Uint8Array) => void): void;
  onClose(callback: () => void): void;
}

/**
 * An RPC port whose messages are deterministic CBOR. What is missing in a message arrives as undefined. A
 * message that is not CBOR closes the port: the two sides no longer agree on anything then.
 */
export function createCborPort(carrier: BytesCarrier): RpcPort {
  const store = createDisposableStore();
  const messages = store.add(createEmitter<unknown>());
  const closed = store.add(createEmitter<void>());
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    closed.fire();
  };
  carrier.onBytes((bytes) => {
    if (!open) return;
    let message: unknown;
    try {
      message = decodeCbor(bytes, MESSAGE_LIMITS);
    } catch (error) {
      if (!(error instanceof CborError)) throw error;
      carrier.close();
      end();
      return;
    }
    messages.fire(message);
  });
  carrier.onClose(end);
  return {
    send(message) {
      if (open) carrier.send(encodeCbor(message as CborValue));
    },
    onMessage: messages.event,
    onClose: closed.event,
    dispose() {
      if (open) carrier.close();
      end();
      store.dispose();
    },
  };
}

/** The carrier over Electron's bridge. The window ends with its host, so it never closes by itself. */
export function electronCarrier(bridge: ElectronBridge): BytesCarrier {
  return {
    send: (bytes) => bridge.send(bytes),
    close: () => {},
    onBytes: (callback) => bridge.onMessage(callback),
    onClose: () => {},
  };
}

/** The parts of the browser that the web host's connection uses. */
export interface WebHostWindow {
  readonly location: {
    readonly host: string;
    readonly hash: string;
    readonly pathname: string;
    readonly protocol: string;
  };
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem'>;
  readonly history: { replaceState(data: unknown, unused: string, url: string): void };
}

/**
 * The access token of the web host: from the address's fragment, which is then removed so that it is not
 * bookmarked or shown, or from an earlier load of this tab. Undefined when the page was opened without one.
 */
export function takeToken(window: WebHostWindow): string | undefined {
  const match = /[#&]token=([0-9a-fA-F]{16,128})\b/.exec(window.location.hash);
  if (match) {
    window.sessionStorage.setItem(TOKEN_KEY, match[1] as string);
    window.history.replaceState(null, '', window.location.pathname);
    return match[1];
  }
  return window.sessionStorage.getItem(TOKEN_KEY) ?? undefined;
}

/** Opens the WebSocket to the web host. Rejects with CodedError `unauthorised` or `host_unreachable`. */
export async function openWebHost(window: WebHostWindow): Promise<RpcPort> {
  const token = takeToken(window);
  if (token === undefined) throw new CodedError('unauthorised', localize('startup.unauthorised'));
  const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(
    `${scheme}://${window.location.host}${RPC_PATH}`,
    `${PROTOCOL_PREFIX}${token}`,
  );
  socket.binaryType = 'arraybuffer';
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener(
      'error',
      () => reject(new CodedError('host_unreachable', localize('startup.failed'))),
      { once: true },
    );
  });
  return createCborPort({
    send: (bytes) => socket.send(bytes),
    close: () => socket.close(),
    onBytes: (callback) =>
      socket.addEventListener('message', (event: MessageEvent<unknown>) => {
        if (event.data instanceof ArrayBuffer) callback(new Uint8Array(event.data));
        else socket.close();
      }),
    onClose: (callback) => socket.addEventListener('close', () => callback(), { once: true }),
  });
}

/** Connects to whichever host this page has. */
export async function connectToHost(
  window: WebHostWindow & { readonly conclaveHost?: ElectronBridge },
): Promise<RpcPort> {
  return window.conclaveHost
    ? createCborPort(electronCarrier(window.conclaveHost))
    : await openWebHost(window);
}
