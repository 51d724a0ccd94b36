import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../../core/base/coded-error.ts';
import { array, boolean, integer, object, parse, string, type Infer } from '../../core/base/schema.ts';

/** A file the page may load. */
export interface ServedFile {
  readonly path: string;
  readonly type: string;
  readonly contents: Uint8Array<ArrayBuffer>;
}

/** The files of the build, and nothing else. */
export interface ServedFiles {
  /** `undefined` for anything the build did not make. `/` is the page. */
  read(path: string): Promise<ServedFile | undefined>;
}

const manifestSchema = object({
  format: integer({ min: 1, max: 1 }),
  version: string({ min: 1, max: 64 }),
  release: boolean,
  files: array(
    object({
      path: string({ min: 2, max: 512, pattern: /^(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/ }),
      type: string({ min: 3, max: 64 }),
      bytes: integer({ max: 256 * 1024 * 1024 }),
      sha256: string({ min: 64, max: 64, pattern: /^[0-9a-f]{64}$/ }),
    }),
    { max: 4096 },
  ),
});

/** The build's own list. */
export type BuildManifest = Infer<typeof manifestSchema>;

/**
 * Reads the build manifest.
 * @throws CodedError `build_missing`
 */
export async function readBuildManifest(dist: string): Promise<BuildManifest> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(join(dist, 'build-manifest.json'), 'utf8'));
  } catch {
    throw new CodedError('build_missing', 'The program is not built. Run "npm run build".');
  }
  const parsed = parse(manifestSchema, json);
  if (!parsed.ok)
    throw new CodedError(
      'build_missing',
      `The build manifest is damaged (${parsed.error.path}). Run "npm run build".`,
    );
  return parsed.value;
}

/**
 * Serves by allow-list: a path is looked up in the manifest, never joined from what was asked. A release
 * checks every file's SHA-256, so a file changed after the build is not served; while developing the watcher
 * replaces files at any time and the list is read again instead.
 */
export function createServedFiles(dist: string, manifest: BuildManifest): ServedFiles {
  let files = new Map(manifest.files.map((file) => [file.path, file]));
  return {
    async read(asked) {
      const path = asked === '/' ? '/index.html' : asked;
      if (!manifest.release && !files.has(path))
        files = new Map((await readBuildManifest(dist)).files.map((file) => [file.path, file]));
      const file = files.get(path);
      if (!file) return undefined;
      try {
        const contents = new Uint8Array(await readFile(join(dist, 'workbench', ...path.slice(1).split('/'))));
        if (manifest.release && createHash('sha256').update(contents).digest('hex') !== file.sha256)
          return undefined;
        return { path, type: file.type, contents };
      } catch {
        return undefined;
      }
    },
  };
}
