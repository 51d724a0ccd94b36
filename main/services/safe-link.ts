import { CodedError } from '../../core/base/coded-error.ts';

/** Scheme of links that lead into the program. */
export const LINK_SCHEME = 'conclave:';

/**
 * Checks a link that is to be opened in the system's browser. Only https and mailto: everything else can
 * start programs or read files.
 *
 * @throws CodedError `link_refused`
 */
export function checkExternalLink(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const acceptable =
    url !== undefined &&
    ((url.protocol === 'https:' && url.username === '' && url.password === '' && url.hostname !== '') ||
      (url.protocol === 'mailto:' && url.pathname.includes('@') && url.search === ''));
  if (!acceptable) throw new CodedError('link_refused', 'Only plain https and mailto links can be opened');
  return url;
}

/** A `conclave:` link among command line arguments or operating system events, if it is one. */
export function readConclaveLink(text: string): string | undefined {
  if (text.length > 2048 || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === LINK_SCHEME && url.hostname === 'join' && !/[\u0000-\u0020\u007f]/.test(text)
    ? url.href
    : undefined;
}
