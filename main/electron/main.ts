import { app, BrowserWindow, dialog, ipcMain, Menu, protocol, screen, session, shell } from 'electron';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../core/base/coded-error.ts';
import { logCode } from '../../core/base/log.ts';
import { openHostServices, type HostServices } from '../services/host-services.ts';
import { openProfileFolder, defaultProfilePath, type ProfileFolder } from '../services/profile-folder.ts';
import { parseProgramArguments, type ProgramArguments } from '../services/program-arguments.ts';
import { readConclaveLink } from '../services/safe-link.ts';
import { createServedFiles, readBuildManifest } from '../services/served-files.ts';
import type { UiState } from '../services/ui-state.ts';
import {
  answerAppRequest,
  answerExtensionRequest,
  APP_SCHEME,
  APP_SCHEME_PRIVILEGES,
  APP_URL,
  EXTENSION_SCHEME,
  EXTENSION_SCHEME_PRIVILEGES,
} from './app-scheme.ts';
import { createCrashRecovery } from './crash-recovery.ts';
import { openElectronUiState } from './electron-ui-state.ts';
import { connectHostChannel } from './host-channel.ts';
import { guardNavigation } from './navigation-guard.ts';
import { pinCertificates } from './pinned-certificates.ts';
import { hardenSession } from './session-hardening.ts';
import { fitWindow, MINIMUM_SIZE, readWindowState, type WindowState } from './window-state.ts';

/** Key of the window's place in the UI state; the page cannot write it, since its keys follow a pattern. */
const WINDOW_STATE_KEY = 'host:window';
const WINDOW_STATE_DELAY_MS = 500;
/**
 * Frames per audio callback. Microphone to loudspeaker inside Chromium takes 85 ms with the default buffer,
 * 52 ms at 480 and 32 ms at 256; smaller ones cost CPU without being heard.
 */
const AUDIO_BUFFER_FRAMES = 256;

/** Runs the program. */
async function main(): Promise<void> {
  const options = readArguments();
  const profilePath = options.profile ?? defaultProfilePath();
  app.setPath('userData', join(profilePath, 'electron'));
  app.commandLine.appendSwitch('audio-buffer-size', String(AUDIO_BUFFER_FRAMES));
  app.enableSandbox();
  protocol.registerSchemesAsPrivileged([APP_SCHEME_PRIVILEGES, EXTENSION_SCHEME_PRIVILEGES]);
  app.on('web-contents-created', (_event, contents) => guardNavigation(contents));
  if (app.isPackaged) app.setAsDefaultProtocolClient('conclave');

  if (!app.requestSingleInstanceLock()) {
    // The first instance gets our command line by its own `second-instance` event.
    app.quit();
    return;
  }
  const early: string[] = [...options.links];
  const receive = { link: (text: string): unknown => early.push(text) };
  app.on('second-instance', (_event, argv) => {
    focusWindow();
    for (const text of argv) if (readConclaveLink(text) !== undefined) receive.link(text);
  });
  app.on('open-url', (event, url) => {
    event.preventDefault();
    focusWindow();
    receive.link(url);
  });

  await app.whenReady();
  // The default menu offers reload, developer tools and zoom behind the workbench's back.
  if (process.platform !== 'darwin') Menu.setApplicationMenu(null);
  const profile = await openProfileFolder({ path: profilePath, links: options.links });
  const dist = join(app.getAppPath(), 'dist');
  const manifest = await readBuildManifest(dist);
  const uiState = openElectronUiState(profile.path);
  const certificates = pinCertificates(session.defaultSession);
  const services = await openHostServices({
    kind: 'electron',
    version: manifest.version,
    diagnostics: options.diagnostics,
    profile: profile.path,
    relay: relayLocation(dist),
    uiState,
    openExternal: (url) => shell.openExternal(url.href),
    prepareFallback: (target) => certificates.prepare(target),
  });
  receive.link = (text) => services.receiveLink(text);
  for (const link of early) services.receiveLink(link);
  profile.onSecondInstance((links) => {
    focusWindow();
    for (const link of links) services.receiveLink(link);
  });

  const files = createServedFiles(dist, manifest);
  hardenSession(session.defaultSession);
  session.defaultSession.protocol.handle(APP_SCHEME, (request) => answerAppRequest(request, files));
  session.defaultSession.protocol.handle(EXTENSION_SCHEME, answerExtensionRequest);
  app.on('window-all-closed', () => app.quit());
  quitInOrder(services, profile);
  await openWindow({ services, uiState, dist, devTools: !manifest.release || options.diagnostics });
}

