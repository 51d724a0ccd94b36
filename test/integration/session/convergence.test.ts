import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startAgents, type Agent, type AgentProcess } from '../../support/agent/agent-process.ts';
import type { AgentState } from '../../support/agent/agent-protocol.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';

/** The real core of several people who come and go, over a real relay: nobody may be left outside. */
const LOBBY = 1;
const STRANDED_MS = 10_000;
const SOAK_MS = Number(process.env['SOAK_SECONDS'] ?? 15) * 1000;
let relay: RelayProcess;
let agents: AgentProcess;
let present: Agent[] = [];
let created = 0;

beforeAll(async () => {
  [relay, agents] = await Promise.all([
    startRelay({ config: '[limits]\nhandshake_per_minute = 100000\nconnections_per_ip = 1000\n' }),
    startAgents(),
  ]);
});
afterEach(async () => {
  for (const agent of present.splice(0)) await agent.destroy();
});
afterAll(async () => {
  await agents?.close();
  await relay?.stop();
});

const enter = async (): Promise<Agent> => {
  const agent = await agents.create(`Person ${++created}`);
  await agent.call('server.connect', { host: '127.0.0.1', port: relay.port });
  return agent;
};
const rosterOf = ({ call }: AgentState): string =>
  `${call.epoch}: ${(call.members ?? [])
    .map(({ session }) => session)
    .sort((a, b) => a - b)
    .join()}`;
/** Waits until everybody in the call has the same epoch with exactly the people who are there. */
const converge = async (everybody: readonly Agent[], limitMs: number): Promise<number> => {
  const start = Date.now();
  for (;;) {
    const states = await Promise.all(everybody.map((agent) => agent.state()));
    const expected = states
      .map(({ connection }) => connection.session as number)
      .sort((a, b) => a - b)
      .join();
    if (
      states.every(
        (state) => state.call.state === 'joined' && rosterOf(state) === `${state.call.epoch}: ${expected}`,
      ) &&
      new Set(states.map(({ call }) => call.epoch)).size <= 1
    )
      return Date.now() - start;
    if (Date.now() - start > limitMs)
      throw new Error(
        `not in one group after ${limitMs} ms; there are ${expected}; they see\n${states
          .map(
            (state) =>
              `${state.connection.session} ${state.call.state} ${rosterOf(state)} ${state.notices.join()}`,
          )
          .join('\n')}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
};

it('the last one left makes the group anew, also when somebody comes at that very moment', async () => {
  const [ada, ben, cleo] = [await enter(), await enter(), await enter()];
  present = [ada, ben, cleo];
  const waits: number[] = [];
  for (let round = 0; round < 20; round++) {
    await ada.call('call.join', { room: LOBBY });
    await ben.call('call.join', { room: LOBBY });
    await converge([ada, ben], STRANDED_MS);
    const leaving = ben.call('call.leave');
    // From before the leaving is known to well after the new group stands (it takes about 30 ms here).
    await new Promise((resolve) => setTimeout(resolve, round * 4));
    await Promise.all([leaving, cleo.call('call.join', { room: LOBBY })]);
    waits.push(await converge([ada, cleo], STRANDED_MS));
    await cleo.call('call.leave');
    await converge([ada], STRANDED_MS);
    // A new group begins with epoch 0; merely removing the other would have gone on counting.
    await ada.until('a new group', ({ call }) => call.epoch === 0 && call.members?.length === 1);
    await ada.call('call.leave');
  }
  expect(Math.max(...waits)).toBeLessThan(STRANDED_MS);
}, 120_000);

it(
  'people who join, leave and break off in any order end up together',
  async () => {
    // A fixed sequence of choices, so that a failure can be repeated; the timing is the network's own.
    let seed = 20_240_611;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const inCall = new Set<Agent>();
    const started = Date.now();
    let rounds = 0;
    while (Date.now() - started < SOAK_MS) {
      rounds += 1;
      const work: Promise<unknown>[] = [];
      for (let move = 1 + random(3); move > 0; move--) {
        const outside = present.filter((agent) => !inCall.has(agent));
        const inside = [...inCall];
        const choice = random(10);
        if (present.length < 3 || (choice < 2 && present.length < 6)) {
          const agent = await enter();
          present.push(agent);
          inCall.add(agent);
          work.push(agent.call('call.join', { room: LOBBY }));
        } else if (choice < 6 && outside.length > 0) {
          const agent = outside[random(outside.length)] as Agent;
          inCall.add(agent);
          work.push(agent.call('call.join', { room: LOBBY }));
        } else if (choice < 8 && inside.length > 0) {
          const agent = inside[random(inside.length)] as Agent;
          inCall.delete(agent);
          work.push(agent.call('call.leave'));
        } else if (inside.length > 0) {
          const agent = inside[random(inside.length)] as Agent;
          inCall.delete(agent);
          present = present.filter((other) => other !== agent);
          work.push(agent.destroy());
        }
        await new Promise((resolve) => setTimeout(resolve, random(60)));
      }
      // Somebody who is told to join and to leave at once may refuse one of them; the state decides.
      await Promise.allSettled(work);
      if (inCall.size > 0) await converge([...inCall], STRANDED_MS);
    }
    expect(rounds).toBeGreaterThan(10);
  },
  SOAK_MS + 60_000,
);
