import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CallState, TextMessage } from '../../../core/session/session-contract.ts';
import { startAgents, type Agent, type AgentProcess } from '../../support/agent/agent-process.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import { startLyingRelay, type Lie } from './lying-relay.ts';

/** The real core of some people against a relay that lies. */
const LOBBY = 1;
let agents: AgentProcess;
let relay: RelayProcess | undefined;
const people: Agent[] = [];
beforeAll(async () => {
  agents = await startAgents();
});
afterEach(async () => {
  for (const person of people.splice(0)) await person.destroy();
  await relay?.stop();
  relay = undefined;
});
afterAll(() => agents?.close());

const lying = async (name: string, ...lies: readonly Lie[]): Promise<RelayProcess> => {
  relay = await startLyingRelay(name, lies);
  return relay;
};
const connect = async (name: string, options = { microphone: false }): Promise<Agent> => {
  const person = await agents.create(name, options);
  people.push(person);
  await person.call('server.connect', { host: '127.0.0.1', port: relay?.port });
  return person;
};
const membersOf = async (person: Agent): Promise<Extract<CallState, { members: unknown }>['members']> => {
  const { call } = await person.state();
  return (call as unknown as Extract<CallState, { members: unknown }>).members ?? [];
};
const messagesOf = async (person: Agent): Promise<readonly TextMessage[]> =>
  (await person.state()).messages as unknown as readonly TextMessage[];
const inCall = async (everybody: readonly Agent[]): Promise<void> => {
  for (const person of everybody) {
    await person.call('call.join', { room: LOBBY });
    await person.until('in the group', ({ call }) => (call.members?.length ?? 0) > 0);
  }
  for (const person of everybody)
    await person.until('everybody in the group', ({ call }) => call.members?.length === everybody.length);
};
const inRoom = async (everybody: readonly Agent[]): Promise<void> => {
  for (const person of everybody) {
    await person.call('text.open', { room: LOBBY });
    await person.until('in the group', ({ textGroups }) => textGroups[0]?.state === 'ready');
  }
  for (const person of everybody)
    await person.until('everybody', ({ textGroups }) => textGroups[0]?.members === everybody.length);
};
const sent = async (person: Agent, text: string): Promise<void> => {
  await person.call('text.send', { room: LOBBY, text });
  await person.until('sent', ({ messages }) =>
    messages.some((message) => message.text === text && message.state === 'sent'),
  );
};

describe('a relay that lies about people', () => {
  it('cannot rename anybody: names in calls and messages are the ones people signed', async () => {
    await lying('rename', {
      file: 'server/relay/session.ts',
      find: 'name: session.name,',
      replace: "name: 'Somebody Else',",
    });
    const [ada, ben] = [await connect('Ada'), await connect('Ben')];
    await inCall([ada, ben]);
    expect((await membersOf(ada)).map(({ name }) => name).sort()).toEqual(['Ada', 'Ben']);
    await inRoom([ada, ben]);
    await sent(ben, 'it is me');
    await ada.until('the message', ({ messages }) => messages.length === 1);
    expect((await messagesOf(ada))[0]).toMatchObject({ senderName: 'Ben', text: 'it is me' });
  });

  it('cannot bring in a second person of a known name unseen', async () => {
    await lying('twins', {
      file: 'server/identity/handshake.ts',
      find: '      claimName(context.names, name, identity);\n',
      replace: '',
    });
    const [ada, ben] = [await connect('Ada'), await connect('Ben')];
    await inCall([ada, ben]);
    const twin = await agents.create('Ben2');
    people.push(twin);
    await twin.call('identity.setDisplayName', { displayName: 'BEN' });
    await twin.call('server.connect', { host: '127.0.0.1', port: relay?.port });
    await inCall([ada, ben, twin]);
    for (const person of [ada, ben])
      await person.until('a warning', ({ notices }) => notices.includes('name_shared'));
  });

  it('cannot hide a listener: the roster is the group, and the difference is shown', async () => {
    await lying('ghost', {
      file: 'server/relay/call-requests.ts',
      find: 'members: callMembers(call) },\n      except,',
      replace:
        "members: callMembers(call).filter((member) => call.members.get(member.session)?.name !== 'Ghost') },\n      except,",
    });
    const [ada, ghost] = [await connect('Ada'), await connect('Ghost')];
    await ada.call('call.join', { room: LOBBY });
    await ada.until('alone', ({ call }) => call.members?.length === 1);
    await ghost.call('call.join', { room: LOBBY });
    // The ghost helps itself in by an external commit; whoever is in the group is shown, and how it came.
    await ada.until(
      'the ghost in the roster',
      ({ call }) =>
        call.members?.some((member) => member.external) === true &&
        (call as unknown as { readonly mismatch: boolean }).mismatch,
    );
    expect((await membersOf(ada)).find(({ self }) => !self)).toMatchObject({
      name: 'Ghost',
      external: true,
      leaving: true,
    });
    await ada.until('a word', ({ notices }) => notices.includes('joined_externally'));
  });
});

