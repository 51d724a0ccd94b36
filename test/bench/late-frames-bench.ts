import { startAgents, type Agent } from '../support/agent/agent-process.ts';
import { startRelay } from '../support/relay-process.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

const JOINS = 20;
/** Room for the last commits to arrive, and between the two measurements (ms). */
const SETTLE_MS = 2000;
const JOIN_LIMIT_MS = 15_000;
const ROOM = 1;
const ROOM_NAME = 'Lobby';

interface Counts {
  readonly received: number;
  readonly lost: number;
  readonly late: number;
  readonly concealed: number;
  readonly underruns: number;
}

async function count(listener: Workbench): Promise<Counts> {
  return (await listener.page.evaluate(`(async () => {
    const { audio, mediaStats } = globalThis.conclaveDiagnostics;
    const { people } = await mediaStats();
    const sum = (name) => people.reduce((total, person) => total + person[name], 0);
    return {
      received: sum('received'),
      lost: sum('lost'),
      late: sum('late'),
      concealed: sum('concealed'),
      underruns: audio.underruns,
    };
  })()`)) as Counts;
}

/** What is counted while `run` goes on. */
async function during(listener: Workbench, run: () => Promise<void>): Promise<Counts> {
  const before = await count(listener);
  await run();
  const after = await count(listener);
  return {
    received: after.received - before.received,
    lost: after.lost - before.lost,
    late: after.late - before.late,
    concealed: after.concealed - before.concealed,
    underruns: after.underruns - before.underruns,
  };
}

/**
 * What joining costs those who are listening: a workbench hears one person talk while twenty more join one
 * after the other, beside the same time without joins in the same call. Each person who joins makes a commit
 * that every member applies.
 * @returns frames too late to be played, stretches concealed and samples missing in the playback ring.
 */
export async function lateFramesBench(): Promise<Record<string, unknown>> {
  const relay = await startRelay();
  const [talkers, newcomers] = await Promise.all([startAgents(), startAgents()]);
  let listener: Workbench | undefined;
  try {
    const address = { host: '127.0.0.1', port: relay.port };
    const talker = await talkers.create('Talker', { microphone: true });
    await talker.call('server.connect', address);
    await talker.call('call.join', { room: ROOM });
    await talker.until('alone', (state) => state.call.members?.length === 1);
    listener = await openWorkbench();
    const { page } = listener;
    await listener.createIdentity('Listener');
    await listener.connect(address.host, address.port);
    await listener.joinRoom(ROOM_NAME);
    await listener.waitForMembers(2);
    await page.getByTestId('call-mute').click();
    await talker.speak(true);
    // Identities and connections are made before anything is counted: the joins are what is measured.
    const crowd: Agent[] = [];
    for (let i = 1; i <= JOINS; i++) {
      const agent = await newcomers.create(`Newcomer ${i}`);
      await agent.call('server.connect', address);
      crowd.push(agent);
    }
    await listener.until('speech', ({ speaking }) => speaking.length > 0);
    await page.waitForTimeout(SETTLE_MS);

    const hearing = listener;
    let joinedMs = 0;
    const joins = await during(hearing, async () => {
      const since = performance.now();
      for (const [index, agent] of crowd.entries()) {
        await agent.call('call.join', { room: ROOM });
        await hearing.waitForMembers(index + 3, JOIN_LIMIT_MS);
      }
      joinedMs = performance.now() - since;
    });
    // The newcomers receive as before, so that only the joins make the difference.
    await page.waitForTimeout(SETTLE_MS);
    const baseline = await during(hearing, () => page.waitForTimeout(joinedMs));
    return {
      bench: 'mls',
      measure: 'late-frames',
      joins: JOINS,
      seconds: Math.round(joinedMs / 100) / 10,
      received: joins.received,
      late: joins.late,
      lost: joins.lost,
      concealed: joins.concealed,
      underruns: joins.underruns,
      baselineReceived: baseline.received,
      baselineLate: baseline.late,
      baselineLost: baseline.lost,
      baselineConcealed: baseline.concealed,
      baselineUnderruns: baseline.underruns,
      targetLate: 0,
    };
  } finally {
    await listener?.close();
    await Promise.all([talkers.close(), newcomers.close()]);
    await relay.stop();
  }
}
