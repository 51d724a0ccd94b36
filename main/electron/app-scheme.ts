import type { CustomScheme } from 'electron';
import {
  EXTENSION_FRAME_HTML,
  EXTENSION_FRAME_PATH,
  extensionFrameHeaders,
  isExtensionHost,
} from '../services/extension-frame.ts';
import { responseHeaders } from '../services/page-headers.ts';
import type { ServedFiles } from '../services/served-files.ts';

/** Scheme and origin of the page inside Electron. Links from outside use `conclave:`, never this one. */
export const APP_SCHEME = 'app';
export const APP_ORIGIN = 'app://conclave';
/** Address of the page. */
export const APP_URL = `${APP_ORIGIN}/index.html`;

/** To be registered before Electron is ready: a secure context with an origin, fetch and module scripts. */
export const APP_SCHEME_PRIVILEGES: CustomScheme = {
  scheme: APP_SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
};

/** Scheme of the frames of sandboxed extensions, each on a host name of its own. */
export const EXTENSION_SCHEME = 'ext';
/** A standard scheme has host names, and so one process and no shared storage per extension. */
export const EXTENSION_SCHEME_PRIVILEGES: CustomScheme = {
  scheme: EXTENSION_SCHEME,
  privileges: { standard: true, secure: true },
};

/** Whether an address is the page a sandboxed extension lives in. */
export function isExtensionFrameUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, host, pathname, search } = new URL(text);
  return (
    protocol === `${EXTENSION_SCHEME}:` &&
    isExtensionHost(host, '') &&
    pathname === EXTENSION_FRAME_PATH &&
    search === ''
  );
}

/** Answers with the one page there is below an extension's host name. */
export function answerExtensionRequest(request: { readonly url: string; readonly method: string }): Response {
  if (request.method !== 'GET') return new Response(null, { status: 405 });
  if (!isExtensionFrameUrl(request.url)) return new Response(null, { status: 404 });
  return new Response(EXTENSION_FRAME_HTML, { headers: extensionFrameHeaders([APP_ORIGIN]) });
}

/** Answers a request for a file of the build, with the same headers as the web host. */
export async function answerAppRequest(
  request: { readonly url: string; readonly method: string },
  files: ServedFiles,
): Promise<Response> {
  const refuse = (status: number): Response =>
    new Response(null, { status, headers: responseHeaders('', { connect: [] }) });
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405);
  if (!URL.canParse(request.url)) return refuse(400);
  const url = new URL(request.url);
  if (url.protocol !== `${APP_SCHEME}:` || url.host !== 'conclave') return refuse(404);
  const file = await files.read(url.pathname);
  if (!file) return refuse(404);
  return new Response(request.method === 'HEAD' ? null : file.contents, {
    headers: {
      ...responseHeaders(file.path, { connect: [], frames: `${EXTENSION_SCHEME}:` }),
      'Content-Type': file.type,
      'Content-Length': String(file.contents.length),
    },
  });
}

/** Whether an address belongs to our page. */
export function isAppUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  // The `origin` of a custom scheme is "null" outside Chromium, so the parts are compared.
  return url.protocol === `${APP_SCHEME}:` && url.host === 'conclave';
}
