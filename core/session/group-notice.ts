import type { Notice } from './session-contract.ts';

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
