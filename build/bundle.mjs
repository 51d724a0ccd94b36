// @ts-check
/**
 * Bundles every part of the program with esbuild.
 *
 *   node build/bundle.mjs [--watch] [--release] [--only=<target>[,<target>]]
 *
 * Targets: workbench, workers, worklets, assets, relay, main. A development build skips entry points that do
 * not exist; a release build fails on them, is minified and depends on nothing but the sources.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { dist, manifestFile, root, workbenchDist } from './paths.mjs';
import { nodePrefix, WEBTRANSPORT_PACKAGE_DEFINES, webtransportPackage } from './webtransport-package.mjs';

/**
 * @typedef {object} Bundle
 * @property {string} target the name `--only` knows it by
 * @property {Readonly<Record<string, string>>} entries output path below `dist` without extension, to source
 * @property {esbuild.BuildOptions} options
 */

/** Bytes each release bundle may have: about a third above today's size, so growth is a decision. */
const SIZE_LIMITS = /** @type {const} */ ({
  'workbench/workbench.js': 2_000_000,
  'workbench/session.worker.js': 1_000_000,
  'workbench/media.worker.js': 1_000_000,
  'workbench/extension-runtime.js': 48_000,
  'workbench/worklets/capture.js': 32_000,
  'workbench/worklets/playback.js': 32_000,
  'relay/relay.js': 2_000_000,
  'main/electron.cjs': 1_500_000,
  'main/preload.cjs': 16_000,
  'main/serve.js': 1_000_000,
  'main/cli.js': 1_500_000,
});

/** Files copied as they are: destination below `dist`, to source. */
const ASSETS = /** @type {const} */ ({
  'workbench/index.html': 'renderer/entry/index.html',
  'workbench/icon.svg': 'renderer/entry/icon.svg',
  'workbench/codicon.ttf': 'node_modules/@vscode/codicons/dist/codicon.ttf',
  'workbench/wasm/opus-simd.wasm': 'node_modules/@evan/opus/wasm/simd.wasm',
  'workbench/wasm/opus.wasm': 'node_modules/@evan/opus/wasm/opus.wasm',
  'workbench/wasm/rnnoise.wasm': 'node_modules/@jitsi/rnnoise-wasm/dist/rnnoise.wasm',
});

const MIME_TYPES = /** @type {const} */ ({
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.wasm': 'application/wasm',
  '.ttf': 'font/ttf',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wav': 'audio/wav',
  '.opus': 'audio/ogg',
});

/** CommonJS packages call `require` for Node's own modules, which an ES module does not have by itself. */
const REQUIRE_BANNER =
  "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);";

/** Packages with native parts, found at run time in node_modules. */
const NATIVE_PACKAGES = [
  'electron',
  'keytar',
  'uiohook-napi',
  'deno',
  'esbuild',
  'bufferutil',
  'utf-8-validate',
];

/** Folders below `extensions/` that hold a manifest. @returns {Promise<readonly string[]>} */
async function extensionIds() {
  const folder = join(root, 'extensions');
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'package.json')))
    .map((entry) => entry.name)
    .sort();
}

/** @param {string} id @returns {Promise<boolean>} whether an extension asks for the sandboxed runtime */
async function isSandboxed(id) {
  const manifest = JSON.parse(await readFile(join(root, 'extensions', id, 'package.json'), 'utf8'));
  return manifest.runtime === 'sandboxed';
}

/**
 * Everything there is to bundle.
 * @param {boolean} release
 * @returns {Promise<readonly Bundle[]>}
 */
