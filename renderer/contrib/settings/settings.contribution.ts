import { createDisposableStore, type Disposable } from '../../../core/base/disposable.ts';
import type { UserFile } from '../../../core/base/rpc/host-contract.ts';
import { localize } from '../../platform/nls.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import './keybindings-element.ts';
import type { KeybindingsElement } from './keybindings-element.ts';
import './settings-element.ts';
import type { SettingsElement } from './settings-element.ts';
import './user-file-element.ts';
import type { UserFileElement } from './user-file-element.ts';

const SETTINGS_VIEW = 'workbench.settings';
const KEYBINDINGS_VIEW = 'workbench.keybindings';
const FILE_VIEW = 'workbench.userFile';

/** The settings form, the list of keyboard shortcuts, and both files as text. */
export async function contributeSettings(services: WorkbenchServices): Promise<Disposable> {
  const store = createDisposableStore();
  const { viewRegistry, commands, keybindings, views } = services;
  const category = localize('category.preferences');

  store.add(
    viewRegistry.registerEditorView({
      id: SETTINGS_VIEW,
      title: localize('settings.title'),
      icon: 'settings-gear',
    }),
  );
  store.add(
    viewRegistry.registerEditorView({
      id: KEYBINDINGS_VIEW,
      title: localize('keybindings.title'),
      icon: 'keyboard',
    }),
  );
  store.add(
    viewRegistry.registerEditorView({ id: FILE_VIEW, title: localize('settings.fileTitle'), icon: 'json' }),
  );
  store.add(
    viewRegistry.registerContent(SETTINGS_VIEW, {
      kind: 'element',
      provider: {
        create() {
          const element = document.createElement('conclave-settings') as SettingsElement;
          element.services = services;
          return element;
        },
      },
    }),
  );
  store.add(
    viewRegistry.registerContent(KEYBINDINGS_VIEW, {
      kind: 'element',
      provider: {
        create() {
          const element = document.createElement('conclave-keybindings') as KeybindingsElement;
          element.services = services;
          return element;
        },
      },
    }),
  );
  store.add(
    viewRegistry.registerContent(FILE_VIEW, {
      kind: 'element',
      provider: {
        create(host) {
          const element = document.createElement('conclave-user-file') as UserFileElement;
          element.services = services;
          element.file = host.input?.key === 'keybindings' ? 'keybindings' : 'settings';
          return element;
        },
      },
    }),
  );

  const openFile = (file: UserFile, title: string) => () => views.openEditor(FILE_VIEW, { key: file, title });
  store.add(
    commands.register(
      {
        id: 'workbench.action.openSettings',
        title: localize('command.openSettings'),
        category,
        public: true,
      },
      () => views.openEditor(SETTINGS_VIEW, { key: 'settings', title: localize('settings.title') }),
    ),
  );
  store.add(
    commands.register(
      {
        id: 'workbench.action.openKeybindings',
        title: localize('command.openKeybindings'),
        category,
        public: true,
      },
      () => views.openEditor(KEYBINDINGS_VIEW, { key: 'keybindings', title: localize('keybindings.title') }),
    ),
  );
  store.add(
    commands.register(
      { id: 'workbench.action.openSettingsFile', title: localize('command.openSettingsFile'), category },
      openFile('settings', localize('settings.fileTitle')),
    ),
  );
  store.add(
    commands.register(
      {
        id: 'workbench.action.openKeybindingsFile',
        title: localize('command.openKeybindingsFile'),
        category,
      },
      openFile('keybindings', localize('settings.keybindingsFileTitle')),
    ),
  );
  store.add(
    keybindings.register([
      { key: 'mod+,', command: 'workbench.action.openSettings' },
      { key: 'mod+k mod+s', command: 'workbench.action.openKeybindings' },
    ]),
  );
  return store;
}
