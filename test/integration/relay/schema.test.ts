import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { COLUMN_REASONS } from '../../../server/store/schema.ts';
import { bundleForDeno, denoBinary } from '../../support/relay-process.ts';

it('stores nothing without a stated reason, and refuses a database from a newer program', async () => {
  const bundle = join(fileURLToPath(new URL('../../..', import.meta.url)), 'dist/test/schema-dump.js');
  await bundleForDeno('test/deno/schema-dump.ts', bundle, [
    'test/deno',
    'server/store',
    'core/base',
    'core/protocol',
  ]);
  const directory = mkdtempSync(join(tmpdir(), 'conclave-schema-'));
  try {
    const output = execFileSync(
      denoBinary(),
      [
        'run',
        '--no-remote',
        '--cached-only',
        '--no-prompt',
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
        bundle,
        join(directory, 'x.db'),
      ],
      {
        env: { PATH: process.env['PATH'] ?? '', HOME: dirname(bundle), DENO_NO_UPDATE_CHECK: '1' },
        timeout: 20_000,
      },
    );
    const { columns, journal, refusal } = JSON.parse(String(output)) as {
      columns: string[];
      journal: string;
      refusal: string;
    };
    expect(columns.sort()).toEqual(Object.keys(COLUMN_REASONS).sort());
    expect(journal).toBe('wal');
    expect(refusal).toMatch(/newer version/);
    // The relay must never store where people connect from.
    expect(columns.filter((column) => /address|(^|_)ip($|_)|host/.test(column))).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
