import type { Logger } from '../../core/base/log.ts';
import type { Disposable } from '../../core/base/disposable.ts';
import type { RpcClient } from '../../core/base/rpc/rpc.ts';
import type { MediaPageEvents, MediaPageMethods } from '../../core/workers/media-contract.ts';
import type { SessionEvents, SessionMethods } from '../../core/workers/session-contract.ts';
import type { CommandRegistry } from './commands.ts';
import type { ConfigurationService } from './configuration.ts';
import type { ContextKeyService } from './context-keys.ts';
import type { DialogService } from './dialogs.ts';
import type { HostService } from './host-service.ts';
import type { KeybindingService } from './keybindings.ts';
import type { LayoutService } from './layout.ts';
import type { MenuRegistry } from './menus.ts';
import type { NotificationService } from './notifications.ts';
import type { QuickInputService } from './quick-input.ts';
import type { StatusBarRegistry } from './status-bar.ts';
import type { StorageService } from './storage.ts';
import type { ThemeService } from './themes.ts';
import type { ViewModel, ViewRegistry, ViewsService } from './views.ts';

/** Everything the parts of the workbench share, made once in renderer/entry. */
export interface WorkbenchServices {
  readonly logger: Logger;
  readonly host: HostService;
  readonly storage: StorageService;
  readonly commands: CommandRegistry;
  readonly contextKeys: ContextKeyService;
  readonly keybindings: KeybindingService;
  readonly configuration: ConfigurationService;
  readonly themes: ThemeService;
  readonly menus: MenuRegistry;
  /** What views exist and what fills them. */
  readonly viewRegistry: ViewRegistry;
  /** Where the views are. */
  readonly viewModel: ViewModel;
  /** Showing, focusing and opening them. */
  readonly views: ViewsService;
  readonly layout: LayoutService;
  readonly statusBar: StatusBarRegistry;
  readonly notifications: NotificationService;
  readonly dialogs: DialogService;
  readonly quickInput: QuickInputService;
  /** The session worker: identity, rooms, calls, text. */
  readonly session: RpcClient<SessionMethods, SessionEvents>;
  /** The media worker's port for the page: audio rings, settings, levels. */
  readonly media: RpcClient<MediaPageMethods, MediaPageEvents>;
}

/**
 * A feature: registers what it has and returns what ends it. Run once after the services exist and before
 * the layout is restored. One that throws is logged and told; the others still run.
 */
export type WorkbenchContribution = (
  services: WorkbenchServices,
) => RunningContribution | Promise<RunningContribution>;

/** A feature that runs. */
export interface RunningContribution extends Disposable {
  /** Run once the stored layout is back on the screen, for what opens tabs or asks the person something. */
  readonly afterRestore?: () => Promise<void>;
}
