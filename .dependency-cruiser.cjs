/**
 * Which part may import which (docs/architecture.md). `build/dependency-rules.test.ts` proves that each rule
 * catches a deliberate violation.
 */

/** Tests, and what exists only for tests, may look everywhere below themselves. */
const TESTS = '(\\.test\\.ts$|/testing/)';

/**
 * @param {string} name
 * @param {string} comment shown with the offending edge
 * @param {object} from
 * @param {object} to
 */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** Only `path` may import the npm package. */
const onlyIn = (package_, path, comment) =>
  forbid(
    `only-there-${package_.replace(/^@/, '').replace(/[^a-z]+/g, '-')}`,
    comment,
    { path: '^(core|server|renderer|main|extensions)/', pathNot: [path, TESTS] },
    { path: [`^${package_}(/|$)`, `node_modules/${package_}(/|$)`] },
  );

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    forbid(
      'core-base-is-the-bottom',
      'core/base imports nothing of ours',
      { path: '^core/base/', pathNot: TESTS },
      { path: '^(core|server|renderer|main|extensions|test|build)/', pathNot: '^core/base/' },
    ),
    forbid(
      'protocol-imports-base',
      'core/protocol imports only core/base: the relay contains it',
      { path: '^core/protocol/', pathNot: TESTS },
      { path: '^(core|server|renderer|main|extensions|test|build)/', pathNot: '^core/(base|protocol)/' },
    ),
    forbid(
      'crypto-imports-base-and-protocol',
      'core/crypto imports only core/base and core/protocol',
      { path: '^core/crypto/', pathNot: TESTS },
      {
        path: '^(core|server|renderer|main|extensions|test|build)/',
        pathNot: '^core/(base|protocol|crypto)/',
      },
    ),
    forbid(
      'media-below-session',
      'core/media imports only core/base, core/protocol and core/crypto',
      { path: '^core/media/', pathNot: TESTS },
      {
        path: '^(core|server|renderer|main|extensions|test|build)/',
        pathNot: '^core/(base|protocol|crypto|media)/',
      },
    ),
    forbid(
      'mls-below-session',
      'core/mls imports only core/base, core/protocol and core/crypto',
      { path: '^core/mls/', pathNot: TESTS },
      {
        path: '^(core|server|renderer|main|extensions|test|build)/',
        pathNot: '^core/(base|protocol|crypto|mls)/',
      },
    ),
    forbid(
      'session-below-workers',
      'core/session does not know the workers it runs in',
      { path: '^core/session/', pathNot: TESTS },
      { path: '^(core/workers|server|renderer|main|extensions|test|build)/' },
    ),
    forbid(
      'core-knows-no-host',
      'core runs in every runtime',
      { path: '^core/', pathNot: TESTS },
      { path: '^(server|renderer|main|extensions|test|build)/' },
    ),
    forbid(
      'relay-cannot-decrypt',
      'server imports only core/base and core/protocol: a relay that cannot import a cipher cannot decrypt',
      { path: '^server/', pathNot: TESTS },
      { path: '^(core|renderer|main|extensions|test|build)/', pathNot: '^core/(base|protocol)/' },
    ),
    forbid(
      'renderer-uses-core-by-contract',
      'the renderer runs no core code but core/base, core/protocol and the workers’ contracts (types from elsewhere are fine)',
      { path: '^renderer/', pathNot: ['^renderer/audio/', TESTS] },
      {
        path: '^core/',
        pathNot: '^core/(base/|protocol/|workers/[^/]+-contract\\.ts$)',
        dependencyTypesNot: ['type-only'],
      },
    ),
    forbid(
      'audio-shares-only-the-ring',
      'renderer/audio may besides share the ring with the media worker',
      { path: '^renderer/audio/', pathNot: TESTS },
      {
        path: '^core/',
        pathNot: '^core/(base/|protocol/|workers/[^/]+-contract\\.ts$|media/audio-ring\\.ts$)',
        dependencyTypesNot: ['type-only'],
      },
    ),
    forbid(
      'renderer-knows-no-host',
      'the renderer reaches the host by the contract in core/base/rpc',
      { path: '^renderer/', pathNot: TESTS },
      { path: '^(main|server|test|build)/' },
    ),
    forbid(
      'renderer-loads-extensions-by-address',
      'the renderer imports the extension API, never an extension',
      { path: '^renderer/', pathNot: TESTS },
      { path: '^extensions/', pathNot: '^extensions/api/' },
    ),
    forbid(
      'main-uses-base-and-protocol',
      'main imports only core/base and core/protocol',
      { path: '^main/', pathNot: TESTS },
      { path: '^(core|server|renderer|extensions|test|build)/', pathNot: '^core/(base|protocol)/' },
    ),
    forbid(
      'hosts-share-by-services',
      'main/electron and main/web share main/services, not each other',
      { path: '^main/electron/' },
      { path: '^main/web/' },
    ),
    forbid(
      'hosts-share-by-services-web',
      'main/electron and main/web share main/services, not each other',
      { path: '^main/web/' },
      { path: '^main/electron/' },
    ),
    forbid(
      'services-know-no-host',
      'main/services knows neither host',
      { path: '^main/services/', pathNot: TESTS },
      { path: '^main/(electron|web|preload|cli)/' },
    ),
    forbid(
      'extensions-use-the-api',
      'an extension imports extensions/api, lit and itself',
      { path: '^extensions/([^/]+)/', pathNot: ['^extensions/api/', TESTS] },
      {
        path: '^(core|server|renderer|main|extensions|test|build)/',
        pathNot: ['^extensions/api/', '^extensions/$1/'],
      },
    ),
    forbid(
      'extensions-use-lit',
      'the only package an extension imports is lit',
      { path: '^extensions/', pathNot: TESTS },
      {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '(^|/)node_modules/(lit|lit-html|lit-element|@lit)(/|$)',
      },
    ),
    forbid(
      'api-stands-alone',
      'the extension API imports nothing',
      { path: '^extensions/api/', pathNot: TESTS },
      { path: '^(core|server|renderer|main|extensions)/', pathNot: '^(extensions/api|core/base)/' },
    ),
    onlyIn('electron', '^main/(electron|preload)/', 'only main/electron and main/preload import electron'),
    onlyIn('electron-store', '^main/electron/', 'only main/electron imports electron-store'),
    onlyIn('dockview', '^renderer/workbench/dock/', 'only renderer/workbench/dock imports dockview'),
    onlyIn('ts-mls', '^core/mls/', 'only core/mls imports ts-mls'),
    onlyIn('@evan/opus', '^core/media/', 'only core/media imports the codecs'),
    onlyIn('@jitsi/rnnoise-wasm', '^core/media/', 'only core/media imports the codecs'),
    onlyIn(
      '@fails-components/webtransport',
      '^(server/transport|core/workers/media)/',
      'only the transports import the fallback',
    ),
    forbid(
      'tests-are-not-shipped',
      'nothing that is shipped imports tests, test support or build scripts',
      { path: '^(core|server|renderer|main|extensions)/', pathNot: TESTS },
      { path: ['^(test|build)/', TESTS] },
    ),
    forbid(
      'no-circles',
      'modules that import each other cannot be understood alone',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    forbid(
      'no-loose-ends',
      'the imported module does not exist',
      {},
      { couldNotResolve: true, pathNot: '^(node|npm|jsr):' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.d.ts'],
    },
  },
};
