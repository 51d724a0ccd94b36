import { createInterface } from 'node:readline';
import process from 'node:process';
import type { ClientMessage } from '../../core/protocol/control-message.ts';
import { parseWithBytes, stringifyWithBytes } from './json-lines.ts';
import { openWireConnection, type WireConnection } from './wire-connection.ts';

/**
 * Holds wire connections for a test in Node, which has no QUIC. One JSON command a line on standard input,
 * one JSON report a line on standard output. It decides nothing: handshakes and checks are the test's.
 */
type Command =
  | {
      readonly do: 'open';
      readonly client: string;
      readonly port: number;
      readonly certificateHash: Uint8Array;
      readonly path?: string;
    }
  | { readonly do: 'send'; readonly client: string; readonly message: ClientMessage }
  | { readonly do: 'sendRaw'; readonly client: string; readonly bytes: Uint8Array }
  | { readonly do: 'datagrams'; readonly client: string; readonly datagrams: readonly Uint8Array[] }
  | { readonly do: 'pauseReading'; readonly client: string }
  | { readonly do: 'close'; readonly client: string };

const connections = new Map<string, WireConnection>();

function report(value: Record<string, unknown>): void {
  process.stdout.write(`${stringifyWithBytes(value)}\n`);
}

async function run(command: Command): Promise<void> {
  const { client } = command;
  if (command.do === 'open') {
    const connection = await openWireConnection(command, {
      onMessage: (message) => report({ client, message }),
      onDatagram: (datagram) => report({ client, datagram }),
      onClosed: () => report({ client, closed: true }),
    });
    connections.set(client, connection);
    report({ client, opened: true });
    return;
  }
  const connection = connections.get(client);
  if (!connection) throw new Error(`no connection ${client}`);
  if (command.do === 'send') await connection.send(command.message);
  else if (command.do === 'sendRaw') await connection.sendRaw(command.bytes);
  else if (command.do === 'datagrams')
    for (const datagram of command.datagrams) connection.sendDatagram(datagram);
  else if (command.do === 'pauseReading') connection.pauseReading();
  else connection.close();
}

// Commands of one client keep their order; those of different clients do not wait for each other.
const tails = new Map<string, Promise<void>>();
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const command = parseWithBytes(line) as Command;
  const tail = (tails.get(command.client) ?? Promise.resolve()).then(() =>
    run(command).catch((error: unknown) =>
      report({ client: command.client, failed: String((error as Error).message) }),
    ),
  );
  tails.set(command.client, tail);
});
lines.on('close', () => process.exit(0));
report({ agent: 'ready' });
