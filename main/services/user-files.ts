import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createMutex, systemClock, type Clock } from '../../core/base/async.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import { createDisposableStore, toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { UserFile, UserFileContent } from '../../core/base/rpc/host-contract.ts';
import { isMissing, writeFileAtomically } from './atomic-file.ts';

/** The files a person may edit by hand: JSON with comments, kept exactly as written. */
export interface UserFiles extends Disposable {
  read(name: UserFile): Promise<UserFileContent>;
  write(name: UserFile, text: string): Promise<UserFileContent>;
  /** A file was changed by somebody else. */
  readonly onDidChange: Event<UserFileContent & { readonly name: UserFile }>;
}

const NAMES: readonly UserFile[] = ['settings', 'keybindings'];
const MAX_BYTES = 1024 * 1024;
/** Editors write in several steps; the file is read when they are through. */
const SETTLE_MS = 100;

/** Opens the files of a profile folder and watches them. */
export async function openUserFiles(folder: string, clock: Clock = systemClock): Promise<UserFiles> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const store = createDisposableStore();
  const changed = store.add(createEmitter<UserFileContent & { readonly name: UserFile }>());
  const mutex = createMutex();
  const known = new Map<UserFile, string>();
  const load = async (name: UserFile): Promise<UserFileContent> => {
    const text = await readText(join(folder, `${name}.json`));
    return { text, revision: revisionOf(text) };
  };
  for (const name of NAMES)
    known.set(
      name,
      await load(name).then(
        (content) => content.revision,
        () => '',
      ),
    );

  const look = (): void => {
    void mutex.run(async () => {
      for (const name of NAMES) {
        if (store.isDisposed) return;
        try {
          const content = await load(name);
          if (content.revision === known.get(name)) continue;
          known.set(name, content.revision);
          changed.fire({ name, ...content });
        } catch {
          // Unreadable for the moment; the next change or read tells.
        }
      }
    });
  };
  let settling: Disposable | undefined;
  // The folder is watched, not the files: they are replaced by rename and may not exist yet.
  const watcher = watch(folder, { persistent: false }, (_event, file) => {
    if (file !== null && !NAMES.some((name) => file === `${name}.json`)) return;
    settling?.dispose();
    settling = clock.setTimer(SETTLE_MS, look);
  });
  watcher.on('error', () => watcher.close());
  store.add(
    toDisposable(() => {
      settling?.dispose();
      watcher.close();
    }),
  );

  return {
    read: (name) =>
      mutex.run(async () => {
        const content = await load(name);
        known.set(name, content.revision);
        return content;
      }),
    write: (name, text) =>
      mutex.run(async () => {
        if (Buffer.byteLength(text) > MAX_BYTES)
          throw new CodedError('file_too_large', `The ${name} file would be larger than 1 MB`);
        const revision = revisionOf(text);
        // Before the write: the watcher may look at any moment after it.
        known.set(name, revision);
        await writeFileAtomically(join(folder, `${name}.json`), text);
        return { text, revision };
      }),
    onDidChange: changed.event,
    dispose: () => store.dispose(),
  };
}

async function readText(path: string): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (size > MAX_BYTES)
      throw new CodedError('file_too_large', 'The file in the profile folder is larger than 1 MB');
    const text = await file.readFile('utf8');
    return text.startsWith('\uFEFF') ? text.slice(1) : text;
  } finally {
    await file.close();
  }
}

function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
