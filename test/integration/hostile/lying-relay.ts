import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import {
  bundleForDeno,
  startRelay,
  type RelayProcess,
  type RelayProcessOptions,
} from '../../support/relay-process.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A change to the relay's own source: `find` must stand in the file exactly once. */
export interface Lie {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Starts the real relay with some lines changed: a server that does what no honest one does. */
export async function startLyingRelay(
  name: string,
  lies: readonly Lie[],
  options: Omit<RelayProcessOptions, 'bundle'> = {},
): Promise<RelayProcess> {
  const bundle = join(root, `dist/test/hostile/${name}.js`);
  const told = new Set<Lie>();
  const change: Plugin = {
    name: 'lies',
    setup(setting) {
      setting.onLoad({ filter: /\/server\/.*\.ts$/ }, ({ path }) => {
        let contents = readFileSync(path, 'utf8');
        for (const lie of lies.filter(({ file }) => path.endsWith(file))) {
          if (contents.split(lie.find).length !== 2)
            throw new Error(`${lie.file} does not hold exactly once: ${lie.find}`);
          contents = contents.replace(lie.find, () => lie.replace);
          told.add(lie);
        }
        return { contents, loader: 'ts' };
      });
    },
  };
  await bundleForDeno('server/cli.ts', bundle, ['server'], [change]);
  if (told.size !== lies.length) throw new Error('a lie found no file');
  return startRelay({ ...options, bundle });
}
