import { parseArgs } from 'node:util';
import { CodedError } from '../../core/base/coded-error.ts';
import { readConclaveLink } from './safe-link.ts';

/** What both hosts understand on their command line. */
export interface ProgramArguments {
  readonly profile: string | undefined;
  /** Port of the web host; 0 picks a free one. */
  readonly port: number;
  readonly diagnostics: boolean;
  readonly help: boolean;
  /** `conclave:` links to open. */
  readonly links: readonly string[];
}

/** One line per option. */
export const ARGUMENT_HELP = `Options:
  --profile <folder>  where settings, messages and keys are kept
  --port <number>     port of the web host (default: a free one)
  --diagnostics       expose counters and audio taps to the page; for tests and benchmarks
  --help              show this
  conclave://join?... an invite to open`;

/**
 * Reads the command line.
 * @throws CodedError `invalid_argument` naming what is wrong
 */
export function parseProgramArguments(args: readonly string[]): ProgramArguments {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        profile: { type: 'string' },
        port: { type: 'string', default: '0' },
        diagnostics: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('.', 1)[0] ?? '') : '';
    throw new CodedError('invalid_argument', `${reason}.\n${ARGUMENT_HELP}`);
  }
  const { values, positionals } = parsed;
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65535)
    throw new CodedError('invalid_argument', '--port wants a number from 0 to 65535');
  const links = positionals.map((text) => {
    const link = readConclaveLink(text);
    if (link === undefined)
      throw new CodedError('invalid_argument', `Not an invite link: ${text.slice(0, 80)}`);
    return link;
  });
  return {
    profile: values.profile,
    port,
    diagnostics: values.diagnostics,
    help: values.help,
    links,
  };
}
