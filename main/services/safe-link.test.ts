import { expect, test } from 'vitest';
import { checkExternalLink, readConclaveLink } from './safe-link.ts';

test.each(['https://example.org/a?b#c', 'https://xn--bcher-kva.example/', 'mailto:ada@example.org'])(
  '%s opens',
  (url) => {
    expect(checkExternalLink(url).href).toBe(url);
  },
);

test.each([
  'http://example.org/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'data:text/html,x',
  'ms-msdt:/id',
  'smb://host/share',
  'conclave://join?host=a',
  'https://user:password@example.org/',
  'mailto:ada@example.org?attach=/etc/passwd',
  'mailto:',
  'not a link',
  '--flag',
  '',
])('%j does not', (url) => {
  expect(() => checkExternalLink(url)).toThrow(expect.objectContaining({ code: 'link_refused' }) as Error);
});

test.each([
  ['conclave://join?host=a.example&room=1#secret', true],
  ['conclave://join', true],
  ['conclave://other?x', false],
  ['conclave:join', false],
  ['https://join/', false],
  [`conclave://join?${'x'.repeat(2100)}`, false],
  ['conclave://join?a=\n--flag', false],
  ['--profile', false],
])('%j is an invite: %s', (text, valid) => {
  expect(readConclaveLink(text) !== undefined).toBe(valid);
});
