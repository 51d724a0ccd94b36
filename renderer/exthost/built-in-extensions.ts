/**
 * The extensions that come with the program, in the order in which they are registered. The build bundles
 * `extensions/<id>/main.ts` to `/extensions/<id>/main.js` next to the manifest.
 */
export const BUILT_IN_EXTENSIONS = ['channels', 'chat', 'voice'] as const;
