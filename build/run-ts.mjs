// @ts-check
/**
 * Runs one TypeScript program of this repository in Node:
 *
 *   node build/run-ts.mjs [--build] <file.ts> [arguments]
 *
 * `--build` brings `dist` up to date first. The program is bundled to a temporary file, packages stay in
 * node_modules, and `import.meta.url` keeps meaning the source file.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuild, ensureDependencies, fail } from './ensure.mjs';
import { root } from './paths.mjs';

const args = process.argv.slice(2);
const needsBuild = args[0] === '--build';
if (needsBuild) args.shift();
const file = args.shift();
if (!file) fail('Usage: node build/run-ts.mjs [--build] <file.ts> [arguments]');

await ensureDependencies();
if (needsBuild) await ensureBuild();
const esbuild = await import('esbuild');

const folder = join(root, 'node_modules/.cache/conclave');
mkdirSync(folder, { recursive: true });
const bundle = join(folder, `run-${process.pid}.mjs`);
try {
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [resolve(file)],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
    tsconfigRaw: {
      compilerOptions: { target: 'ES2023', useDefineForClassFields: false, verbatimModuleSyntax: true },
    },
    plugins: [
      {
        name: 'import-meta',
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, (source) => {
            const text = readFileSync(source.path, 'utf8');
            if (!text.includes('import.meta.url')) return undefined;
            const url = JSON.stringify(pathToFileURL(source.path).href);
            return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
          });
        },
      },
    ],
  });
} catch {
  process.exit(1);
}

const child = spawn(process.execPath, ['--enable-source-maps', bundle, ...args], { stdio: 'inherit' });
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  rmSync(bundle, { force: true });
  process.exit(signal ? 1 : (code ?? 1));
});
