import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgents, type Agent, type AgentProcess } from '../../support/agent/agent-process.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';

/** The real core of two people over real QUIC and a real relay process, without pages between. */
let dataDir: string;
let relay: RelayProcess;
let agents: AgentProcess;
let ada: Agent;
let ben: Agent;
const LOBBY = 1;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'conclave-two-people-'));
  [relay, agents] = await Promise.all([startRelay({ dataDir }), startAgents()]);
  ada = await agents.create('Ada', { microphone: true });
  ben = await agents.create('Ben', { microphone: true });
});
afterAll(async () => {
  await agents?.close();
  await relay?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('two people and a relay', () => {
  it('meet in a call whose keys the relay never holds', async () => {
    await ada.call('server.connect', { host: '127.0.0.1', port: relay.port });
    await ben.call('server.connect', { host: '127.0.0.1', port: relay.port });
    await ada.call('call.join', { room: LOBBY });
    await ada.until('alone in the call', (state) => state.call.members?.length === 1);
    await ben.call('call.join', { room: LOBBY });
    for (const person of [ada, ben])
      await person.until(
        'both in the group',
        (state) => state.call.state === 'joined' && state.call.members?.length === 2,
      );
    const [a, b] = await Promise.all([ada.state(), ben.state()]);
    expect(a.call.epoch).toBe(b.call.epoch);
    expect(a.call.members?.map((member) => member.identity).sort()).toEqual(
      b.call.members?.map((member) => member.identity).sort(),
    );
  });

  it('hear each other', async () => {
    await ada.speak(true);
    await ben.until('frames of Ada', (state) => state.stats.framesReceived > 25);
    await ben.speak(true);
    await ada.until('frames of Ben', (state) => state.stats.framesReceived > 25);
    // What was rejected came before the Welcome; with the keys everything opens.
    const before = await ben.state();
    const after = await ben.until(
      'more',
      ({ stats }) => stats.framesReceived > before.stats.framesReceived + 25,
    );
    expect(after.stats.rejected).toBe(before.stats.rejected);
  });

  it('write to each other, each message once', async () => {
    await ada.call('text.open', { room: LOBBY });
    await ben.call('text.open', { room: LOBBY });
    for (const person of [ada, ben])
      await person.until(
        'in the group',
        ({ textGroups }) => textGroups[0]?.state === 'ready' && textGroups[0].members === 2,
      );
    for (const n of [1, 2, 3]) {
      await ada.call('text.send', { room: LOBBY, text: `from Ada ${n}` });
      await ben.call('text.send', { room: LOBBY, text: `from Ben ${n}` });
    }
    for (const [person, other] of [
      [ada, 'Ben'],
      [ben, 'Ada'],
    ] as const) {
      const state = await person.until(
        'all six messages',
        ({ messages }) =>
          messages.filter((message) => message.state === (message.own ? 'sent' : 'received')).length === 6,
      );
      expect(
        state.messages
          .filter((message) => !message.own)
          .map((message) => message.text)
          .sort(),
      ).toEqual([1, 2, 3].map((n) => `from ${other} ${n}`));
    }
  });

  it('talk and write again after the relay was killed and restarted', async () => {
    await relay.kill();
    const { port } = relay;
    await ada.until('loss noticed', (state) => state.connection.state === 'reconnecting');
    await ada.call('text.send', { room: LOBBY, text: 'while the relay was down' });
    relay = await startRelay({ port, dataDir });
    for (const person of [ada, ben])
      await person.until(
        'back in the call',
        (state) => state.call.state === 'joined' && state.call.members?.length === 2,
      );
    const before = await ben.state();
    await ben.until('frames again', (state) => state.stats.framesReceived > before.stats.framesReceived + 5);
    await ben.until('the message from the outage', ({ messages }) =>
      messages.some((message) => message.text === 'while the relay was down'),
    );
  });

  it('lose access with leaving: later messages and frames cannot be read', async () => {
    await ben.call('text.leave', { room: LOBBY });
    await ben.call('call.leave');
    await ada.until(
      'alone again in both groups',
      ({ call, textGroups }) => call.members?.length === 1 && textGroups[0]?.members === 1,
    );
    const seen = (await ben.state()).messages.length;
    await ada.call('text.send', { room: LOBBY, text: 'after Ben has left' });
    await ada.until('sent', ({ messages }) =>
      messages.some((message) => message.text === 'after Ben has left' && message.state === 'sent'),
    );
    expect((await ben.state()).messages.length).toBe(seen);
    await ben.call('text.open', { room: LOBBY });
    for (const person of [ada, ben])
      await person.until(
        'in the group',
        ({ textGroups }) => textGroups[0]?.state === 'ready' && textGroups[0].members === 2,
      );
    await ada.call('text.send', { room: LOBBY, text: 'Ben is back' });
    const state = await ben.until('new message', ({ messages }) =>
      messages.some((message) => message.text === 'Ben is back'),
    );
    expect(state.messages.map((message) => message.text)).not.toContain('after Ben has left');
  });
});
