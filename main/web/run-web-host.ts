import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { CodedError } from '../../core/base/coded-error.ts';
import { openHostServices } from '../services/host-services.ts';
import { openProfileFolder } from '../services/profile-folder.ts';
import { ARGUMENT_HELP, parseProgramArguments } from '../services/program-arguments.ts';
import { createServedFiles, readBuildManifest } from '../services/served-files.ts';
import { openUiStateFile } from '../services/ui-state.ts';
import { createFallbackTunnels } from './fallback-tunnels.ts';
import { startWebHost } from './web-host.ts';

/** What opens a link on each platform, where it is not xdg-open. */
const OPENERS: Readonly<Record<string, { readonly program: string; readonly args: readonly string[] }>> = {
  darwin: { program: 'open', args: [] },
  win32: { program: 'rundll32', args: ['url.dll,FileProtocolHandler'] },
};
/** Longest wait for the relay and the log when ending. */
const CLOSE_MS = 8_000;

/**
 * The web host as a program: prints one line of JSON, `{"url": ..., "port": ..., "profile": ...}`, when the
 * page can be opened, and runs until it gets SIGINT, SIGTERM or, with `--exit-with-parent`, the end of its
 * input.
 *
 * @param dist the build's `dist` folder
 */
export async function runWebHost(args: readonly string[], dist: string): Promise<void> {
  const exitWithParent = args.includes('--exit-with-parent');
  const options = parseProgramArguments(args.filter((text) => text !== '--exit-with-parent'));
  if (options.help) {
    process.stdout.write(`Usage: conclave serve [options]\n${ARGUMENT_HELP}\n`);
    return;
  }
  const manifest = await readBuildManifest(dist);
  const profile = await openProfileFolder({ path: options.profile, links: options.links });
  const tunnels = createFallbackTunnels();
  const services = await openHostServices({
    kind: 'web',
    version: manifest.version,
    diagnostics: options.diagnostics,
    profile: profile.path,
    relay: { script: join(dist, 'relay', 'relay.js'), packages: join(dist, '..', 'node_modules') },
    uiState: await openUiStateFile(join(profile.path, 'ui-state.json')),
    openExternal,
    prepareFallback: tunnels.prepare,
  });
  for (const link of options.links) services.receiveLink(link);
  profile.onSecondInstance((links) => links.forEach((link) => services.receiveLink(link)));
  const host = await startWebHost({
    services,
    files: createServedFiles(dist, manifest),
    tunnels,
    port: options.port,
  });

  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    setTimeout(() => process.exit(1), CLOSE_MS).unref();
    void host
      .close()
      .then(() => services.close())
      .finally(() => {
        profile.dispose();
        process.exit(0);
      });
  };
  process.once('SIGINT', close);
  process.once('SIGTERM', close);
  if (exitWithParent) process.stdin.on('end', close).on('error', close).resume();
  process.stdout.write(`${JSON.stringify({ url: host.url, port: host.port, profile: profile.path })}\n`);
}

/** Hands a checked link to the desktop's own opener; the link is an argument, never part of a shell line. */
function openExternal(url: URL): Promise<void> {
  const { program, args } = OPENERS[process.platform] ?? { program: 'xdg-open', args: [] };
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, url.href], { stdio: 'ignore', detached: true });
    child.once('error', () =>
      reject(new CodedError('link_failed', 'There is no program to open links with. Copy the link instead.')),
    );
    child.once('spawn', () => {
      child.unref();
      resolve();
    });
  });
}
