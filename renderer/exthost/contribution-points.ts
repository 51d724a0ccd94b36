import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import { MENU_LOCATIONS, type Manifest, type WelcomeContribution } from '../../extensions/api/manifest.ts';
import { KEYBINDING_WEIGHT } from '../platform/keybindings.ts';
import type { WorkbenchServices } from '../platform/services.ts';
import type { ContainerLocation, ViewDescriptor } from '../platform/views.ts';

/** The registries that contributions go to. */
export type ContributionServices = Pick<
  WorkbenchServices,
  'commands' | 'keybindings' | 'menus' | 'viewRegistry' | 'configuration' | 'contextKeys'
>;

/** What the contributions of an extension need of the one who runs it. */
export interface ContributionRunner {
  /** Starts the extension if need be and runs its command. */
  runCommand(id: string, args: readonly unknown[]): Promise<unknown>;
  /** A view of the extension is about to be shown for the first time. */
  showView(viewId: string): void;
  /** An element to show until the extension has filled the view; given by the renderer, since this is no DOM code. */
  createPlaceholder(): HTMLElement;
}

/** What became of a manifest's contributions. */
export interface RegisteredContributions extends Disposable {
  /** Sentences about what was left out. */
  readonly problems: readonly string[];
  /** Takes the placeholder of a view away, so that the extension can fill it; undefined puts it back. */
  releaseView(viewId: string): void;
  restoreView(viewId: string): void;
}

const LOCATIONS: Readonly<Record<'activitybar' | 'secondary' | 'panel', ContainerLocation>> = {
  activitybar: 'primary',
  secondary: 'secondary',
  panel: 'panel',
};

/**
 * Registers everything a manifest contributes, without running any code of the extension. One entry that
 * cannot be registered is left out and told; the others still work. Disposing takes all of it away.
 */
export function registerContributions(
  manifest: Manifest,
  services: ContributionServices,
  runner: ContributionRunner,
): RegisteredContributions {
  const store = createDisposableStore();
  const problems: string[] = [];
  const placeholders = new Map<string, Disposable>();
  const points = manifest.contributes ?? {};
  const attempt = (register: () => Disposable): void => {
    try {
      store.add(register());
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  };

  if (points.configuration) {
    const { title, properties } = points.configuration;
    attempt(() =>
      services.configuration.register(properties, {
        owner: manifest.id,
        section: title,
      }),
    );
  }
  for (const command of points.commands ?? [])
    attempt(() => services.commands.register(command, (...args) => runner.runCommand(command.id, args)));
  if (points.keybindings) {
    const { registration, problems: keyProblems } = services.keybindings.registerChecked(
      points.keybindings,
      KEYBINDING_WEIGHT.builtinExtension,
    );
    store.add(registration);
    problems.push(...keyProblems.map(({ message }) => message));
  }
  for (const location of MENU_LOCATIONS)
    for (const item of points.menus?.[location] ?? []) attempt(() => services.menus.register(location, item));
  for (const [place, location] of Object.entries(LOCATIONS))
    for (const container of points.viewsContainers?.[place as keyof typeof LOCATIONS] ?? [])
      attempt(() => services.viewRegistry.registerContainer({ ...container, location }));

  const placehold = (viewId: string): void => {
    if (placeholders.has(viewId) || store.isDisposed) return;
    placeholders.set(
      viewId,
      services.viewRegistry.registerContent(viewId, {
        kind: 'element',
        provider: {
          create() {
            runner.showView(viewId);
            return runner.createPlaceholder();
          },
        },
      }),
    );
  };
  for (const [container, views] of Object.entries(points.views ?? {}))
    for (const view of views) {
      const { id, name, kind, icon, when, order, weight } = view;
      attempt(() =>
        kind === 'editor'
          ? services.viewRegistry.registerEditorView({
              id,
              title: name,
              ...(icon === undefined ? {} : { icon }),
            })
          : services.viewRegistry.registerView(
              withWelcome(
                {
                  id,
                  title: name,
                  container,
                  ...(icon === undefined ? {} : { icon }),
                  ...(when === undefined ? {} : { when }),
                  ...(order === undefined ? {} : { order }),
                  ...(weight === undefined ? {} : { weight }),
                },
                (points.viewsWelcome ?? []).filter((welcome) => welcome.view === id),
                services,
              ),
            ),
      );
      attempt(() => {
        placehold(id);
        return { dispose: () => releaseView(id) };
      });
    }
  const releaseView = (viewId: string): void => {
    placeholders.get(viewId)?.dispose();
    placeholders.delete(viewId);
  };
  return { problems, releaseView, restoreView: placehold, dispose: () => store.dispose() };
}

/** Several welcome texts may be declared; the first whose `when` holds is the one in force when it is read. */
function withWelcome(
  descriptor: ViewDescriptor,
  contributions: readonly WelcomeContribution[],
  services: Pick<ContributionServices, 'contextKeys'>,
): ViewDescriptor {
  if (contributions.length === 0) return descriptor;
  const parsed = contributions.map(({ contents, when }) => ({ when, welcome: parseWelcome(contents) }));
  return Object.defineProperty({ ...descriptor }, 'welcome', {
    enumerable: true,
    get: () => parsed.find(({ when }) => services.contextKeys.evaluate(when))?.welcome,
  });
}

/** Splits a welcome text into its sentences and its buttons. */
export function parseWelcome(contents: string): NonNullable<ViewDescriptor['welcome']> {
  const text: string[] = [];
  const actions: { readonly title: string; readonly command: string }[] = [];
  for (const line of contents.split('\n')) {
    const match = /^\[([^\]]{1,100})\]\(command:([A-Za-z0-9.-]{1,100})\)$/.exec(line.trim());
    if (match) actions.push({ title: match[1] as string, command: match[2] as string });
    else text.push(line);
  }
  return { text: text.join('\n').trim(), actions };
}
