import { expect, test } from 'vitest';
import { parseProgramArguments } from './program-arguments.ts';

test('everything has a default', () => {
  expect(parseProgramArguments([])).toEqual({
    profile: undefined,
    port: 0,
    diagnostics: false,
    help: false,
    links: [],
  });
});

test('options and an invite', () => {
  expect(
    parseProgramArguments(['--profile', '/p', '--port=8080', '--diagnostics', 'conclave://join?host=a']),
  ).toEqual({ profile: '/p', port: 8080, diagnostics: true, help: false, links: ['conclave://join?host=a'] });
});

test.each([
  [['--nonsense'], /nonsense/],
  [['--port', '70000'], /--port/],
  [['--port', '1e3'], /--port/],
  [['--profile'], /--profile/],
  [['https://example.org'], /invite/],
])('%j is refused, naming what is wrong', (args, message) => {
  expect(() => parseProgramArguments(args)).toThrow(message);
});
