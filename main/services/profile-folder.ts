import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath, rm, rmdir, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { CodedError } from '../../core/base/coded-error.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import { toDisposable, type Disposable } from '../../core/base/disposable.ts';

/** The folder everything personal lives in. */
export interface ProfileFolder extends Disposable {
  readonly path: string;
  /** The local socket that stands for the lock. */
  readonly lockAddress: string;
  /** Somebody started the program again on this profile and handed over its links. */
  readonly onSecondInstance: Event<readonly string[]>;
}

/** Thrown when somebody else could change the profile or answer in its place. */
export const PROFILE_UNSAFE = 'profile_unsafe';
/** Thrown when another process holds the profile; the links given have reached it. */
export const PROFILE_IN_USE = 'profile_in_use';

const MAX_MESSAGE_BYTES = 16 * 1024;
/** Longer than taking over an abandoned lock ever takes. */
const TAKEOVER_MS = 10_000;

/**
 * Where a profile lives when nobody says otherwise: the XDG base directory specification on Linux, the
 * platform's own convention elsewhere.
 */
export function defaultProfilePath(
  platform: NodeJS.Platform = process.platform,
  environment: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Conclave');
  if (platform === 'win32')
    return join(environment['APPDATA'] ?? join(home, 'AppData', 'Roaming'), 'Conclave');
  const configured = environment['XDG_CONFIG_HOME'];
  // The specification: relative paths are invalid and must be ignored.
  return join(configured?.startsWith('/') ? configured : join(home, '.config'), 'conclave');
}

/**
 * Takes the profile for this process. The lock is a local socket, so it goes away with the process however
 * that ends, and a second start can hand its links to the first.
 *
 * @throws CodedError {@link PROFILE_IN_USE} when another process has it, {@link PROFILE_UNSAFE}
 */
export async function openProfileFolder(options: {
  readonly path?: string | undefined;
  /** Handed to the process that holds the profile, if one does. */
  readonly links?: readonly string[];
}): Promise<ProfileFolder> {
  const wanted = resolve(options.path ?? defaultProfilePath());
  await mkdir(wanted, { recursive: true, mode: 0o700 });
  // One lock for one folder, whichever way it was named: two owners would use the stored keys twice.
  const path = await realpath(wanted);
  await requireOwnFolder(path);
  const address = await socketAddress(path);
  const secondInstance = createEmitter<readonly string[]>();
  const server = createServer({ pauseOnConnect: false }, (socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_MESSAGE_BYTES) socket.destroy();
    });
    socket.on('end', () => {
      secondInstance.fire(text.split('\n').filter((line) => line !== ''));
      socket.end();
    });
  });
  if (!(await listen(server, address)))
    // Perhaps nobody is behind it: left by a process that was killed. Only one process may find that out at a
    // time, or the second would remove the fresh lock of the first.
    await withGuard(`${address}.taking`, async () => {
      if (await handOver(address, options.links ?? []))
        throw new CodedError(
          PROFILE_IN_USE,
          'Conclave already runs with this profile. Use its window, or start with --profile <folder>.',
        );
      await rm(address, { force: true });
      if (!(await listen(server, address))) throw beingStarted();
    });
  server.unref();
  const closing = toDisposable(() => {
    server.close();
    secondInstance.dispose();
  });
  return {
    path,
    lockAddress: address,
    onSecondInstance: secondInstance.event,
    dispose: () => closing.dispose(),
  };
}

function beingStarted(): CodedError {
  return new CodedError(
    PROFILE_IN_USE,
    'Conclave is just being started with this profile by another process.',
  );
}

/** Runs a section that only one process may be in; a folder is made by exactly one of them. */
async function withGuard(guard: string, section: () => Promise<void>): Promise<void> {
  const enter = (): Promise<boolean> =>
    mkdir(guard, { mode: 0o700 }).then(
      () => true,
      () => false,
    );
  if (!(await enter())) {
    const since = await stat(guard).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - since > TAKEOVER_MS) await rmdir(guard).catch(() => {});
    if (!(await enter())) throw beingStarted();
  }
  try {
    await section();
  } finally {
    await rmdir(guard).catch(() => {});
  }
}

/** Whoever can write to the folder can exchange what is in it, for instance put back an older state. */
async function requireOwnFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { uid, mode } = await stat(path);
  const self = userInfo().uid;
  if ((uid !== self && self !== 0) || (mode & 0o002) !== 0)
    throw new CodedError(
      PROFILE_UNSAFE,
      'Other people on this computer can change the profile folder. Make it yours alone (chmod 700), or choose another with --profile <folder>.',
    );
}

/** A short path (108 bytes is the limit on Linux, 104 on macOS) that only this user can reach. */
async function socketAddress(profile: string): Promise<string> {
  const name = createHash('sha256').update(profile).digest('hex').slice(0, 32);
  if (process.platform === 'win32') return `\\\\.\\pipe\\conclave-${name}`;
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const folder = runtime?.startsWith('/')
    ? join(runtime, 'conclave')
    : join(tmpdir(), `conclave-${userInfo().uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // In a shared temporary folder somebody else may have made it first, to receive the links or to stand in
  // for the running program.
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== userInfo().uid)
    throw new CodedError(
      PROFILE_UNSAFE,
      `${folder} belongs to somebody else, so the profile cannot be locked. Remove it, or set XDG_RUNTIME_DIR.`,
    );
  if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700);
  return join(folder, `${name}.sock`);
}

function listen(server: Server, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off('listening', onListening);
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    const onListening = (): void => {
      server.off('error', onError);
      resolve(true);
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen(address);
  });
}

/** Gives links to the process behind a socket; false when there is none. */
function handOver(address: string, links: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(address);
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.end(links.join('\n')));
    // The data must be consumed for the end to be seen.
    socket.resume();
    socket.once('close', (hadError) => {
      if (!hadError) resolve(true);
    });
  });
}