async function bundles(release) {
  /** @type {esbuild.BuildOptions} */
  const common = {
    absWorkingDir: root,
    bundle: true,
    charset: 'utf8',
    legalComments: release ? 'linked' : 'none',
    logLevel: 'silent',
    metafile: true,
    minify: release,
    outdir: dist,
    sourcemap: release ? false : 'linked',
    target: 'es2023',
    tsconfigRaw: {
      compilerOptions: { target: 'ES2023', useDefineForClassFields: false, verbatimModuleSyntax: true },
    },
  };
  /** @type {esbuild.BuildOptions} */
  const browser = {
    ...common,
    format: 'esm',
    platform: 'browser',
    loader: { '.svg': 'text', '.ttf': 'empty' },
  };
  /** @type {esbuild.BuildOptions} */
  const nodeModule = {
    ...common,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: REQUIRE_BANNER },
    external: NATIVE_PACKAGES,
    plugins: [nodePrefix],
  };
  const nodeScript = /** @type {esbuild.BuildOptions} */ ({
    ...common,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    external: NATIVE_PACKAGES,
    outExtension: { '.js': '.cjs' },
  });

  /** @type {Record<string, string>} */
  const page = { 'workbench/workbench': 'renderer/entry/workbench.ts' };
  /** @type {Record<string, string>} */
  const sandboxed = {};
  for (const id of await extensionIds()) {
    const main = `extensions/${id}/main.ts`;
    if (!existsSync(join(root, main))) continue;
    ((await isSandboxed(id)) ? sandboxed : page)[`workbench/extensions/${id}/main`] = main;
  }
  return [
    {
      // The page and the built-in extensions share chunks, so that there is one Lit: a second copy could not
      // create its Trusted Types policy again.
      target: 'workbench',
      entries: page,
      options: { ...browser, splitting: true, chunkNames: 'workbench/chunks/[hash]' },
    },
    {
      target: 'workers',
      entries: {
        'workbench/session.worker': 'core/workers/session.worker.ts',
        'workbench/media.worker': 'core/workers/media.worker.ts',
      },
      options: {
        ...browser,
        external: ['node:*'],
        plugins: [webtransportPackage],
        define: WEBTRANSPORT_PACKAGE_DEFINES,
      },
    },
    {
      // A classic script without imports, since the sandbox can load nothing else.
      target: 'workers',
      entries: { 'workbench/extension-runtime': 'renderer/exthost/sandbox/worker/extension-runtime.ts' },
      options: { ...browser, format: 'iife', sourcemap: false },
    },
    {
      // Sandboxed extensions are one CommonJS script each.
      target: 'workbench',
      entries: sandboxed,
      options: { ...browser, format: 'cjs', sourcemap: false },
    },
    {
      target: 'worklets',
      entries: {
        'workbench/worklets/capture': 'renderer/audio/worklets/capture.worklet.ts',
        'workbench/worklets/playback': 'renderer/audio/worklets/playback.worklet.ts',
      },
      options: browser,
    },
    {
      target: 'relay',
      entries: { 'relay/relay': 'server/cli.ts' },
      options: {
        ...nodeModule,
        plugins: [nodePrefix, webtransportPackage],
        define: WEBTRANSPORT_PACKAGE_DEFINES,
      },
    },
    {
      target: 'main',
      entries: { 'main/serve': 'main/web/serve.ts', 'main/cli': 'main/cli/cli.ts' },
      options: nodeModule,
    },
    {
      target: 'main',
      entries: { 'main/electron': 'main/electron/main.ts', 'main/preload': 'main/preload/preload.ts' },
      options: nodeScript,
    },
  ];
}

/**
 * Splits a bundle's entries into those whose source exists and those still missing.
 * @param {Bundle} bundle
 */
function present(bundle) {
  /** @type {Record<string, string>} */
  const found = {};
  /** @type {string[]} */
  const missing = [];
  for (const [output, source] of Object.entries(bundle.entries))
    if (existsSync(join(root, source))) found[output] = source;
    else missing.push(source);
  return { found, missing };
}

/**
 * Copies the fixed assets and the extensions' data files.
 * @returns {Promise<readonly string[]>} sources that are missing
 */
