// @ts-check
/** Where things are, for the build scripts. Runs on Node alone, before anything is installed. */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** The root of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');
/** Everything the build makes. */
export const dist = join(root, 'dist');
/** What the hosts serve: the path of a file below it is its path in the address. */
export const workbenchDist = join(dist, 'workbench');
/** The list of what the build made; the hosts serve nothing that is not on it. */
export const manifestFile = join(dist, 'build-manifest.json');
