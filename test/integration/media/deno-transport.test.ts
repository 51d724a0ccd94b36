import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { denoBinary, startEchoRelay } from './trial-host.ts';

it('opens the same transport in Deno, for tests and load generators', { timeout: 60_000 }, async () => {
  const relay = await startEchoRelay({ loss: 0, jitterMs: 0 });
  const client = spawn(
    denoBinary(),
    [
      'run',
      '--quiet',
      '--no-remote',
      '--unstable-net',
      '--allow-net=127.0.0.1',
      fileURLToPath(new URL('deno-client.mts', import.meta.url)),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' } },
  );
  try {
    const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
    client.stdin.end(JSON.stringify({ port: relay.port, certificateHash: relay.certificateHash }));
    const first = await lines.next();
    expect(JSON.parse(String(first.value))).toEqual({
      control: [5, 6, 7],
      datagram: [1, 2, 3],
      tooLarge: false,
    });
    relay.endSessions();
    const second = await lines.next();
    expect(JSON.parse(String(second.value)).closed).toMatch(/^(closed|failed)$/);
  } finally {
    client.kill('SIGKILL');
    relay.stop();
  }
});
