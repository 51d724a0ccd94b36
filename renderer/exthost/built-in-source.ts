import { CodedError } from '../../core/base/coded-error.ts';
import { array, parse, string } from '../../core/base/schema.ts';
import type { ExtensionSource } from './extension-service.ts';

const FOLDER = '/extensions';
const indexSchema = array(string({ min: 1, max: 64, pattern: /^[a-z][a-z0-9-]*$/ }), { max: 100 });

/** The extensions the build put next to the page: `/extensions/index.json` names their folders. */
export async function readBuiltInSource(): Promise<ExtensionSource> {
  const parsed = parse(indexSchema, JSON.parse(await fetchText(`${FOLDER}/index.json`)));
  if (!parsed.ok)
    throw new CodedError(
      'extensions_unreadable',
      `The list of extensions is damaged (${parsed.error.path}). Install the program again.`,
    );
  return {
    ids: parsed.value,
    readManifest: (id) => fetchText(`${FOLDER}/${id}/package.json`),
    readScript: (id, main) => fetchText(`${FOLDER}/${id}/${main.replace(/^\.\//, '')}`),
    // Own origin only: the manifest's pattern allows nothing but a path below its folder.
    loadModule: (id, main) => import(new URL(`${FOLDER}/${id}/${main}`, location.origin).href),
  };
}

async function fetchText(path: string): Promise<string> {
  const response = await fetch(path);
  if (!response.ok)
    throw new CodedError('extensions_unreadable', `${path} could not be read (${response.status}).`);
  return await response.text();
}