describe('a relay that lies about messages', () => {
  it('cannot answer with the group of another room', async () => {
    await lying('other-room', {
      file: 'server/relay/group-requests.ts',
      find: 'group: group.reference,\n          epoch: group.storage.state.epoch,',
      replace: "group: 'text:99:1',\n          epoch: group.storage.state.epoch,",
    });
    const ada = await connect('Ada');
    await expect(ada.call('text.open', { room: LOBBY })).rejects.toMatchObject({ code: 'protocol_error' });
    expect((await ada.state()).textGroups).toEqual([]);
  });

  it('cannot put words into another mouth, change them, or say them twice', async () => {
    await lying('messages', {
      file: 'server/relay/group-requests.ts',
      find: "        const { kind: _kind, ...event } = entry;\n        state.multicast(members(target), { t: 'group.message', group: target.reference, ...event }, session);",
      replace: `
        const lie = (globalThis.lies = (globalThis.lies ?? 0) + 1);
        const repeat = (cursor, changes) => {
          const copy = { ...entry, ...changes, cursor };
          if (cursor !== entry.cursor) target.storage.appendMessage(copy);
          const { kind: _kind, ...event } = copy;
          state.multicast(members(target), { t: 'group.message', group: target.reference, ...event }, session);
        };
        if (lie === 2) repeat(entry.cursor, { identity: [...members(target)].find((m) => m.name === 'Cleo').identity });
        else if (lie === 3) repeat(entry.cursor, { message: entry.message.with(-1, entry.message.at(-1) ^ 1) });
        else if (lie === 4) repeat(entry.cursor, { messageId: entry.messageId.with(0, entry.messageId[0] ^ 1) });
        else {
          repeat(entry.cursor, {});
          if (lie === 1) repeat(entry.cursor + 1, { messageId: entry.messageId.with(0, entry.messageId[0] ^ 1) });
        }`,
    });
    const [ada, ben, cleo] = [await connect('Ada'), await connect('Ben'), await connect('Cleo')];
    await inRoom([ada, ben, cleo]);
    await sent(ben, 'one');
    await ada.until('the first', ({ messages }) => messages.length === 1);
    await sent(ben, 'two, said to be of Cleo');
    await sent(ben, 'three, with a bit flipped');
    await sent(ben, 'four, under another id');
    await sent(ben, 'five');
    await ada.until('the last', ({ messages }) => messages.some(({ text }) => text === 'five'));
    expect((await messagesOf(ada)).map(({ text, senderName }) => [senderName, text])).toEqual([
      ['Ben', 'one'],
      ['Ben', 'five'],
    ]);
    const { notices } = await ada.state();
    expect(notices).toContain('message_mislabelled');
    expect(notices).toContain('message_invalid');
  });
});

describe('a relay that changes voices', () => {
  it('is not heard: every changed or repeated frame is refused and counted', async () => {
    await lying(
      'voices',
      {
        file: 'server/relay/media-router.ts',
        find: '    const padded = pad(datagram);\n    let sent = 0;',
        replace:
          '    const padded = pad(datagram);\n    padded[padded.length - 1] = (padded[padded.length - 1] ?? 0) ^ 1;\n    let sent = 0;',
      },
      {
        file: 'server/relay/media-router.ts',
        find: 'if (!bundling || noteSpeaker(call, session, now) < MIN_SPEAKERS_TO_BUNDLE) {',
        replace: 'if (noteSpeaker(call, session, now) >= 0) {',
      },
    );
    const microphone = { microphone: true };
    const [ada, ben] = [await connect('Ada', microphone), await connect('Ben', microphone)];
    await inCall([ada, ben]);
    await ada.speak(true);
    const state = await ben.until('frames refused', ({ stats }) => stats.rejected > 50);
    expect(state.stats.framesReceived).toBe(0);
  });
});

describe('a relay that pretends', () => {
  it('is not believed before it has shown who it is', async () => {
    await lying('early', {
      file: 'server/transport/client-connection.ts',
      find: '      link.send(outcome.reply);\n',
      replace: "      link.send(outcome.reply);\n      link.send({ t: 'room.removed', room: 1 });\n",
    });
    await expect(connect('Ada')).rejects.toMatchObject({ code: 'protocol_error' });
  });

  it('must sign as a server: a signature made for the other side is refused', async () => {
    await lying('forged', {
      file: 'server/identity/handshake.ts',
      find: "signature: context.serverKey.sign(sessionSigningInput('server', transcript)),",
      replace: "signature: context.serverKey.sign(sessionSigningInput('client', transcript)),",
    });
    await expect(connect('Ada')).rejects.toMatchObject({ code: 'server_not_authentic' });
  });

  it('is another server, however its address is written', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'conclave-hostile-'));
    try {
      relay = await startRelay();
      const { port } = relay;
      const ada = await agents.create('Ada');
      people.push(ada);
      await ada.call('server.connect', { host: 'localhost', port });
      await relay.stop();
      relay = await startRelay({ port, dataDir });
      await ada.until('the end', ({ connection }) => connection.state === 'disconnected', 20_000);
      for (const host of ['localhost', 'LOCALHOST', 'localhost.', ' LocalHost '])
        await expect(ada.call('server.connect', { host, port })).rejects.toMatchObject({
          code: 'server_identity_changed',
        });
      await ada.call('server.forget', { host: 'Localhost.', port });
      await ada.call('server.connect', { host: 'localhost', port });
    } finally {
      await relay?.stop();
      relay = undefined;
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
