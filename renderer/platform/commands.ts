import { CodedError } from '../../core/base/coded-error.ts';
import { toDisposable, type Disposable } from '../../core/base/disposable.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import type { ContextKeyService, ContextOverlay } from './context-keys.ts';

/** What a command is, apart from its code. */
export interface CommandMetadata {
  /** Unique, dotted: `workbench.action.showCommands`. */
  readonly id: string;
  /** Shown in the palette and in menus. Sentence case. */
  readonly title: string;
  /** Groups commands in the palette: "View: Toggle panel". */
  readonly category?: string;
  /** Codicon name. */
  readonly icon?: string;
  /** A `when` clause; while it is false the command does nothing and its menu entries are dimmed. */
  readonly enablement?: string;
  /** Extensions other than the owner may run it. Private by default. */
  readonly public?: boolean;
  /** False keeps the command out of the palette, for commands that need an argument. */
  readonly palette?: boolean;
}

/** The code of a command. What it returns (or resolves to) is the result of `execute`. */
export type CommandHandler = (...args: readonly unknown[]) => unknown;

/** All commands: everything a person can do has one. */
export interface CommandRegistry extends Disposable {
  /** @throws Error when a command with this id exists: two owners of one id are a programming error. */
  register(metadata: CommandMetadata, handler: CommandHandler): Disposable;
  get(id: string): CommandMetadata | undefined;
  /** All commands in the order of their registration. */
  all(): readonly CommandMetadata[];
  /** Whether the command exists and its `enablement` holds. */
  isEnabled(id: string, overlay?: ContextOverlay): boolean;
  /**
   * Runs a command. Rejects with a CodedError `unknown_command` or `command_disabled`, or with what the
   * handler threw.
   */
  execute(id: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Fired after a command has been started, for the recently used list. */
  readonly onDidExecute: Event<{ readonly id: string }>;
  /** Commands came or went. */
  readonly onDidChange: Event<void>;
}

/** Makes a registry without commands. */
export function createCommandRegistry(contextKeys: ContextKeyService): CommandRegistry {
  const commands = new Map<
    string,
    { readonly metadata: CommandMetadata; readonly handler: CommandHandler }
  >();
  const executed = createEmitter<{ readonly id: string }>();
  const changed = createEmitter<void>();
  const isEnabled = (id: string, overlay?: ContextOverlay): boolean => {
    const command = commands.get(id);
    return command !== undefined && contextKeys.evaluate(command.metadata.enablement, overlay);
  };
  return {
    register(metadata, handler) {
      if (commands.has(metadata.id)) throw new Error(`The command "${metadata.id}" is registered already`);
      const entry = { metadata, handler };
      commands.set(metadata.id, entry);
      changed.fire();
      return toDisposable(() => {
        if (commands.get(metadata.id) !== entry) return;
        commands.delete(metadata.id);
        changed.fire();
      });
    },
    get: (id) => commands.get(id)?.metadata,
    all: () => [...commands.values()].map((command) => command.metadata),
    isEnabled,
    async execute(id, ...args) {
      const command = commands.get(id);
      if (!command) throw new CodedError('unknown_command', `There is no command "${id}".`);
      if (!isEnabled(id))
        throw new CodedError('command_disabled', `"${command.metadata.title}" is not available right now.`);
      executed.fire({ id });
      return await command.handler(...args);
    },
    onDidExecute: executed.event,
    onDidChange: changed.event,
    dispose() {
      executed.dispose();
      changed.dispose();
      commands.clear();
    },
  };
}
