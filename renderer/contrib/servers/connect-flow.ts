import { errorCode } from '../../../core/base/coded-error.ts';
import type { ServerAddress } from '../../../core/workers/session-contract.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import type { SessionService } from '../../platform/session-service.ts';
import { addressOf } from '../../exthost/session-mapping.ts';
import { strings } from './strings.ts';

/** What connecting with a person in front of it needs. */
export interface ConnectFlowOptions {
  readonly session: SessionService;
  readonly services: Pick<WorkbenchServices, 'quickInput' | 'dialogs' | 'notifications'>;
}

/** How an attempt to connect ended. */
export type ConnectOutcome =
  { readonly state: 'connected' | 'cancelled' } | { readonly state: 'failed'; readonly error: unknown };

const NAME_CODES = new Set(['name_taken', 'name_reserved', 'name_invalid', 'name_confusable']);

/**
 * Connects, asking for what the server asks for: a password, another display name. A changed identity is a
 * hard stop with no way to go on. Other failures are given back to be shown where the person is looking.
 */
export async function connectWithPerson(
  { session, services }: ConnectFlowOptions,
  address: ServerAddress,
): Promise<ConnectOutcome> {
  const label = addressOf(address);
  let current = address;
  for (;;) {
    try {
      await session.connect(current);
      return { state: 'connected' };
    } catch (error) {
      const code = errorCode(error);
      if (code === 'cancelled') return { state: 'cancelled' };
      if (code === 'password_required' || code === 'password_wrong') {
        const password = await services.quickInput.input({
          title: code === 'password_wrong' ? strings.passwordAgain(label) : strings.passwordTitle(label),
          password: true,
        });
        if (password === undefined) return { state: 'cancelled' };
        current = { ...current, password };
      } else if (NAME_CODES.has(code)) {
        const vault = session.vault.current;
        const displayName = await services.quickInput.input({
          title: strings.nameTitle(error instanceof Error ? error.message : ''),
          value: vault?.state === 'open' ? vault.identity.displayName : '',
        });
        if (displayName === undefined) return { state: 'cancelled' };
        try {
          await session.setDisplayName(displayName);
        } catch (nameError) {
          return { state: 'failed', error: nameError };
        }
      } else if (code === 'server_identity_changed') {
        await showIdentityChanged(
          { session, services },
          address,
          error instanceof Error ? error.message : '',
        );
        return { state: 'cancelled' };
      } else return { state: 'failed', error };
    }
  }
}

/**
 * The hard stop: somebody else answers at a known address. The only way out is to forget the server, which
 * asks once more and does not connect by itself.
 */
export async function showIdentityChanged(
  { session, services }: ConnectFlowOptions,
  address: { readonly host: string; readonly port: number },
  reason: string,
): Promise<void> {
  const label = addressOf(address);
  const answer = await services.dialogs.show({
    severity: 'error',
    message: strings.identityChanged,
    detail: strings.identityChangedDetail(label, reason),
    actions: [strings.forgetThisServer],
    cancelTitle: strings.stayDisconnected,
    destructive: true,
  });
  if (answer === strings.forgetThisServer) await forgetWithPerson({ session, services }, address);
}

/** Asks, then forgets a server. */
export async function forgetWithPerson(
  { session, services }: ConnectFlowOptions,
  address: { readonly host: string; readonly port: number },
): Promise<boolean> {
  const label = addressOf(address);
  const confirmed = await services.dialogs.confirm({
    severity: 'warning',
    message: strings.forgetQuestion(label),
    detail: strings.forgetDetail,
    action: strings.forgetAction,
    destructive: true,
  });
  if (!confirmed) return false;
  await session.forget(address.host, address.port);
  services.notifications.info(strings.forgotten(label));
  return true;
}
