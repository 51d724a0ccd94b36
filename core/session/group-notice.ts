import type { Clock } from '../base/async.ts';
import type { RosterEntry } from '../mls/group.ts';
import type { Notice } from './session-contract.ts';
import { memberName } from './shown-name.ts';

/**
 * What to tell a person when a group reports a failure. The group mends itself; the person should know that
 * something happened, since an attack would look like this too.
 */
export function groupNotice(code: string, where: 'call' | 'text'): Notice {
  const subject = where === 'call' ? 'this call' : 'this room';
  if (code === 'removed' || code === 'not_in_call' || code === 'not_subscribed')
    return {
      severity: 'warning',
      code,
      message: `You were taken out of the encrypted group of ${subject}. Join again if you want to be back.`,
    };
  if (code === 'message_mislabelled' || code === 'message_invalid')
    return {
      severity: 'warning',
      code,
      message: `A message in ${subject} could not be read and was left out. It may have been changed on its way.`,
    };
  return {
    severity: 'warning',
    code,
    message: `The encryption of ${subject} had to be set up again. Nothing was shown or sent unencrypted.`,
  };
}

/** Tells that somebody came in without a member having let them in. */
export function externalJoinNotice(added: readonly RosterEntry[], where: 'call' | 'text'): Notice {
  const subject = where === 'call' ? 'this call' : 'this room';
  return {
    severity: 'info',
    code: 'joined_externally',
    message: `${added.map(memberName).join(', ')} joined the encrypted group of ${subject} without a member letting them in, because none was there to do it.`,
  };
}

/** How long the same notice stays quiet (ms). */
const REPEAT_MS = 30_000;

/** Lets a notice through once in a while: a hostile server could cause the same one thousands of times. */
export function createNoticeLimiter(clock: Clock): (notice: Notice) => boolean {
  let told: readonly { readonly key: string; readonly at: number }[] = [];
  return ({ code, message }) => {
    const now = clock.now();
    const key = `${code}\n${message}`;
    told = told.filter(({ at }) => now - at < REPEAT_MS).slice(-100);
    if (told.some((earlier) => earlier.key === key)) return false;
    told = [...told, { key, at: now }];
    return true;
  };
}
