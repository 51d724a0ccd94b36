import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLogFile } from './log-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the log turns over and never exceeds its limit', async () => {
  const log = await openLogFile(join(folder, 'x.log'), { maxBytes: 400, keep: 2 });
  for (let index = 0; index < 60; index++) {
    log.write(`line ${index}`);
    await log.flush();
  }
  expect((await readdir(folder)).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2']);
  const texts = await Promise.all(
    ['x.log.2', 'x.log.1', 'x.log'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  for (const text of texts) expect(text.length).toBeLessThanOrEqual(400);
  // What is kept is the newest, in order and without gaps.
  const numbers = [...texts.join('').matchAll(/line (\d+)/g)].map((match) => Number(match[1]));
  expect(numbers.at(-1)).toBe(59);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
});

test('one entry is one line, whatever it holds', async () => {
  const log = await openLogFile(join(folder, 'x.log'));
  log.write('a\nforged entry\r\n\u2028b\u001b[2J');
  await log.flush();
  expect((await readFile(join(folder, 'x.log'), 'utf8')).trimEnd().split(/[\r\n\u2028]/)).toHaveLength(1);
});
