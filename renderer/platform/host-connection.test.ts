import { describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from '../../core/protocol/cbor.ts';
import { createCborPort, takeToken, type BytesCarrier } from './host-connection.ts';

function fakeCarrier() {
  const sent: Uint8Array[] = [];
  let bytes: (data: Uint8Array) => void = () => {};
  let end: () => void = () => {};
  let closes = 0;
  const carrier: BytesCarrier = {
    send: (data) => sent.push(data),
    close: () => {
      closes += 1;
    },
    onBytes: (callback) => {
      bytes = callback;
    },
    onClose: (callback) => {
      end = callback;
    },
  };
  return {
    carrier,
    sent,
    receive: (data: Uint8Array) => bytes(data),
    end: () => end(),
    closes: () => closes,
  };
}

describe('the host’s port', () => {
  it('carries messages as CBOR and leaves out what is undefined', () => {
    const { carrier, sent, receive } = fakeCarrier();
    const port = createCborPort(carrier);
    const got: unknown[] = [];
    const subscription = port.onMessage((message) => got.push(message));
    port.send({ kind: 'return', id: 1, value: undefined });
    expect(decodeCbor(sent[0] as Uint8Array)).toEqual({ kind: 'return', id: 1 });
    receive(encodeCbor({ kind: 'event', name: 'x', payload: new Uint8Array([1]) }));
    expect(got).toEqual([{ kind: 'event', name: 'x', payload: new Uint8Array([1]) }]);
    subscription.dispose();
    port.dispose();
  });

  it('closes on what is no message, tells it once and is silent after that', () => {
    const { carrier, sent, receive, end, closes } = fakeCarrier();
    const port = createCborPort(carrier);
    let told = 0;
    const subscription = port.onClose(() => told++);
    receive(new Uint8Array([0xff, 0xff]));
    end();
    port.send({ kind: 'call' });
    expect([closes(), told, sent.length]).toEqual([1, 1, 0]);
    subscription.dispose();
    port.dispose();
  });
});

describe('the token', () => {
  const page = (hash: string, kept: string | null) => {
    const urls: string[] = [];
    const stored = new Map<string, string>(kept === null ? [] : [['conclave.token', kept]]);
    return {
      urls,
      stored,
      window: {
        location: { host: 'x', hash, pathname: '/', protocol: 'http:' },
        sessionStorage: {
          getItem: (key: string) => stored.get(key) ?? null,
          setItem: (key: string, value: string) => void stored.set(key, value),
        },
        history: { replaceState: (_data: unknown, _unused: string, url: string) => void urls.push(url) },
      },
    };
  };
  const token = 'ab'.repeat(32);

  it('is taken from the address, kept for this tab and removed from sight', () => {
    const { window, urls, stored } = page(`#token=${token}`, null);
    expect([takeToken(window), urls, stored.get('conclave.token')]).toEqual([token, ['/'], token]);
  });

  it('is remembered over a reload, and nothing else is taken for one', () => {
    expect(takeToken(page('', token).window)).toBe(token);
    expect(takeToken(page('', null).window)).toBeUndefined();
    expect(takeToken(page('#token=<script>', null).window)).toBeUndefined();
  });
});
