import { fileURLToPath } from 'node:url';
import { reportAndExit } from '../services/report-and-exit.ts';
import { ARGUMENT_HELP } from '../services/program-arguments.ts';
import { readBuildManifest } from '../services/served-files.ts';
import { runWebHost } from '../web/run-web-host.ts';
import { runRelay } from './run-relay.ts';

const USAGE = `Usage: conclave <command> [options]

Commands:
  serve      serve the workbench to a browser on this computer
  relay      run a relay in the foreground; all options go to the relay
  version    print the version

${ARGUMENT_HELP}
`;

/** Runs one command. */
async function main(args: readonly string[]): Promise<void> {
  // This file becomes dist/main/cli.js.
  const dist = fileURLToPath(new URL('..', import.meta.url));
  const [command, ...rest] = args;
  switch (command) {
    case 'serve':
      return runWebHost(rest, dist);
    case 'relay':
      process.exitCode = await runRelay(rest, dist);
      return;
    case 'version':
    case '--version':
      process.stdout.write(`${(await readBuildManifest(dist)).version}\n`);
      return;
    case undefined:
    case 'help':
    case '--help':
      process.stdout.write(USAGE);
      return;
    default:
      process.stderr.write(`There is no command "${command}".\n\n${USAGE}`);
      process.exitCode = 2;
  }
}

main(process.argv.slice(2)).catch(reportAndExit);
