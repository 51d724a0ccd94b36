import { CodedError } from '../../core/base/coded-error.ts';

/** Why the workbench refuses something to an extension. */
export type ExtensionErrorCode =
  | 'command_not_declared'
  | 'command_not_public'
  | 'command_without_code'
  | 'view_not_declared'
  | 'context_key_not_owned'
  | 'setting_not_owned'
  | 'status_item_not_owned'
  | 'permission_missing'
  | 'link_not_allowed'
  | 'activation_timeout'
  | 'not_an_extension'
  | 'extension_stopped'
  | 'not_connected';

/** Makes the error an extension gets. */
export function extensionError(code: ExtensionErrorCode, message: string): CodedError<ExtensionErrorCode> {
  return new CodedError(code, message);
}