async function copyAssets() {
  /** @type {string[]} */
  const missing = [];
  /** @type {[string, string][]} */
  const copies = Object.entries(ASSETS);
  const ids = await extensionIds();
  for (const id of ids)
    for (const file of await filesBelow(join(root, 'extensions', id))) {
      const kind = extname(file);
      const name = relative(join(root, 'extensions', id), file)
        .split(sep)
        .join('/');
      if (kind in MIME_TYPES && kind !== '.html' && kind !== '.js' && name !== 'tsconfig.json')
        copies.push([`workbench/extensions/${id}/${name}`, relative(root, file)]);
    }
  for (const [destination, source] of copies) {
    const from = join(root, source);
    if (!existsSync(from)) {
      missing.push(source);
      continue;
    }
    const to = join(dist, destination);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
  }
  await mkdir(join(workbenchDist, 'extensions'), { recursive: true });
  await writeFile(join(workbenchDist, 'extensions/index.json'), `${JSON.stringify(ids)}\n`);
  return missing;
}

/**
 * Every file below a folder, sorted.
 * @param {string} folder
 * @returns {Promise<readonly string[]>}
 */
async function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * Removes chunks of earlier builds.
 * @param {esbuild.Metafile} metafile
 */
async function removeOldChunks(metafile) {
  const current = new Set(Object.keys(metafile.outputs).map((path) => join(root, path)));
  for (const file of await filesBelow(join(workbenchDist, 'chunks'))) if (!current.has(file)) await rm(file);
}

/**
 * Lists what the hosts may serve, with hashes.
 * @param {boolean} release
 */
async function writeManifest(release) {
  const files = [];
  for (const file of await filesBelow(workbenchDist)) {
    const type = MIME_TYPES[/** @type {keyof typeof MIME_TYPES} */ (extname(file))];
    if (!type) continue;
    const contents = await readFile(file);
    files.push({
      path: `/${relative(workbenchDist, file).split(sep).join('/')}`,
      type,
      bytes: contents.length,
      sha256: createHash('sha256').update(contents).digest('hex'),
    });
  }
  const { version } = /** @type {{ version: string }} */ (
    JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  );
  // By rename: a host may read it at any moment.
  await writeFile(
    `${manifestFile}.new`,
    `${JSON.stringify({ format: 1, version, release, files }, undefined, 1)}\n`,
  );
  await rename(`${manifestFile}.new`, manifestFile);
}

/** @returns {Promise<readonly string[]>} one sentence per bundle that is too large */
async function oversized() {
  const problems = [];
  for (const [name, limit] of Object.entries(SIZE_LIMITS)) {
    const file = join(dist, name);
    if (!existsSync(file)) continue;
    const { size } = await stat(file);
    if (size > limit)
      problems.push(`dist/${name} has ${size} bytes, the limit is ${limit} (build/bundle.mjs)`);
  }
  return problems;
}

/** @param {readonly esbuild.Message[]} messages @param {'error' | 'warning'} kind */
async function report(messages, kind) {
  const lines = await esbuild.formatMessages([...messages], { kind, color: process.stderr.isTTY ?? false });
  for (const line of lines) process.stderr.write(line);
}

/**
 * Builds once.
 * @param {{ readonly release?: boolean, readonly only?: readonly string[], readonly quiet?: boolean }} [options]
 * @returns {Promise<boolean>} whether everything was built
 */
