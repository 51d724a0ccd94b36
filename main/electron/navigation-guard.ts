import type { WebContents } from 'electron';

/** The part of a page that is guarded. */
export type GuardedContents = Pick<WebContents, 'setWindowOpenHandler'> & {
  on(event: string, listener: (event: { preventDefault(): void }) => void): unknown;
};

// #region Security: ask for a review before changing anything below.

/**
 * A page stays where it was loaded: no navigation in any frame, no redirect, no window, no embedded browser.
 * To be called for every WebContents that comes into being, ours or not. Links are opened through the host's
 * `link.open`, which checks them.
 */
export function guardNavigation(contents: GuardedContents): void {
  for (const event of ['will-navigate', 'will-frame-navigate', 'will-redirect', 'will-attach-webview'])
    contents.on(event, (details) => details.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

// #endregion
