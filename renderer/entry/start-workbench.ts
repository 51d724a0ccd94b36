import { createLogger, formatLogEntry, logCode } from '../../core/base/log.ts';
import { errorCode } from '../../core/base/coded-error.ts';
import { setListenerErrorHandler } from '../../core/base/event.ts';
import type { HostEvents, HostMethods } from '../../core/base/rpc/host-contract.ts';
import { connectRpc } from '../../core/base/rpc/rpc.ts';
import { loadCodiconFont } from '../base/codicons.ts';
import { createCommandRegistry } from '../platform/commands.ts';
import { createConfigurationService } from '../platform/configuration.ts';
import { createContextKeyService } from '../platform/context-keys.ts';
import { createDialogService } from '../platform/dialogs.ts';
import { connectToHost } from '../platform/host-connection.ts';
import { createHostService } from '../platform/host-service.ts';
import { createKeybindingService } from '../platform/keybindings.ts';
import { createMenuRegistry } from '../platform/menus.ts';
import { localize } from '../platform/nls.ts';
import { createNotificationService } from '../platform/notifications.ts';
import type { RunningContribution, WorkbenchServices } from '../platform/services.ts';
import { createStatusBarRegistry } from '../platform/status-bar.ts';
import { createStorageService, hostStateStore } from '../platform/storage.ts';
import { createThemeService } from '../platform/themes.ts';
import { createViewModel, createViewRegistry } from '../platform/views.ts';
import { contributeCore } from '../workbench/core-contribution.ts';
import { createShell } from '../workbench/create-shell.ts';
import type { ShellServices } from '../workbench/shell.ts';
import { contributions } from './contributions.ts';
import { connectDocumentStyles } from './document-styles.ts';
import { connectUserFiles } from './user-files.ts';
import { startWorkers } from './workers.ts';

/**
 * Builds the program: connects to the host, starts the workers, makes the services once, draws the window and
 * runs the contributions. Sets the performance mark `conclave/interactive` when the window can be used.
 */
export async function startWorkbench(): Promise<WorkbenchServices> {
  const themes = createThemeService();
  connectDocumentStyles(themes);
  // A missing icon font costs the icons, whose meaning is in words as well; it must not cost the start.
  const font = loadCodiconFont().catch(() => {});

  const port = await connectToHost(window);
  const host = await createHostService(connectRpc<HostMethods, HostEvents>(port));
  const logger = createLogger((entry) => {
    host.call('log.write', { line: formatLogEntry(entry) }).catch(() => {});
  });
  const logFailure = (event: string, error: unknown): void =>
    logger.log('error', event, { code: logCode(errorCode(error)) });
  setListenerErrorHandler((error) => logFailure('workbench.listener_failed', error));

  const notifications = createNotificationService();
  const { session, media } = startWorkers(host, () => {
    logger.log('error', 'workbench.worker_failed');
    notifications.show({ severity: 'error', message: localize('startup.workerFailed'), sticky: true });
  });

  const contextKeys = createContextKeyService();
  contextKeys.setAll({
    isLinux: host.info.platform === 'linux',
    isMac: host.info.platform === 'darwin',
    isWindows: host.info.platform === 'win32',
    isWeb: host.info.kind === 'web',
    relayAvailable: host.info.relay.available,
  });
  contextKeys.onDidFindProblem(() => logger.log('warn', 'workbench.when_clause_refused'));
  const commands = createCommandRegistry(contextKeys);
  const keybindings = createKeybindingService({
    platform: host.info.platform,
    contextKeys,
    execute: (command, args) => {
      commands.execute(command, ...args).catch((error: unknown) => {
        // A key for something that cannot be done now is no event worth a message.
        if (errorCode(error) !== 'command_disabled') notifications.error(error);
      });
    },
  });
  const configuration = createConfigurationService((text) =>
    host.call('userFile.write', { name: 'settings', text }),
  );
  const storage = createStorageService(hostStateStore(host), {
    onError: (error) => logFailure('workbench.storage_failed', error),
  });
  const viewRegistry = createViewRegistry();
  const viewModel = createViewModel(viewRegistry, (when) => contextKeys.evaluate(when));
  const shellServices: ShellServices = {
    storage,
    commands,
    contextKeys,
    keybindings,
    configuration,
    themes,
    menus: createMenuRegistry(contextKeys, commands),
    viewRegistry,
    viewModel,
    statusBar: createStatusBarRegistry(),
    notifications,
    dialogs: createDialogService(),
  };
  await connectUserFiles({ host, configuration, keybindings, notifications });
  const created = createShell(shellServices);
  const services: WorkbenchServices = {
    ...shellServices,
    logger,
    host,
    session,
    media,
    views: created.views,
    layout: created.layout,
    quickInput: created.quickInput,
  };
  await contributeCore(shellServices, created);

  session.on('connection.changed')((connection) => {
    created.root.serverName = connection.state === 'connected' ? connection.serverName : '';
    document.title =
      connection.state === 'connected'
        ? localize('titleBar.title', { server: connection.serverName })
        : localize('app.name');
  });
  host.onClose(() =>
    notifications.show({ severity: 'error', message: localize('startup.hostLost'), sticky: true }),
  );
  window.addEventListener('pagehide', () => void storage.flush());

  const tellContributionFailed = (error: unknown): void => {
    logFailure('workbench.contribution_failed', error);
    notifications.show({
      severity: 'error',
      message: localize('startup.contributionFailed'),
      code: errorCode(error),
    });
  };
  const running: RunningContribution[] = [];
  for (const contribute of contributions) {
    try {
      running.push(await contribute(services));
    } catch (error) {
      tellContributionFailed(error);
    }
  }
  await created.restore();
  for (const contribution of running) contribution.afterRestore?.().catch(tellContributionFailed);
  await font;
  await created.root.updateComplete;
  performance.mark('conclave/interactive');
  logger.log('info', 'workbench.interactive', { milliseconds: Math.round(performance.now()) });
  return services;
}

/** Shows why there is no window; the only thing drawn without it. */
export function showStartupFailure(error: unknown): void {
  const box = document.createElement('div');
  box.className = 'conclave-startup-failure';
  box.setAttribute('role', 'alert');
  box.textContent = error instanceof Error && 'code' in error ? error.message : localize('startup.failed');
  document.body.append(box);
}
