import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeCbor } from '../../core/protocol/cbor.ts';
import { openFakeWindow } from '../testing/fake-electron.ts';
import { makeTestBuild, openTestServices, type TestServices } from '../testing/host-harness.ts';
import {
  answerAppRequest,
  answerExtensionRequest,
  APP_SCHEME_PRIVILEGES,
  EXTENSION_SCHEME_PRIVILEGES,
  isAppUrl,
} from './app-scheme.ts';
import { createCrashRecovery } from './crash-recovery.ts';
import { HOST_CHANNEL } from './host-channel.ts';
import { guardNavigation, type GuardedContents } from './navigation-guard.ts';
import { hardenSession, type HardenedSession } from './session-hardening.ts';
import { fitWindow, readWindowState, type WindowState } from './window-state.ts';

let fixture: TestServices;
beforeEach(async () => {
  fixture = await openTestServices('electron');
});
afterEach(() => fixture.close());

const PAGE = 'app://conclave/index.html';

describe('the app scheme', () => {
  test('is a secure standard scheme with fetch, and nothing more', () => {
    expect(APP_SCHEME_PRIVILEGES).toEqual({
      scheme: 'app',
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    });
  });

  test('serves the build with the headers of the web host', async () => {
    const files = await makeTestBuild(join(fixture.folder, 'dist'), true);
    const page = await answerAppRequest({ url: PAGE, method: 'GET' }, files);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>Conclave</title>');
    expect(page.headers.get('Content-Security-Policy')).toContain("connect-src 'self';");
    expect(page.headers.get('Cross-Origin-Embedder-Policy')).toBe('require-corp');
    const wasm = await answerAppRequest({ url: 'app://conclave/wasm/opus.wasm', method: 'GET' }, files);
    expect(wasm.headers.get('Content-Type')).toBe('application/wasm');
  });

  test.each([
    ['app://conclave/not-listed.js', 'GET', 404],
    ['app://conclave/../build-manifest.json', 'GET', 404],
    ['app://conclave/%2e%2e/build-manifest.json', 'GET', 404],
    ['app://other/index.html', 'GET', 404],
    ['file:///etc/passwd', 'GET', 404],
    ['not an address', 'GET', 400],
    ['app://conclave/index.html', 'POST', 405],
  ])('%s by %s is answered with %i', async (url, method, status) => {
    const files = await makeTestBuild(join(fixture.folder, 'dist'), true);
    expect((await answerAppRequest({ url, method }, files)).status).toBe(status);
  });

  test.each([
    ['app://conclave/index.html', true],
    ['app://conclave', true],
    ['app://conclave.evil/', false],
    ['app://evil/', false],
    ['https://conclave/', false],
    ['about:blank', false],
    ['', false],
  ])('%j is our page: %s', (url, ours) => {
    expect(isAppUrl(url)).toBe(ours);
  });
});

