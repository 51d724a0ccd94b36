import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { toHex } from '../../../core/base/bytes.ts';
import { bundleForDeno, denoBinary, startRelay } from '../../support/relay-process.ts';
import { metric, targetOf } from '../../integration/relay/wire-client.ts';

/**
 * Measures forwarding: a relay process, and a second process with all clients, over loopback UDP. CPU time is the relay process's own, from the kernel (10 ms resolution).
 */
const LOADS: readonly (readonly [clients: number, speakers: number])[] = [
  [20, 2],
  [50, 10],
  [100, 10],
];
const FRAME_BYTES = 120;
const FRAMES_PER_SECOND = 50;
const WARM_UP_MS = 2000;
const WINDOW_MS = 10_000;
/** _SC_CLK_TCK on every Linux this runs on. */
const TICKS_PER_SECOND = 100;

const CONFIG = `
[server]
max_connections = 1000
[limits]
loopback_exempt = true
voice_frames_per_second = 1000
messages_per_second = 1000
`;

/** Seconds of CPU a process has used. */
function cpuSeconds(pid: number): number {
  // The name in field 2 may contain spaces, so count from its closing parenthesis.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

async function measure(
  clients: number,
  speakers: number,
  bundling: boolean,
): Promise<Record<string, unknown>> {
  const bundle = join(fileURLToPath(new URL('../../..', import.meta.url)), 'dist/test/load-agent.js');
  await bundleForDeno('test/deno/load-agent.ts', bundle, ['test/deno', 'core/base', 'core/protocol']);
  const relay = await startRelay({ config: CONFIG, args: bundling ? [] : ['--no-bundling'] });
  try {
    const target = await targetOf(relay);
    const plan = {
      port: target.port,
      certificateHash: toHex(target.certificateHash),
      clients,
      speakers,
      frameBytes: FRAME_BYTES,
      framesPerSecond: FRAMES_PER_SECOND,
      warmUpMs: WARM_UP_MS,
      windowMs: WINDOW_MS,
    };
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
        JSON.stringify(plan),
      ],
      {
        env: { PATH: process.env['PATH'] ?? '', HOME: dirname(bundle), DENO_NO_UPDATE_CHECK: '1' },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const timer = setTimeout(() => child.kill('SIGKILL'), 90_000);
    let startCpu = 0;
    let endCpu = 0;
    let rss = 0;
    let result: Record<string, number> | undefined;
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      const report = JSON.parse(line) as { readonly phase: string };
      if (report.phase === 'measure') startCpu = cpuSeconds(relay.pid);
      else if (report.phase === 'done') {
        endCpu = cpuSeconds(relay.pid);
        rss = residentMegabytes(relay.pid);
      } else if (report.phase === 'result') result = report as never;
    }
    clearTimeout(timer);
    if (!result) throw new Error('the load process gave no result');
    const forwarded = result['expected'] as number;
    const seconds = (result['elapsedMs'] as number) / 1000;
    const round = (value: number, digits = 2): number => Number(value.toFixed(digits));
    return {
      bench: 'relay',
      clients,
      speakers,
      bundling,
      rxPps: Math.round((result['received'] as number) / seconds),
      datagramsPps: Math.round((result['datagrams'] as number) / seconds),
      loss: round(1 - (result['received'] as number) / forwarded, 5),
      cpuUsPerForwarded: round(((endCpu - startCpu) * 1e6) / forwarded),
      cpuShare: round((endCpu - startCpu) / seconds, 3),
      p50ms: round(result['p50ms'] as number),
      p99ms: round(result['p99ms'] as number),
      rssMb: Math.round(rss),
      droppedSlow: await metric(relay.port, 'dropped_slow_listener'),
      droppedRate: await metric(relay.port, 'dropped_rate_limited'),
    };
  } finally {
    await relay.stop();
  }
}

/** Measures every load, without and with bundling, and hands each result over as soon as it is there. */
export async function relayBench(report: (line: Record<string, unknown>) => void): Promise<void> {
  for (const [clients, speakers] of LOADS)
    for (const bundling of [false, true]) report(await measure(clients, speakers, bundling));
}
