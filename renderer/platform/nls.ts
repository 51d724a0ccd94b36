import { messages } from './messages.ts';

/** Names of the texts in the catalogue. */
export type MessageId = keyof typeof messages;

/**
 * A text of the catalogue with `{name}` replaced. All text of the shell goes through here, so that one file
 * holds it.
 */
export function localize(id: MessageId, values: Readonly<Record<string, string | number>> = {}): string {
  return messages[id].replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}
