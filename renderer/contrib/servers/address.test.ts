import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../exthost/session-mapping.ts';
import { parseAddress } from './address.ts';

const id = 'ab'.repeat(32);

describe('addresses', () => {
  it.each([
    ['harbour.example', { host: 'harbour.example', port: 8443 }],
    [' Harbour.Example:9000 ', { host: 'harbour.example', port: 9000 }],
    ['https://harbour.example:9000/', { host: 'harbour.example', port: 9000 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['[::1]:8443', { host: '::1', port: 8443 }],
    ['häfen.example', { host: 'häfen.example', port: 8443 }],
    [
      `conclave://join?host=harbour.example:9000&id=${id}#secret`,
      { host: 'harbour.example', port: 9000, serverId: id },
    ],
    ['conclave://join?host=localhost', { host: 'localhost', port: 8443 }],
  ])('%s', (text, expected) => {
    expect(parseAddress(text)).toEqual({ ok: true, value: expected });
  });

  it.each([
    '',
    'a b',
    'host:0',
    'host:70000',
    'user@host',
    'host/path',
    '[::1',
    '[zz::1]',
    '-a.example',
    'a..b',
    'conclave://join',
    'conclave://other?host=a',
    'conclave://join?host=a&id=12',
    'conclave://join?host=conclave://join?host=a',
  ])('refuses %s with a sentence', (text) => {
    const parsed = parseAddress(text);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.error).toMatch(/\.$/);
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.domain(), fc.ipV4(), fc.constant('::1'), fc.constant('2001:db8::1')),
        fc.integer({ min: 1, max: 65535 }),
        (host, port) => {
          expect(parseAddress(addressOf({ host, port }))).toEqual({
            ok: true,
            value: { host: host.toLowerCase(), port },
          });
        },
      ),
    );
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseAddress(text)));
    fc.assert(fc.property(fc.string(), (text) => void parseAddress(`conclave://join?${text}`)));
  });
});
