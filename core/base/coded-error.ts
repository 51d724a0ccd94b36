/** An error whose `code` comes from a closed list, so that callers can decide by it and texts can be translated. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  /** When trying again makes sense, the earliest useful delay. */
  readonly retryAfterMs: number | undefined;
  constructor(code: Code, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'CodedError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The code of an error, or `fallback` for one that carries none. */
export function errorCode(error: unknown, fallback = 'internal'): string {
  return error instanceof CodedError ? error.code : fallback;
}