export async function build(options = {}) {
  const { release = false, only, quiet = false } = options;
  const wanted = (/** @type {string} */ target) => !only || only.includes(target);
  const started = performance.now();
  const say = (/** @type {string} */ line) => {
    if (!quiet) process.stdout.write(`${line}\n`);
  };
  let ok = true;
  /** @type {string[]} */
  const missing = [];
  if (release && !only) await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  if (wanted('assets')) missing.push(...(await copyAssets()));
  const work = (await bundles(release))
    .filter((bundle) => wanted(bundle.target))
    .map(async (bundle) => {
      const { found, missing: absent } = present(bundle);
      missing.push(...absent);
      if (Object.keys(found).length === 0) return;
      try {
        const result = await esbuild.build({ ...bundle.options, entryPoints: found });
        await report(result.warnings, 'warning');
        if (bundle.options.splitting && result.metafile) await removeOldChunks(result.metafile);
      } catch (error) {
        ok = false;
        if (error instanceof Error && 'errors' in error)
          await report(/** @type {esbuild.BuildFailure} */ (error).errors, 'error');
        else throw error;
      }
    });
  await Promise.all(work);
  for (const source of missing.sort()) say(`${release ? 'Missing' : 'Skipped, not there yet'}: ${source}`);
  if (release && missing.length > 0) ok = false;
  if (release)
    for (const problem of await oversized()) {
      process.stderr.write(`${problem}\n`);
      ok = false;
    }
  await writeManifest(release);
  say(`${ok ? 'Built' : 'Build failed'} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return ok;
}

/**
 * Builds and keeps building as sources change, until the process ends.
 * @param {{ readonly only?: readonly string[] }} options
 */
async function watch({ only }) {
  const wanted = (/** @type {string} */ target) => !only || only.includes(target);
  /** @type {Map<number, { readonly context: esbuild.BuildContext, readonly key: string }>} */
  const running = new Map();
  let assetState = '';
  let manifestTimer = /** @type {NodeJS.Timeout | undefined} */ (undefined);
  const refreshManifest = () => {
    clearTimeout(manifestTimer);
    manifestTimer = setTimeout(() => void writeManifest(false), 50);
  };
  const rescan = async () => {
    for (const [index, bundle] of (await bundles(false)).entries()) {
      if (!wanted(bundle.target)) continue;
      const { found } = present(bundle);
      const key = JSON.stringify(found);
      if (running.get(index)?.key === key || Object.keys(found).length === 0) continue;
      await running.get(index)?.context.dispose();
      let started = 0;
      const context = await esbuild.context({
        ...bundle.options,
        entryPoints: found,
        plugins: [
          ...(bundle.options.plugins ?? []),
          {
            name: 'report',
            setup(build) {
              build.onStart(() => {
                started = performance.now();
              });
              build.onEnd(async (result) => {
                await report(result.errors, 'error');
                await report(result.warnings, 'warning');
                if (bundle.options.splitting && result.metafile) await removeOldChunks(result.metafile);
                refreshManifest();
                const names = Object.keys(found).join(', ');
                process.stdout.write(
                  `${result.errors.length > 0 ? 'Failed' : 'Built'} ${names} in ${Math.round(performance.now() - started)} ms\n`,
                );
              });
            },
          },
        ],
      });
      running.set(index, { context, key });
      await context.watch();
    }
    if (wanted('assets')) {
      const sources = [...Object.values(ASSETS).map((file) => join(root, file))];
      for (const id of await extensionIds())
        sources.push(...(await filesBelow(join(root, 'extensions', id))));
      const times = await Promise.all(
        sources.map(async (file) => (existsSync(file) ? `${file}:${(await stat(file)).mtimeMs}` : '')),
      );
      const state = times.join('\n');
      if (state !== assetState) {
        assetState = state;
        await copyAssets();
        refreshManifest();
      }
    }
  };
  await mkdir(dist, { recursive: true });
  await rescan();
  process.stdout.write('Watching for changes. Ctrl+C ends it.\n');
  for (;;) {
    // New entry points and assets are looked for; sources already known are watched by esbuild.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await rescan();
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const flags = process.argv.slice(2);
  const unknown = flags.find((flag) => !/^(--watch|--release|--only=.+)$/.test(flag));
  if (unknown) {
    process.stderr.write(`Unknown option ${unknown}. Known: --watch --release --only=<target>[,<target>]\n`);
    process.exit(2);
  }
  const list = flags.find((flag) => flag.startsWith('--only='))?.slice('--only='.length);
  const only = list?.split(',');
  if (flags.includes('--watch')) await watch(only ? { only } : {});
  else if (!(await build({ release: flags.includes('--release'), ...(only ? { only } : {}) })))
    process.exit(1);
}
