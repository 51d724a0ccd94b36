import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Bytes } from '../base/bytes.ts';
import { encodeCbor, type CborValue } from './cbor.ts';
import {
  checkAnswer,
  decodeClientHandshake,
  decodeClientRequest,
  decodeServerMessage,
  encodeMessage,
  type ClientHandshakeMessage,
  type ClientRequest,
  type ServerMessage,
} from './control-message.ts';
import { MAX_MESSAGE_BYTES } from './framing.ts';

const key = new Uint8Array(32).fill(1);
const bytes = (length: number): Bytes => new Uint8Array(length).fill(7);

const handshakes: readonly ClientHandshakeMessage[] = [
  { t: 'hello', versions: [1], nonce: key, identity: key, name: 'Ada', capabilities: [] },
  { t: 'authenticate', signature: bytes(64), password: 'x' },
];
const requests: readonly ClientRequest[] = [
  { t: 'ping', id: 1 },
  { t: 'room.create', id: 2, parent: null, name: 'Room' },
  { t: 'room.edit', id: 3, room: 4, password: null },
  { t: 'room.enter', id: 4, room: 1, password: 'p' },
  { t: 'call.join', id: 5, room: 1 },
  { t: 'text.subscribe', id: 6, room: 1 },
  { t: 'group.requestJoin', id: 7, group: 'call:1:1', keyPackage: bytes(300) },
  {
    t: 'group.commit',
    id: 8,
    group: 'text:1:1',
    epoch: 3,
    commit: bytes(70_000),
    welcome: { message: bytes(500), sessions: [1, 2], identities: [key] },
    groupInfo: bytes(100),
  },
  { t: 'group.send', id: 9, group: 'text:1:1', epoch: 0, messageId: bytes(16), message: bytes(300) },
];
const events: readonly ServerMessage[] = [
  { t: 'challenge', version: 1, serverId: key, nonce: key, signature: bytes(64) },
  { t: 'ok', id: 1, value: { cursor: 4 } },
  { t: 'error', id: 1, code: 'stale_epoch', message: 'late', retryAfterMs: 5 },
  { t: 'call.members', room: 1, group: 'call:1:1', members: [{ session: 1, slot: 0, identity: key }] },
  { t: 'group.commit', group: 'call:1:1', cursor: 1, epoch: 0, at: 5, session: 2, commit: bytes(40) },
  { t: 'group.welcome', group: 'call:1:1', cursor: 1, epoch: 1, welcome: bytes(40) },
  {
    t: 'group.message',
    group: 'text:1:1',
    cursor: 1,
    epoch: 1,
    at: 5,
    identity: key,
    messageId: bytes(16),
    message: bytes(9),
  },
  { t: 'session.ended', code: 'banned', message: 'Bye' },
];
const decoders = [decodeClientHandshake, decodeClientRequest, decodeServerMessage] as const;

describe('control messages', () => {
  it('are read as they were written', () => {
    for (const message of handshakes)
      expect(decodeClientHandshake(encodeMessage(message))).toEqual({ ok: true, value: message });
    for (const message of requests)
      expect(decodeClientRequest(encodeMessage(message))).toEqual({ ok: true, value: message });
    for (const message of events) {
      const decoded = decodeServerMessage(encodeMessage(message));
      expect(decoded).toMatchObject({ ok: true, value: message });
    }
  });

  it('of one direction are not taken for another', () => {
    for (const message of requests) {
      expect(decodeClientHandshake(encodeMessage(message)).ok).toBe(false);
      if (message.t !== 'group.commit') expect(decodeServerMessage(encodeMessage(message)).ok).toBe(false);
    }
    for (const message of handshakes) expect(decodeClientRequest(encodeMessage(message)).ok).toBe(false);
  });

  it('lose unknown fields, so nothing undeclared travels on', () => {
    const decoded = decodeClientRequest(encodeCbor({ t: 'ping', id: 1, extra: { deep: [1] } }));
    expect(decoded).toEqual({ ok: true, value: { t: 'ping', id: 1 } });
  });

  it('are refused with a text that names the field', () => {
    const check = (value: CborValue) => decodeClientRequest(encodeCbor(value));
    expect(check({ t: 'ping' })).toEqual({ ok: false, error: 'id: expected a value' });
    expect(check({ t: 'ping', id: 0 })).toMatchObject({ ok: false, error: expect.stringContaining('id: ') });
    expect(check({ t: 'nope', id: 1 })).toMatchObject({
      ok: false,
      error: expect.stringContaining('t: expected one of'),
    });
    expect(check({ t: 'toString', id: 1 })).toMatchObject({ ok: false });
    expect(check({ t: '__proto__', id: 1 })).toMatchObject({ ok: false });
    expect(check({ t: 'room.create', id: 1, parent: null, name: '' })).toMatchObject({
      ok: false,
      error: expect.stringContaining('name'),
    });
    expect(
      check({ t: 'group.send', id: 1, group: 'text:01:1', epoch: 0, messageId: bytes(16), message: bytes(1) })
        .ok,
    ).toBe(true);
    expect(
      check({ t: 'group.send', id: 1, group: 'x', epoch: 0, messageId: bytes(16), message: bytes(1) }),
    ).toMatchObject({
      ok: false,
      error: expect.stringContaining('group'),
    });
    expect(check([1, 2])).toEqual({ ok: false, error: 'expected an object' });
    expect(
      check({ t: 'group.send', id: 1, group: 'text:1:1', epoch: 0, messageId: bytes(15), message: bytes(1) }),
    ).toMatchObject({
      ok: false,
      error: 'messageId: expected 16 bytes',
    });
  });

  it('never make the decoders throw: noise and near misses', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        for (const decode of decoders) expect(decode(noise).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
    const samples = [...handshakes, ...requests.filter((message) => message.t !== 'group.commit'), ...events];
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), fc.nat(255), (message, where, byte) => {
        const encoded = encodeMessage(message);
        encoded[where % encoded.length] = byte;
        for (const decode of decoders) expect(typeof decode(encoded).ok).toBe('boolean');
      }),
      { numRuns: 3_000 },
    );
  });

  it('are bounded in size', () => {
    expect(decodeClientRequest(new Uint8Array(MAX_MESSAGE_BYTES + 1))).toEqual({
      ok: false,
      error: 'too long',
    });
    expect(
      decodeClientRequest(
        encodeCbor({
          t: 'group.send',
          id: 1,
          group: 'text:1:1',
          epoch: 0,
          messageId: bytes(16),
          message: bytes(48 * 1024 + 1),
        }),
      ).ok,
    ).toBe(false);
  });

  it('answers are checked against their request', () => {
    expect(checkAnswer('group.create', { cursor: 3, more: 1 })).toEqual({ ok: true, value: { cursor: 3 } });
    expect(checkAnswer('group.create', {})).toMatchObject({
      ok: false,
      error: expect.stringContaining('cursor'),
    });
    expect(checkAnswer('group.log', { entries: [{ kind: 'other' }], more: false })).toMatchObject({
      ok: false,
    });
    expect(checkAnswer('ping', null)).toMatchObject({ ok: false });
  });
});