describe('permissions', () => {
  type RequestHandler = NonNullable<Parameters<HardenedSession['setPermissionRequestHandler']>[0]>;
  type CheckHandler = NonNullable<Parameters<HardenedSession['setPermissionCheckHandler']>[0]>;
  function harden(): {
    readonly ask: RequestHandler;
    readonly check: CheckHandler;
    readonly device: () => boolean;
  } {
    const handlers: { ask?: unknown; check?: unknown; device?: unknown } = {};
    hardenSession({
      setPermissionRequestHandler: (handler) => (handlers.ask = handler),
      setPermissionCheckHandler: (handler) => (handlers.check = handler),
      setDevicePermissionHandler: (handler) => (handlers.device = handler),
      setDisplayMediaRequestHandler: () => {},
      setSpellCheckerEnabled: () => {},
    });
    return handlers as ReturnType<typeof harden>;
  }
  const asked = (permission: string, details: object): boolean => {
    let answer: boolean | undefined;
    harden().ask(null as never, permission as never, (granted) => (answer = granted), details as never);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  };
  const ours = { requestingUrl: PAGE, isMainFrame: true };

  test('the microphone of our page, and nothing with a camera', () => {
    expect(asked('media', { ...ours, mediaTypes: ['audio'] })).toBe(true);
    expect(asked('media', { ...ours, mediaTypes: ['audio', 'video'] })).toBe(false);
    expect(asked('media', { ...ours, mediaTypes: ['video'] })).toBe(false);
    expect(asked('media', { ...ours, mediaTypes: [] })).toBe(false);
    expect(asked('media', { ...ours })).toBe(false);
    expect(asked('media', { ...ours, isMainFrame: false, mediaTypes: ['audio'] })).toBe(false);
    expect(
      asked('media', { requestingUrl: 'https://evil.example/', isMainFrame: true, mediaTypes: ['audio'] }),
    ).toBe(false);
  });

  test.each([
    'geolocation',
    'notifications',
    'midi',
    'midiSysex',
    'pointerLock',
    'fullscreen',
    'openExternal',
    'display-capture',
    'clipboard-read',
    'hid',
    'serial',
    'usb',
    'fileSystem',
    'idle-detection',
    'window-management',
    'unknown',
    'keyboardLock',
    'storage-access',
    'top-level-storage-access',
    'mediaKeySystem',
    'invented-tomorrow',
  ])('%s is refused', (permission) => {
    expect(asked(permission, ours)).toBe(false);
    expect(harden().check(null, permission as never, 'app://conclave', ours as never)).toBe(false);
  });

  test('the check agrees with the question', () => {
    const { check, device } = harden();
    expect(check(null, 'media', 'app://conclave', { ...ours, mediaType: 'audio' } as never)).toBe(true);
    expect(check(null, 'media', 'app://conclave', { ...ours, mediaType: 'video' } as never)).toBe(false);
    expect(check(null, 'media', 'https://evil.example', { ...ours, mediaType: 'audio' } as never)).toBe(
      false,
    );
    expect(device()).toBe(false);
  });
});

test('a page cannot leave, open windows or embed browsers', () => {
  const listeners = new Map<string, (event: { preventDefault(): void }) => void>();
  let openHandler: (() => unknown) | undefined;
  guardNavigation({
    on: (event, listener) => listeners.set(event, listener),
    setWindowOpenHandler: (handler) => (openHandler = handler as () => unknown),
  } satisfies GuardedContents);
  for (const event of ['will-navigate', 'will-frame-navigate', 'will-redirect', 'will-attach-webview']) {
    let prevented = false;
    listeners.get(event)?.({ preventDefault: () => (prevented = true) });
    expect(prevented, event).toBe(true);
  }
  expect(openHandler?.()).toEqual({ action: 'deny' });
});

test('the only navigation in a frame is to the fixed page of a sandboxed extension', () => {
  let listener: ((event: { preventDefault(): void }) => void) | undefined;
  guardNavigation({
    on: (event, added) => {
      if (event === 'will-frame-navigate') listener = added;
    },
    setWindowOpenHandler: () => {},
  } satisfies GuardedContents);
  const prevented = (url: string, isMainFrame: boolean): boolean => {
    let seen = false;
    listener?.({ preventDefault: () => (seen = true), url, isMainFrame } as never);
    return seen;
  };
  const page = `ext://ext-${'0a'.repeat(16)}/host.html`;
  expect(prevented(page, false)).toBe(false);
  expect(prevented(page, true)).toBe(true);
  for (const url of ['https://example.org/', 'ext://other/host.html', `${page}?x`, PAGE, 'about:blank'])
    expect(prevented(url, false), url).toBe(true);
});

test('the ext scheme has one page, pinned by its hash, that reaches nothing', async () => {
  expect(EXTENSION_SCHEME_PRIVILEGES.privileges).toEqual({ standard: true, secure: true });
  const host = `ext://ext-${'0a'.repeat(16)}`;
  const page = answerExtensionRequest({ url: `${host}/host.html`, method: 'GET' });
  expect(page.status).toBe(200);
  const policy = page.headers.get('Content-Security-Policy') ?? '';
  expect(policy).toContain("connect-src 'none'");
  expect(policy).toContain('frame-ancestors app://conclave');
  const script = /<script>([\s\S]*)<\/script>/.exec(await page.text())?.[1] ?? '';
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script)));
  expect(policy).toContain(`'sha256-${Buffer.from(digest).toString('base64')}'`);
  for (const url of [`${host}/workbench.js`, `${host}/`, 'ext://conclave/host.html', PAGE])
    expect(answerExtensionRequest({ url, method: 'GET' }).status, url).toBe(404);
  expect(answerExtensionRequest({ url: `${host}/host.html`, method: 'POST' }).status).toBe(405);
});

