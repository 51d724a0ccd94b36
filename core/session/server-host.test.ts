import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalHost } from './server-host.ts';

it.each([
  ['Example.ORG', 'example.org'],
  ['example.org.', 'example.org'],
  [' example.org ', 'example.org'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['::FFFF:192.0.2.1', '::ffff:c000:201'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['fe80::1%eth0', 'fe80::1%eth0'],
  ['::', '::'],
])('%s is %s', (spelling, canonical) => expect(canonicalHost(spelling)).toBe(canonical));

it.each([
  '',
  '.',
  '127.1',
  '0x7f.0.0.1',
  '127.0.0.01',
  '256.0.0.1',
  '2130706433',
  'a..b',
  'user@example.org',
  'example.org/path',
  'example.org:80',
  'exa mple.org',
  ':::',
  '1::2::3',
  '::12345',
  '[::1',
  'example.org#x',
])('%s is no host', (text) => expect(canonicalHost(text)).toBeUndefined());

it('every spelling of an address is one, as a browser sees it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const canonical = canonicalHost(address) as string;
      expect(canonicalHost(canonical)).toBe(canonical);
      expect(`[${canonical}]`).toBe(new URL(`http://[${address}]/`).hostname);
    }),
  );
});
