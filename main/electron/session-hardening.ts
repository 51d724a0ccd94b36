import type { Session } from 'electron';
import { isAppUrl } from './app-scheme.ts';

/** The part of Electron's session that is hardened. */
export type HardenedSession = Pick<
  Session,
  | 'setPermissionRequestHandler'
  | 'setPermissionCheckHandler'
  | 'setDevicePermissionHandler'
  | 'setDisplayMediaRequestHandler'
  | 'setSpellCheckerEnabled'
>;

/**
 * What the page may have, and why. Everything else is refused, whatever Electron adds later.
 *
 * - `media` with audio only: the microphone.
 * - `speaker-selection`: choosing where the sound goes.
 * - `clipboard-sanitized-write`: copying text and invites after a click.
 */
const ALLOWED_WITHOUT_DETAILS: ReadonlySet<string> = new Set([
  'speaker-selection',
  'clipboard-sanitized-write',
]);

// #region Security: ask for a review before changing anything below.

/** Sets every permission handler to refuse, except for the few permissions above, for our own main frame. */
export function hardenSession(session: HardenedSession): void {
  session.setPermissionRequestHandler((_contents, permission, callback, details) => {
    const ours = details.isMainFrame && isAppUrl(details.requestingUrl);
    const mediaTypes = 'mediaTypes' in details ? details.mediaTypes : undefined;
    const microphone =
      permission === 'media' &&
      mediaTypes !== undefined &&
      mediaTypes.length > 0 &&
      mediaTypes.every((kind) => kind === 'audio');
    callback(ours && (microphone || ALLOWED_WITHOUT_DETAILS.has(permission)));
  });
  session.setPermissionCheckHandler((_contents, permission, requestingOrigin, details) => {
    const ours = details.isMainFrame && isAppUrl(requestingOrigin);
    const microphone = permission === 'media' && details.mediaType === 'audio';
    return ours && (microphone || ALLOWED_WITHOUT_DETAILS.has(permission));
  });
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, callback) => callback({}));
  // Its dictionaries would be fetched from a server of the browser's maker.
  session.setSpellCheckerEnabled(false);
}

// #endregion