describe('the host channel', () => {
  const call = encodeCbor({ kind: 'call', id: 1, name: 'host.info', argument: {} });

  /** What comes back within a few turns of the event loop. */
  async function answers(send: (window: ReturnType<typeof openFakeWindow>) => void): Promise<number> {
    const window = openFakeWindow(fixture.services);
    let received = 0;
    window.onMessage = () => (received += 1);
    send(window);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    window.channel.dispose();
    expect(window.ipcListeners).toBe(0);
    return received;
  }

  test('answers our main frame', async () => {
    expect(await answers((window) => window.send(call))).toBe(1);
  });

  test.each<[string, { readonly url: string } | null]>([
    ['a frame inside the page', { url: 'app://conclave/index.html' }],
    ['a frame that is gone', null],
    ['another page', { url: 'https://evil.example/' }],
  ])('does not hear %s', async (_who, sender) => {
    expect(await answers((window) => window.send(call, sender))).toBe(0);
  });

  test.each<[string, unknown]>([
    ['text', 'hello'],
    ['an object', { kind: 'call' }],
    ['bytes that are not CBOR', new Uint8Array([0xff])],
  ])('does not answer %s', async (_what, message) => {
    expect(await answers((window) => window.send(message))).toBe(0);
  });

  test('never gives an answer to the page that was loaded after the question', async () => {
    expect(
      await answers((window) => {
        window.send(call);
        window.emit('did-navigate');
      }),
    ).toBe(0);
  });

  test('has the same name in the preload script', () => {
    const preload = readFileSync(new URL('../preload/preload.ts', import.meta.url), 'utf8');
    expect(preload).toContain(`const HOST_CHANNEL = '${HOST_CHANNEL}';`);
  });
});

describe('the window', () => {
  const screen = { x: 0, y: 0, width: 1920, height: 1080 };
  const state: WindowState = { x: 100, y: 100, width: 1000, height: 700, maximized: false };

  test('opens where it was', () => {
    expect(fitWindow(state, [screen])).toEqual({ x: 100, y: 100, width: 1000, height: 700 });
    expect(fitWindow({ ...state, x: 2000 }, [screen, { ...screen, x: 1920 }])).toMatchObject({ x: 2000 });
  });

  test.each([
    ['to the right of every display', { ...state, x: 1900 }],
    ['to the left', { ...state, x: -950 }],
    ['above', { ...state, y: -20 }],
    ['below', { ...state, y: 1050 }],
  ])('comes back when it was %s', (_where, stored) => {
    expect(fitWindow(stored, [screen])).toEqual({ width: 1280, height: 800 });
  });

  test('can always be reached', () => {
    const number = fc.integer({ min: -5000, max: 5000 });
    const size = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(number, number, size, size, (x, y, width, height) => {
        const fitted = fitWindow({ x, y, width, height, maximized: false }, [screen]);
        if (fitted.x === undefined || fitted.y === undefined) return;
        expect(fitted.x + fitted.width).toBeGreaterThanOrEqual(100);
        expect(fitted.x).toBeLessThanOrEqual(1820);
        expect(fitted.y).toBeGreaterThanOrEqual(0);
        expect(fitted.y).toBeLessThanOrEqual(980);
      }),
    );
  });

  test.each([
    null,
    '',
    'not JSON',
    '{}',
    '[]',
    '{"x":1e9,"y":0,"width":1,"height":1,"maximized":false}',
    'null',
  ])('the stored state %j is ignored', (text) => {
    expect(readWindowState(text)).toBeUndefined();
  });

  test('a stored state is read back', () => {
    expect(readWindowState(JSON.stringify(state))).toEqual(state);
  });
});

test('a crashed page is loaded again twice a minute, not more', () => {
  let now = 0;
  const decide = createCrashRecovery(() => now);
  expect(decide('clean-exit')).toBe('ignore');
  expect(decide('crashed')).toBe('reload');
  expect(decide('oom')).toBe('reload');
  expect(decide('crashed')).toBe('give_up');
  now += 61_000;
  expect(decide('crashed')).toBe('reload');
});