/** Electron puts its own switches among the arguments; only ours are read. */
function readArguments(): ProgramArguments {
  const args = process.argv.slice(app.isPackaged ? 1 : 2);
  const known = args.filter(
    (text, index) =>
      /^--(profile|port|diagnostics|help)(=|$)/.test(text) ||
      /^--(profile|port)$/.test(args[index - 1] ?? '') ||
      readConclaveLink(text) !== undefined,
  );
  return parseProgramArguments(known);
}

/** In a package the relay and Deno lie beside the archive, since Deno cannot read inside it. */
function relayLocation(dist: string): { readonly script: string; readonly packages: string } {
  const resources = process.resourcesPath;
  return app.isPackaged && existsSync(join(resources, 'relay'))
    ? { script: join(resources, 'relay', 'relay.js'), packages: join(resources, 'packages') }
    : { script: join(dist, 'relay', 'relay.js'), packages: join(dist, '..', 'node_modules') };
}

function focusWindow(): void {
  const [window] = BrowserWindow.getAllWindows();
  if (!window) return;
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

async function openWindow(parts: {
  readonly services: HostServices;
  readonly uiState: UiState;
  readonly dist: string;
  readonly devTools: boolean;
}): Promise<void> {
  const { services, uiState, dist, devTools } = parts;
  const stored = readWindowState(await uiState.get(WINDOW_STATE_KEY));
  const window = new BrowserWindow({
    ...fitWindow(
      stored,
      screen.getAllDisplays().map((display) => display.workArea),
    ),
    minWidth: MINIMUM_SIZE.width,
    minHeight: MINIMUM_SIZE.height,
    title: 'Conclave',
    show: false,
    autoHideMenuBar: true,
    webPreferences: {
      preload: join(dist, 'main', 'preload.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools,
      // A minimised window is still in the call.
      backgroundThrottling: false,
    },
  });
  if (stored?.maximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  rememberPlace(window, uiState);

  const channel = connectHostChannel({ ipc: ipcMain, contents: window.webContents, services });
  const decide = createCrashRecovery(() => performance.now());
  window.webContents.on('render-process-gone', (_event, details) => {
    services.logger.log('error', 'window.gone', { reason: logCode(details.reason.replaceAll('-', '_')) });
    const decision = decide(details.reason);
    if (decision === 'reload') void window.loadURL(APP_URL);
    else if (decision === 'give_up') {
      dialog.showErrorBox(
        'Conclave stopped',
        'The window crashed three times within a minute. Start Conclave again.',
      );
      app.quit();
    }
  });
  window.on('closed', () => channel.dispose());
  await window.loadURL(APP_URL);
}

/** Keeps the window's place, a moment after it last changed. */
function rememberPlace(window: BrowserWindow, uiState: UiState): void {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    if (window.isDestroyed() || window.isMinimized() || window.isFullScreen()) return;
    const state: WindowState = { ...window.getNormalBounds(), maximized: window.isMaximized() };
    void uiState.set(WINDOW_STATE_KEY, JSON.stringify(state)).catch(() => {});
  };
  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(save, WINDOW_STATE_DELAY_MS);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('maximize', later);
  window.on('unmaximize', later);
  window.on('close', save);
}

/** Holds the end of the program back until the relay is down and the log is written. */
function quitInOrder(services: HostServices, profile: ProfileFolder): void {
  let done = false;
  app.on('will-quit', (event) => {
    if (done) return;
    event.preventDefault();
    void services.close().finally(() => {
      done = true;
      profile.dispose();
      app.quit();
    });
  });
}

main().catch((error: unknown) => {
  const text =
    error instanceof CodedError ? error.message : 'Conclave could not start because of an internal error.';
  if (app.isReady()) dialog.showErrorBox('Conclave', text);
  process.stderr.write(`${text}\n`);
  app.exit(1);
});
