import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBytes } from '../../../core/base/bytes.ts';
import {
  encodeMessage,
  type ClientMessage,
  type ServerMessage,
} from '../../../core/protocol/control-message.ts';
import { frameMessage, MAX_FRAME_BYTES } from '../../../core/protocol/framing.ts';
import { answerChallenge, makeHello } from '../../deno/wire-connection.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import {
  newKey,
  startWireAgent,
  targetOf,
  type WireAgent,
  type WireClient,
  type WireTarget,
} from './wire-client.ts';

type Challenge = Extract<ServerMessage, { readonly t: 'challenge' }>;

/** Requirements §10, guarantee 5: who may call themselves what, and that no proof can be used elsewhere. */
describe('the handshake', () => {
  let relay: RelayProcess;
  let other: RelayProcess;
  let agent: WireAgent;
  let target: WireTarget;
  let otherTarget: WireTarget;
  beforeAll(async () => {
    [relay, other, agent] = await Promise.all([startRelay(), startRelay(), startWireAgent()]);
    [target, otherTarget] = await Promise.all([targetOf(relay), targetOf(other)]);
  });
  afterAll(async () => {
    await agent?.stop();
    await Promise.all([relay?.stop(), other?.stop()]);
  });

  const expectRefused = async (client: WireClient, code: string): Promise<void> => {
    expect((await client.next('refused')).code).toBe(code);
    await client.waitClosed();
  };
  const hello = async (
    to: WireTarget,
    message: ClientMessage,
  ): Promise<{ client: WireClient; challenge: Challenge }> => {
    const client = await agent.open(to);
    client.send(message);
    return { client, challenge: await client.next('challenge') };
  };

  it('gives a name to the first key for good and refuses every other key', async () => {
    const key = newKey();
    const first = await agent.connect(target, { key, name: 'Ursula' });
    first.close();
    await first.waitClosed();
    for (const name of ['Ursula', 'URSULA', ' ursula ']) {
      const thief = await agent.open(target);
      expect(await thief.authenticate({ name })).toMatchObject({ t: 'refused', code: 'name_taken' });
    }
    // Cyrillic с and а, and a one for an l.
    for (const name of ['Ursulа', 'Ursu1a']) {
      const thief = await agent.open(target);
      expect(await thief.authenticate({ name })).toMatchObject({ t: 'refused', code: 'name_confusable' });
    }
    const again = await agent.connect(target, { key, name: 'ursula' });
    expect(again.welcome.session).toBeGreaterThan(0);
    again.close();
  });

  it('refuses reserved and impossible names', async () => {
    for (const [name, code] of [
      ['Admin', 'name_reserved'],
      ['аdmin', 'name_reserved'],
      ['r00t', 'name_reserved'],
      ['a\u202Eb', 'name_invalid'],
      ['...', 'name_invalid'],
    ] as const) {
      const client = await agent.open(target);
      expect(await client.authenticate({ name }), name).toMatchObject({ t: 'refused', code });
    }
  });

  it('refuses a signature that is wrong', async () => {
    const key = newKey();
    const { client } = await hello(target, makeHello(key, 'Wrong signature'));
    client.send({ t: 'authenticate', signature: randomBytes(64) });
    await expectRefused(client, 'bad_signature');
  });

  it('refuses the proof of an earlier connection', async () => {
    const key = newKey();
    const message = makeHello(key, 'Replayed');
    const first = await hello(target, message);
    const proof = {
      t: 'authenticate',
      signature: answerChallenge(key, message, first.challenge, target.certificateHash),
    } as const;
    first.client.send(proof);
    await first.client.next('welcome');
    first.client.close();
    const second = await hello(target, message);
    second.client.send(proof);
    await expectRefused(second.client, 'bad_signature');
  });

  it('refuses a proof made for another server', async () => {
    const key = newKey();
    const message = makeHello(key, 'Relayed');
    const here = await hello(target, message);
    const there = await hello(otherTarget, message);
    // The other server relays our nonce, first under its own identity, then under ours.
    for (const challenge of [{ ...there.challenge, nonce: here.challenge.nonce }, { ...here.challenge }]) {
      const attempt = await hello(target, message);
      attempt.client.send({
        t: 'authenticate',
        signature: answerChallenge(
          key,
          message,
          { ...challenge, nonce: attempt.challenge.nonce },
          otherTarget.certificateHash,
        ),
      });
      await expectRefused(attempt.client, 'bad_signature');
    }
    here.client.close();
    there.client.close();
  });

  it('refuses a version it does not speak', async () => {
    const client = await agent.open(target);
    client.send({ ...makeHello(newKey(), 'From the future'), versions: [99] });
    await expectRefused(client, 'version_unsupported');
  });

  it('refuses messages out of order and bytes that are none', async () => {
    const early = await agent.open(target);
    early.send({ t: 'authenticate', signature: randomBytes(64) });
    await expectRefused(early, 'protocol_error');
    const twice = await hello(target, makeHello(newKey(), 'Twice'));
    twice.client.send(makeHello(newKey(), 'Twice'));
    await expectRefused(twice.client, 'protocol_error');
    const request = await agent.open(target);
    request.send({ t: 'ping', id: 1 });
    await expectRefused(request, 'protocol_error');
    for (const bytes of [
      frameMessage(randomBytes(40)),
      frameMessage(new Uint8Array(0)),
      // A frame over its limit, and an unauthenticated message in two frames.
      new Uint8Array([0, 1, 0, 1]),
      frameMessage(new Uint8Array(MAX_FRAME_BYTES + 1)),
    ]) {
      const client = await agent.open(target);
      client.sendRaw(bytes);
      await expectRefused(client, 'protocol_error');
    }
  });

  it('closes a session for a malformed message but answers one from a newer version', async () => {
    const client = await agent.connect(target, { name: 'Malformed' });
    const newer = encodeMessage({ t: 'ping', id: 77 });
    client.sendRaw(frameMessage(replaceText(newer, 'ping', 'pong')));
    expect(await client.next('error')).toMatchObject({ id: 77, code: 'unknown_request' });
    await client.request({ t: 'ping' });
    client.sendRaw(frameMessage(encodeMessage({ t: 'room.enter', id: 78, room: -1 })));
    expect((await client.next('session.ended')).code).toBe('protocol_error');
    await client.waitClosed();
  });

  it('serves nothing on another path', async () => {
    const client = await agent.open({ ...target, path: '/other' }).catch(() => undefined);
    await client?.waitClosed();
    const fine = await agent.connect(target, { name: 'Still serving' });
    fine.close();
  });

  it('ends the older session of an identity that connects again', async () => {
    const key = newKey();
    const older = await agent.connect(target, { key, name: 'Twin' });
    const newer = await agent.connect(target, { key, name: 'Twin' });
    expect((await older.next('session.ended')).code).toBe('identity_in_use');
    await older.waitClosed();
    await newer.request({ t: 'ping' });
    newer.close();
  });
});

describe('the server password', () => {
  it('is asked for, compared, and never shown', async () => {
    const [relay, agent] = await Promise.all([
      startRelay({ config: '[server]\npassword = "open sesame"\n' }),
      startWireAgent(),
    ]);
    try {
      const target = await targetOf(relay);
      for (const [password, code] of [
        [undefined, 'password_required'],
        ['open sesam', 'password_wrong'],
      ] as const) {
        const client = await agent.open(target);
        expect(await client.authenticate({ name: 'Guest', ...(password ? { password } : {}) })).toMatchObject(
          { code },
        );
      }
      const client = await agent.connect(target, { name: 'Guest', password: 'open sesame' });
      client.close();
      expect(relay.stderr.join('\n')).not.toContain('sesam');
    } finally {
      await agent.stop();
      await relay.stop();
    }
  });
});

/** Swaps text of the same length inside an encoding. */
function replaceText(encoded: Uint8Array, from: string, to: string): Uint8Array {
  return new Uint8Array(Buffer.from(Buffer.from(encoded).toString('latin1').replace(from, to), 'latin1'));
}
