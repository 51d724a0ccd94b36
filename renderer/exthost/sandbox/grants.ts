import { array, object, oneOf, parse, record, type Infer } from '../../../core/base/schema.ts';
import { PERMISSIONS, type Manifest, type Permission } from '../../../extensions/api/manifest.ts';
import type { WorkbenchServices } from '../../platform/services.ts';
import { plainText } from '../extension-api.ts';

/** What persons let extensions do. */
export interface Grants {
  /** Whether an extension may use a permission. */
  has(extensionId: string, permission: Permission): boolean;
  /** Permissions of the manifest that were neither given nor refused yet. */
  undecided(manifest: Manifest): readonly Permission[];
  /** Asks once for everything undecided and remembers the answer, whichever it is. */
  ask(manifest: Manifest): Promise<void>;
  /** Takes everything back: the extension has nothing, and is asked for again when it is used. */
  revoke(extensionId: string): void;
}

const STORAGE_KEY = 'extensions.grants';
/** The buttons work only after this time, so that a click meant for something else allows nothing. */
const ARM_DELAY_MS = 500;

const permissions = array(oneOf(PERMISSIONS), { max: PERMISSIONS.length });
const grantsSchema = record(object({ granted: permissions, denied: permissions }), { max: 1000 });
type Stored = Infer<typeof grantsSchema>;

/** Each permission in plain words; the sentence begins with "It wants to". */
const WORDS: Readonly<Record<Permission, string>> = {
  'ui.elements': 'draw its own views',
  'ui.links': 'ask you to open web addresses, which tells their sites something',
  'clipboard.write': 'put text on your clipboard',
  'identity.read': 'read your name and your public key',
  'connection.read': 'see which server you are connected to',
  'connection.control': 'reconnect and disconnect you',
  'rooms.read': 'see the rooms and who is in them',
  'rooms.write': 'enter, leave, create, change and delete rooms in your name',
  'call.read': 'see who is in your call and who talks',
  'call.control': 'join and leave calls, mute you and switch your microphone on',
  'text.read': 'read your decrypted messages',
  'text.write': 'send messages in your name',
};
const SOURCES: readonly Permission[] = ['identity.read', 'rooms.read', 'call.read', 'text.read'];
const SINKS: readonly Permission[] = ['ui.links', 'clipboard.write', 'text.write', 'rooms.write'];

/** Reads what was decided earlier; what cannot be read counts as never decided. */
export async function openGrants(services: Pick<WorkbenchServices, 'storage' | 'dialogs'>): Promise<Grants> {
  const parsed = parse(grantsSchema, await services.storage.get(STORAGE_KEY));
  const decided = new Map<string, Stored[string]>(parsed.ok ? Object.entries(parsed.value) : []);
  const save = (): void => services.storage.set(STORAGE_KEY, Object.fromEntries(decided));
  const undecided = ({ id, permissions: wanted = [] }: Manifest): readonly Permission[] => {
    const { granted = [], denied = [] } = decided.get(id) ?? {};
    return wanted.filter((permission) => !granted.includes(permission) && !denied.includes(permission));
  };
  return {
    has: (id, permission) => decided.get(id)?.granted.includes(permission) === true,
    undecided,
    async ask(manifest) {
      const wanted = undecided(manifest);
      if (wanted.length === 0) return;
      const allowed = await services.dialogs.confirm({
        ...describeRequest(manifest, wanted),
        severity: 'warning',
        action: 'Allow',
        cancelTitle: 'Don’t allow',
        destructive: true,
        armDelayMs: ARM_DELAY_MS,
      });
      const { granted = [], denied = [] } = decided.get(manifest.id) ?? {};
      decided.set(
        manifest.id,
        allowed ? { granted: [...granted, ...wanted], denied } : { granted, denied: [...denied, ...wanted] },
      );
      save();
    },
    revoke(id) {
      decided.delete(id);
      save();
    },
  };
}

/** The question in plain words: who asks, for what, and what it means when things are combined. */
function describeRequest(
  { displayName, publisher, id, permissions: all = [] }: Manifest,
  wanted: readonly Permission[],
): { readonly message: string; readonly detail: string } {
  const combined = all.some((one) => SOURCES.includes(one)) && all.some((one) => SINKS.includes(one));
  return {
    message: `Allow the extension “${plainText(displayName).slice(0, 60)}” by ${publisher} to do this?`,
    detail: [
      `It wants to:\n${wanted.map((permission) => `• ${WORDS[permission]}`).join('\n')}`,
      ...(combined
        ? ['Together with what it can send or show elsewhere, what it reads can leave this computer.']
        : []),
      `Your answer is kept for ${id}. The command “Show Running Extensions” takes it back.`,
    ].join('\n\n'),
  };
}
