import { startAgents, type Agent } from '../support/agent/agent-process.ts';
import { startRelay } from '../support/relay-process.ts';

/** How many joins are measured per size; the median is reported. */
const JOINS = 5;
const ROOM = 1;
/**
 * Time from a click on a room to the first frame of somebody else that opens, in a call that has `members`
 * people already. The committer who talks, the other members and the newcomer are three processes, since on
 * fifty computers the other members would not share a processor with them.
 */
export async function joinBench(members: number): Promise<Record<string, unknown>> {
  const relay = await startRelay();
  const [talkers, others, newcomers] = await Promise.all([startAgents(), startAgents(), startAgents()]);
  try {
    const address = { host: '127.0.0.1', port: relay.port };
    const talker = await talkers.create('Talker', { microphone: true });
    await talker.call('server.connect', address);
    await talker.call('call.join', { room: ROOM });
    await talker.until('alone', (state) => state.call.members?.length === 1);
    const crowd: Agent[] = [];
    for (let i = 1; i < members; i++) {
      const agent = await others.create(`Member ${i}`);
      await agent.call('server.connect', address);
      await agent.call('call.join', { room: ROOM });
      crowd.push(agent);
      // In small batches, so that the commits of the filling-up stay few.
      if (i % 8 === 0 || i === members - 1)
        await talker.until('added', (state) => (state.call.members?.length ?? 0) === i + 1, 60_000);
    }
    await talker.speak(true);
    const newcomer = await newcomers.create('Newcomer');
    await newcomer.call('server.connect', address);
    const times: number[] = [];
    for (let i = 0; i < JOINS; i++) {
      await newcomer.call('call.join', { room: ROOM });
      const state = await newcomer.until('hears', (now) => now.firstFrameMs !== null, 30_000);
      times.push(state.firstFrameMs as number);
      await newcomer.call('call.leave');
      await talker.until('gone', (now) => now.call.members?.length === members, 30_000);
    }
    times.sort((a, b) => a - b);
    return {
      bench: 'mls',
      measure: 'click-to-hear',
      members,
      medianMs: Math.round(times[times.length >> 1] as number),
      maxMs: Math.round(times.at(-1) as number),
      targetMs: 1000,
    };
  } finally {
    await Promise.all([talkers.close(), others.close(), newcomers.close()]);
    await relay.stop();
  }
}
