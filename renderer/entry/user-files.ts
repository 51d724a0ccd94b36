import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import type { ConfigurationService } from '../platform/configuration.ts';
import type { HostService } from '../platform/host-service.ts';
import type { KeybindingService } from '../platform/keybindings.ts';
import { localize } from '../platform/nls.ts';
import type { NotificationService } from '../platform/notifications.ts';

/** Reads the settings and keybindings files, follows edits made elsewhere, and tells what is wrong in them. */
export async function connectUserFiles(options: {
  readonly host: HostService;
  readonly configuration: ConfigurationService;
  readonly keybindings: KeybindingService;
  readonly notifications: NotificationService;
}): Promise<Disposable> {
  const { host, configuration, keybindings, notifications } = options;
  const store = createDisposableStore();
  const takeKeybindings = (text: string): void => {
    const problems = keybindings.setUserText(text);
    for (const problem of problems.slice(0, 3))
      notifications.warn(localize('keybindings.problem', { problem: problem.message }));
  };
  const [settings, keys] = await Promise.all([
    host.call('userFile.read', { name: 'settings' }),
    host.call('userFile.read', { name: 'keybindings' }),
  ]);
  configuration.setUserText(settings.text);
  takeKeybindings(keys.text);
  store.add(
    host.on('userFile.changed')(({ name, text }) => {
      if (name === 'settings') {
        if (text !== configuration.userText) configuration.setUserText(text);
      } else takeKeybindings(text);
    }),
  );
  let told = '';
  store.add(
    configuration.onDidChangeProblems(() => {
      const problem = configuration.problems[0]?.message ?? '';
      if (problem !== '' && problem !== told) notifications.warn(localize('settings.problem', { problem }));
      told = problem;
    }),
  );
  return store;
}
