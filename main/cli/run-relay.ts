import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CodedError } from '../../core/base/coded-error.ts';
import { denoBinary, denoPermissions } from '../services/relay-launcher.ts';

/**
 * Runs the relay in the foreground with the same permissions as the workbench gives it.
 *
 * @param args options of the relay; `--data` and `--config` also decide what it may read and write
 * @returns the exit code
 */
export async function runRelay(args: readonly string[], dist: string): Promise<number> {
  const binary = denoBinary(join(dist, '..', 'node_modules'));
  if ('reason' in binary) throw new CodedError('relay_unavailable', binary.reason);
  const script = join(dist, 'relay', 'relay.js');
  const dataFolder = resolve(optionValue(args, '--data') ?? 'conclave-relay');
  const config = optionValue(args, '--config');
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const rest = withoutOption(args, '--data');
  const child = spawn(
    binary.path,
    [
      'run',
      ...denoPermissions({
        script,
        dataFolder,
        read: config === undefined ? [] : [dirname(resolve(config))],
        environment: ['CONCLAVE_*', 'AURA_*'],
      }),
      script,
      '--data',
      dataFolder,
      ...rest,
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, DENO_NO_UPDATE_CHECK: '1', DENO_NO_PACKAGE_JSON: '1' },
    },
  );
  // The terminal sends Ctrl+C to the relay as well; this process waits for its orderly end.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  const forward = (): void => void child.kill('SIGTERM');
  process.on('SIGTERM', forward);
  return new Promise((resolveCode, reject) => {
    child.once('error', () =>
      reject(new CodedError('relay_unavailable', 'The Deno program could not be started')),
    );
    child.once('close', (code, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
      resolveCode(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

function optionValue(args: readonly string[], name: string): string | undefined {
  const index = args.indexOf(name);
  if (index >= 0) return args[index + 1];
  return args.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1);
}

function withoutOption(args: readonly string[], name: string): readonly string[] {
  return args.filter(
    (text, index) => text !== name && args[index - 1] !== name && !text.startsWith(`${name}=`),
  );
}
