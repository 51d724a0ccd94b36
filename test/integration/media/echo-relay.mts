/**
 * A stand-in for the network in trials of the voice path: sends every datagram back to its sender, losing and
 * delaying as told. Run by Deno; the certificate comes as JSON on standard input, the port goes out as JSON.
 *
 *   deno run --unstable-net --allow-net echo-relay.mts
 */
const settings = JSON.parse(await new Response(Deno.stdin.readable).text()) as {
  readonly cert: string;
  readonly key: string;
  /** Share of datagrams that are not answered, 0 to 1. */
  readonly loss: number;
  /** Every datagram waits a random time up to this (ms). */
  readonly jitterMs: number;
};

const endpoint = new Deno.QuicEndpoint({ hostname: '127.0.0.1', port: 0 });
const listener = endpoint.listen({ cert: settings.cert, key: settings.key, alpnProtocols: ['h3'] });
// Collected objects reset their streams, so every session is kept.
const alive = new Set<WebTransport>();

async function serve(incoming: Deno.QuicIncoming): Promise<void> {
  const connection = await incoming.accept();
  const transport = await Deno.upgradeWebTransport(connection);
  transport.closed.catch(() => {});
  alive.add(transport);
  await transport.ready;
  void echoControl(transport).catch(() => {});
  const reader = (transport.datagrams.readable as ReadableStream<Uint8Array>).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    if (Math.random() < settings.loss) continue;
    const isAudio = ((value[0] as number) & 0x0f) === 1;
    const answer = new Uint8Array(value.length + 1);
    answer.set(value, 1);
    const waitMs = isAudio ? Math.random() * settings.jitterMs : 0;
    if (waitMs === 0) connection.sendDatagram(answer).catch(() => {});
    else setTimeout(() => connection.sendDatagram(answer).catch(() => {}), waitMs);
  }
}

async function echoControl(transport: WebTransport): Promise<void> {
  const streams = transport.incomingBidirectionalStreams.getReader();
  const { value } = await streams.read();
  const reader = (value.readable as ReadableStream<Uint8Array>).getReader();
  const writer = (value.writable as WritableStream<Uint8Array>).getWriter();
  for (;;) {
    const { value: chunk, done } = await reader.read();
    if (done) return;
    await writer.write(chunk);
  }
}

Deno.addSignalListener('SIGUSR1', () => {
  for (const transport of alive) transport.close();
  alive.clear();
});
console.log(JSON.stringify({ port: endpoint.addr.port }));
for await (const incoming of listener) serve(incoming).catch(() => {});

export {};
