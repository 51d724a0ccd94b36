import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

/** Imports that must be refused: file, what it imports, the rule that says so. */
const FORBIDDEN = [
  ['core/base/a.ts', '../protocol/target.ts', 'core-base-is-the-bottom'],
  ['core/protocol/a.ts', '../crypto/target.ts', 'protocol-imports-base'],
  ['core/crypto/a.ts', '../media/target.ts', 'crypto-imports-base-and-protocol'],
  ['core/media/a.ts', '../mls/target.ts', 'media-below-session'],
  ['core/mls/a.ts', '../session/target.ts', 'mls-below-session'],
  ['core/session/a.ts', '../workers/target.ts', 'session-below-workers'],
  ['core/workers/a.ts', '../../renderer/base/target.ts', 'core-knows-no-host'],
  ['server/relay/a.ts', '../../core/crypto/target.ts', 'relay-cannot-decrypt'],
  ['renderer/workbench/a.ts', '../../core/session/target.ts', 'renderer-uses-core-by-contract'],
  ['renderer/audio/a.ts', '../../core/media/target.ts', 'audio-shares-only-the-ring'],
  ['renderer/base/a.ts', '../../main/services/target.ts', 'renderer-knows-no-host'],
  ['renderer/exthost/a.ts', '../../extensions/chat/target.ts', 'renderer-loads-extensions-by-address'],
  ['main/services/a.ts', '../../core/crypto/target.ts', 'main-uses-base-and-protocol'],
  ['main/electron/a.ts', '../web/target.ts', 'hosts-share-by-services'],
  ['main/web/a.ts', '../electron/target.ts', 'hosts-share-by-services-web'],
  ['main/services/b.ts', '../electron/target.ts', 'services-know-no-host'],
  ['extensions/chat/a.ts', '../voice/target.ts', 'extensions-use-the-api'],
  ['extensions/chat/b.ts', '../../core/base/target.ts', 'extensions-use-the-api'],
  ['extensions/chat/c.ts', 'dockview', 'extensions-use-lit'],
  ['extensions/api/a.ts', '../../renderer/base/target.ts', 'api-stands-alone'],
  ['renderer/base/b.ts', 'electron', 'only-there-electron'],
  ['main/services/c.ts', 'electron', 'only-there-electron'],
  ['renderer/contrib/a.ts', 'dockview', 'only-there-dockview'],
  ['core/session/b.ts', 'ts-mls', 'only-there-ts-mls'],
  ['renderer/audio/b.ts', '@evan/opus/wasm', 'only-there-evan-opus'],
  ['renderer/audio/c.ts', '@jitsi/rnnoise-wasm', 'only-there-jitsi-rnnoise-wasm'],
  ['server/relay/b.ts', '@fails-components/webtransport', 'only-there-fails-components-webtransport'],
  ['core/base/b.ts', '../../test/support/target.ts', 'tests-are-not-shipped'],
  ['core/base/c.ts', './missing.ts', 'no-loose-ends'],
] as const;

/** Imports that must be possible. */
const ALLOWED = [
  ['renderer/base/d.ts', '../../core/base/target.ts'],
  ['renderer/base/e.ts', '../../core/workers/session-contract.ts'],
  ['renderer/audio/d.ts', '../../core/media/audio-ring.ts'],
  ['main/electron/b.ts', '../services/target.ts'],
  ['main/electron/c.ts', 'electron'],
  ['extensions/chat/d.ts', 'lit'],
  ['extensions/chat/e.ts', '../api/target.ts'],
  ['server/relay/c.ts', '../../core/protocol/target.ts'],
  ['core/session/c.ts', '../mls/target.ts'],
] as const;

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

let folder = '';
let violations: readonly Violation[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dependency-rules-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  };
  for (const [file, specifier] of [...FORBIDDEN, ...ALLOWED]) {
    await write(file, `import * as target from '${specifier}';\nexport const used = target;\n`);
    if (specifier.startsWith('.') && !specifier.includes('missing'))
      await write(join(dirname(file), specifier), 'export const value = 1;\n');
  }
  await write('core/base/ring-a.ts', "import { b } from './ring-b.ts';\nexport const a = () => b;\n");
  await write('core/base/ring-b.ts', "import { a } from './ring-a.ts';\nexport const b = () => a;\n");
  await write(
    'renderer/base/types.ts',
    "import type { value } from '../../core/session/target.ts';\nexport type T = typeof value;\n",
  );
  await write('package.json', '{ "type": "module" }');
  const { stdout } = await run(
    process.execPath,
    [
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      ...['--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'],
      ...['core', 'server', 'renderer', 'main', 'extensions'],
    ],
    { cwd: folder, maxBuffer: 64 * 1024 * 1024, timeout: 60_000 },
  ).catch((error: { stdout: string }) => error);
  const result = JSON.parse(stdout) as { readonly summary: { readonly violations: readonly Violation[] } };
  violations = result.summary.violations;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(FORBIDDEN)('%s must not import %s (%s)', (file, _specifier, rule) => {
  expect(
    violations.filter((violation) => violation.from === file).map((violation) => violation.rule.name),
  ).toContain(rule);
});

test.each(ALLOWED)('%s may import %s', (file) => {
  expect(violations.filter((violation) => violation.from === file)).toEqual([]);
});

test('types may come from anywhere in core', () => {
  expect(violations.filter((violation) => violation.from === 'renderer/base/types.ts')).toEqual([]);
});

test('circles are found', () => {
  expect(violations.filter((violation) => violation.rule.name === 'no-circles').map((v) => v.from)).toContain(
    'core/base/ring-a.ts',
  );
});
