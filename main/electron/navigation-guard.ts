import type { WebContents } from 'electron';
import { isExtensionFrameUrl } from './app-scheme.ts';

/** The part of a page that is guarded. */
export type GuardedContents = Pick<WebContents, 'setWindowOpenHandler'> & {
  on(event: string, listener: (event: GuardedNavigation) => void): unknown;
};

/** What is known about a navigation. */
interface GuardedNavigation {
  preventDefault(): void;
  readonly url?: string;
  readonly isMainFrame?: boolean;
}

// #region Security: ask for a review before changing anything below.

/**
 * A page stays where it was loaded: no navigation in any frame, no redirect, no window, no embedded browser. The
 * one exception is the fixed page of a sandboxed extension, which is loaded into a frame and never the window.
 * To be called for every WebContents that comes into being, ours or not. Links are opened through the host's
 * `link.open`, which checks them.
 */
export function guardNavigation(contents: GuardedContents): void {
  for (const event of ['will-navigate', 'will-redirect', 'will-attach-webview'])
    contents.on(event, (details) => details.preventDefault());
  contents.on('will-frame-navigate', (details) => {
    if (details.isMainFrame !== false || !isExtensionFrameUrl(details.url ?? '')) details.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

// #endregion
