import type { ExtensionContext, TreeItem } from '../api/conclave.d.ts';
import { entriesBetween, presentIn, type CallEntry, type Present } from './src/call-entries.ts';

/** Older lines are forgotten. */
const MAX_ENTRIES = 500;
const ICONS: Readonly<Record<CallEntry['what'], string>> = {
  joined: 'arrow-right',
  left: 'arrow-left',
  present: 'account',
};
const WORDS: Readonly<Record<CallEntry['what'], string>> = {
  joined: 'joined',
  left: 'left',
  present: 'was there',
};

/** Writes down who joins and leaves the call, newest first. */
export function activate({ api, subscriptions }: ExtensionContext): void {
  let entries: readonly CallEntry[] = [];
  let present: Present = new Map();
  let nextId = 1;
  const listeners = new Set<(node: CallEntry | undefined) => void>();
  const show = (changed: readonly CallEntry[]): void => {
    entries = changed;
    for (const listener of listeners) listener(undefined);
  };
  const update = (): void => {
    const now = presentIn(api.call.state);
    const added = entriesBetween(present, now, Date.now(), nextId);
    present = now;
    nextId += added.length;
    if (added.length > 0) show([...[...added].reverse(), ...entries].slice(0, MAX_ENTRIES));
  };
  update();
  subscriptions.add(api.call.onDidChange(update));
  subscriptions.add(api.commands.register('call-log.clear', () => show([])));
  subscriptions.add(
    api.views.registerTreeView<CallEntry>('call-log.log', {
      onDidChange(listener) {
        listeners.add(listener);
        return { dispose: () => listeners.delete(listener) };
      },
      getChildren: (node) => (node ? [] : entries),
      getItem: toItem,
    }),
  );
}

function toItem({ id, name, what, at }: CallEntry): TreeItem {
  const time = new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return { id, label: name, description: `${WORDS[what]} · ${time}`, icon: ICONS[what] };
}
