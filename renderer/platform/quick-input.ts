import { toDisposable, type Disposable } from '../../core/base/disposable.ts';
import type { InputBoxOptions, QuickPickItem } from '../../extensions/api/conclave.d.ts';

/** A row of a quick pick drawn by the workbench. */
export interface PickItem extends QuickPickItem {
  /** Codicon name. */
  readonly icon?: string;
  /** Shown at the end of the row: a key binding, "recently used". */
  readonly hint?: string;
  /** Shown above the first row of a group. */
  readonly separator?: string;
}

/** How a quick pick behaves. */
export interface PickOptions {
  readonly placeholder: string;
  readonly title?: string;
  /** Called as the highlighted row changes, for previews. */
  readonly onDidHighlight?: (item: PickItem | undefined) => void;
}

/** A row of quick access; choosing it runs it. */
export interface QuickAccessItem extends PickItem {
  run(): unknown;
}

/** One prefix of quick access: `>` for commands, `@` for people. */
export interface QuickAccessProvider {
  /** '' is the default provider. */
  readonly prefix: string;
  readonly placeholder: string;
  /** One line for the `?` help. */
  readonly help: string;
  /** Rows for the text behind the prefix; the workbench filters and ranks them unless `filtered`. */
  items(query: string): readonly QuickAccessItem[] | Promise<readonly QuickAccessItem[]>;
  /** The provider has done the filtering itself. */
  readonly filtered?: boolean;
}

/** The providers by prefix. */
export interface QuickAccessRegistry {
  /** @throws Error when the prefix is taken. */
  register(provider: QuickAccessProvider): Disposable;
  /** The provider with the longest prefix of the text, and the rest of the text. */
  match(text: string): { readonly provider: QuickAccessProvider; readonly query: string } | undefined;
  all(): readonly QuickAccessProvider[];
}

/** Makes an empty registry. */
export function createQuickAccessRegistry(): QuickAccessRegistry {
  const providers = new Map<string, QuickAccessProvider>();
  return {
    register(provider) {
      if (providers.has(provider.prefix)) throw new Error(`The prefix "${provider.prefix}" is taken`);
      providers.set(provider.prefix, provider);
      return toDisposable(() => {
        if (providers.get(provider.prefix) === provider) providers.delete(provider.prefix);
      });
    },
    match(text) {
      const provider = [...providers.values()]
        .filter((candidate) => text.startsWith(candidate.prefix))
        .sort((a, b) => b.prefix.length - a.prefix.length)[0];
      return provider && { provider, query: text.slice(provider.prefix.length) };
    },
    all: () => [...providers.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1)),
  };
}

/** Choices and one-line questions at the top of the window; the workbench implements it. */
export interface QuickInputService {
  readonly access: QuickAccessRegistry;
  /** The chosen row, or undefined when dismissed. Opening another input dismisses the one before. */
  pick<T extends PickItem>(
    items: readonly T[] | Promise<readonly T[]>,
    options: PickOptions,
  ): Promise<T | undefined>;
  /** The text, or undefined when dismissed. Enter is refused while `validate` objects. */
  input(options: InputBoxOptions): Promise<string | undefined>;
  /** Opens quick access with this text in it: `>` for commands. */
  show(text: string): void;
  close(): void;
}
