import type { WorkbenchServices } from '../platform/services.ts';
import { extensionError } from './extension-error.ts';

const TEXTS = {
  question: 'Open this address outside of Conclave?',
  detail: (url: string): string =>
    `${url}\n\nThe site learns your network address and the time of your visit.`,
  action: 'Open',
  notAllowed: 'Only https and mailto addresses can be opened.',
} as const;

/** Asks, showing the whole address, and hands it to the system's browser. */
export function createLinkOpener(
  services: Pick<WorkbenchServices, 'dialogs' | 'host'>,
): (url: string) => Promise<void> {
  return async (text) => {
    let url: URL;
    try {
      url = new URL(text);
    } catch {
      throw extensionError('link_not_allowed', TEXTS.notAllowed);
    }
    if (url.protocol !== 'https:' && url.protocol !== 'mailto:')
      throw extensionError('link_not_allowed', TEXTS.notAllowed);
    const confirmed = await services.dialogs.confirm({
      message: TEXTS.question,
      detail: TEXTS.detail(url.href),
      action: TEXTS.action,
    });
    if (confirmed) await services.host.call('link.open', { url: url.href });
  };
}
