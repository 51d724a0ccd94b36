import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import type { WorkbenchServices } from '../platform/services.ts';
import type { ExtensionService, ExtensionStatus } from './extension-service.ts';

const TEXTS = {
  command: 'Show Running Extensions',
  category: 'Developer',
  placeholder: 'Choose a sandboxed extension to start it again or to take its permissions back',
  restart: 'Start again',
  revoke: 'Take its permissions back',
  revokeDetail: 'It is ended now and asks again when it is used.',
  trusted: 'part of the program',
  notResponding: 'not responding',
} as const;

/** The command that lists extensions with what they do and cost, and takes permissions back. */
export function registerRunningExtensions(
  services: Pick<WorkbenchServices, 'commands' | 'quickInput'>,
  extensions: ExtensionService,
): Disposable {
  const store = createDisposableStore();
  const show = async (): Promise<void> => {
    const picked = await services.quickInput.pick(extensions.all().map(describe), {
      placeholder: TEXTS.placeholder,
    });
    if (picked?.sandboxed !== true) return;
    const action = await services.quickInput.pick(
      [
        { label: TEXTS.restart, run: () => extensions.restart(picked.id) },
        { label: TEXTS.revoke, detail: TEXTS.revokeDetail, run: () => extensions.revoke(picked.id) },
      ],
      { placeholder: picked.label },
    );
    await action?.run();
  };
  store.add(
    services.commands.register(
      { id: 'developer.showRunningExtensions', title: TEXTS.command, category: TEXTS.category },
      show,
    ),
  );
  return store;
}

/** One row: where it runs, its state, how long its start took, and the counters of its sandbox. */
export function describe(status: ExtensionStatus): {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  readonly sandboxed: boolean;
} {
  const { id, displayName, version, state, activationMs, runtime, sandbox, problems } = status;
  const counters = sandbox && [
    sandbox.responding ? undefined : TEXTS.notResponding,
    `${sandbox.calls} calls`,
    `${sandbox.strikes} strikes`,
    `allowed: ${sandbox.granted.join(', ') || 'nothing'}`,
    ...[...sandbox.uses].map(([permission, count]) => `${permission} used ${count} times`),
  ];
  return {
    id,
    label: `${displayName} ${version}`.trim(),
    description: [
      state,
      ...(activationMs === undefined ? [] : [`${Math.round(activationMs)} ms`]),
      runtime === 'sandboxed' ? 'sandboxed' : TEXTS.trusted,
    ].join(' · '),
    detail: [...(counters ?? []), ...problems].filter((part) => part !== undefined).join(' · '),
    sandboxed: runtime === 'sandboxed',
  };
}
