/**
 * `npm run bench [-- relay|mls|start ...]`: measurements as JSON lines on standard output, everything on
 * loopback and bounded in time.
 */
import { joinBench } from './join-bench.ts';
import { lateFramesBench } from './late-frames-bench.ts';
import { relayBench } from './relay/relay-bench.ts';
import { startBench } from './start-bench.ts';

const print = (line: Record<string, unknown>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

const benches: Readonly<Record<string, () => Promise<void>>> = {
  relay: () => relayBench(print),
  async mls() {
    for (const members of [2, 10, 50]) print(await joinBench(members));
    print(await lateFramesBench());
  },
  async start() {
    print(await startBench());
  },
};

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = wanted.filter((name) => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no bench named ${unknown.join(', ')}. Choose from: ${Object.keys(benches).join(', ')}.\n`,
  );
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) await benches[name]?.();
