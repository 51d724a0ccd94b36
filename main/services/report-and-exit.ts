import { CodedError } from '../../core/base/coded-error.ts';

/** Ends the process with a sentence for a person; the stack only for what should never happen. */
export function reportAndExit(error: unknown): never {
  if (error instanceof CodedError) process.stderr.write(`${error.message}\n`);
  else
    process.stderr.write(
      `Conclave ended because of an internal error.\n${error instanceof Error ? (error.stack ?? '') : ''}\n`,
    );
  process.exit(1);
}
