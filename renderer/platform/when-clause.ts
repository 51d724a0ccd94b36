import { failure, success, type Result } from '../../core/base/result.ts';

/** Values of context keys. A key that is not set is `undefined`, which is false. */
export type ContextKeyValue = string | number | boolean | readonly string[] | undefined;

/** A parsed `when` clause. */
export type WhenExpression =
  | { readonly kind: 'literal'; readonly value: boolean }
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'not'; readonly operand: WhenExpression }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly WhenExpression[] }
  | { readonly kind: 'equals' | 'notEquals'; readonly key: string; readonly value: string }
  | {
      readonly kind: 'compare';
      readonly key: string;
      readonly operator: '<' | '<=' | '>' | '>=';
      readonly value: number;
    }
  | { readonly kind: 'matches'; readonly key: string; readonly pattern: RegExp }
  | { readonly kind: 'in' | 'notIn'; readonly key: string; readonly listKey: string };

/** What is wrong with a clause and where. */
export interface WhenError {
  readonly offset: number;
  readonly message: string;
}

/** Longest clause that is parsed; a clause comes from manifests and user files. */
export const MAX_WHEN_LENGTH = 1000;
const MAX_NESTING = 50;

type Token =
  | { readonly kind: 'word' | 'text' | 'operator'; readonly text: string; readonly offset: number }
  | { readonly kind: 'pattern'; readonly pattern: RegExp; readonly text: string; readonly offset: number };

class WhenSyntaxError extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < text.length) {
    const rest = text.slice(offset);
    const space = /^\s+/.exec(rest);
    if (space) {
      offset += space[0].length;
      continue;
    }
    const previous = tokens.at(-1);
    if (rest.startsWith('/') && previous?.kind === 'operator' && previous.text === '=~') {
      const match = /^\/((?:[^/\\]|\\.)+)\/([imsu]*)/.exec(rest);
      if (!match) throw new WhenSyntaxError(offset, 'the pattern has no closing /');
      try {
        tokens.push({
          kind: 'pattern',
          pattern: new RegExp(match[1] ?? '', match[2]),
          text: match[0],
          offset,
        });
      } catch {
        throw new WhenSyntaxError(offset, 'the pattern is not a valid regular expression');
      }
      offset += match[0].length;
      continue;
    }
    const operator = /^(?:&&|\|\||===?|!==?|=~|<=|>=|[!<>()])/.exec(rest);
    if (operator) {
      // As VS Code does, === and !== are read as == and !=.
      const normal = operator[0].replace('===', '==').replace('!==', '!=');
      tokens.push({ kind: 'operator', text: normal, offset });
      offset += operator[0].length;
      continue;
    }
    const quoted = /^'([^']*)'/.exec(rest);
    if (quoted) {
      tokens.push({ kind: 'text', text: quoted[1] ?? '', offset });
      offset += quoted[0].length;
      continue;
    }
    const word = /^[A-Za-z0-9_.:/\-#@]+/.exec(rest);
    if (!word) throw new WhenSyntaxError(offset, `unexpected "${rest[0]}"`);
    tokens.push({ kind: 'word', text: word[0], offset });
    offset += word[0].length;
  }
  return tokens;
}

/**
 * Parses a `when` clause: `!`, `&&`, `||`, parentheses, `==`, `!=`, `<`, `<=`, `>`, `>=`, `=~ /re/`, `in`,
 * `not in`. `&&` binds tighter than `||`.
 */
export function parseWhen(text: string): Result<WhenExpression, WhenError> {
  if (text.length > MAX_WHEN_LENGTH)
    return failure({ offset: MAX_WHEN_LENGTH, message: `longer than ${MAX_WHEN_LENGTH} characters` });
  try {
    const tokens = tokenize(text);
    let position = 0;
    const isOperator = (operator: string): boolean => {
      const token = tokens[position];
      return token?.kind === 'operator' && token.text === operator;
    };
    const isWord = (word: string): boolean => {
      const token = tokens[position];
      return token?.kind === 'word' && token.text === word;
    };
    const fail = (message: string): never => {
      throw new WhenSyntaxError(tokens[position]?.offset ?? text.length, message);
    };
    const parseOr = (depth: number): WhenExpression => {
      if (depth > MAX_NESTING) return fail('nested too deeply');
      const operands = [parseAnd(depth)];
      while (isOperator('||')) {
        position += 1;
        operands.push(parseAnd(depth));
      }
      return operands.length === 1 ? (operands[0] as WhenExpression) : { kind: 'or', operands };
    };
    const parseAnd = (depth: number): WhenExpression => {
      const operands = [parseUnary(depth)];
      while (isOperator('&&')) {
        position += 1;
        operands.push(parseUnary(depth));
      }
      return operands.length === 1 ? (operands[0] as WhenExpression) : { kind: 'and', operands };
    };
    const parseUnary = (depth: number): WhenExpression => {
      if (depth > MAX_NESTING) return fail('nested too deeply');
      if (isOperator('!')) {
        position += 1;
        return { kind: 'not', operand: parseUnary(depth + 1) };
      }
      if (isOperator('(')) {
        position += 1;
        const inner = parseOr(depth + 1);
        if (!isOperator(')')) return fail('expected )');
        position += 1;
        return inner;
      }
      return parseComparison();
    };
    const takeValue = (): string => {
      const token = tokens[position];
      if (token?.kind !== 'word' && token?.kind !== 'text') return fail('expected a value');
      position += 1;
      return token.text;
    };
    const parseComparison = (): WhenExpression => {
      const token = tokens[position];
      if (token?.kind !== 'word') return fail('expected a context key');
      position += 1;
      const key = token.text;
      if (isOperator('==') || isOperator('!=')) {
        const kind = isOperator('==') ? 'equals' : 'notEquals';
        position += 1;
        return { kind, key, value: takeValue() };
      }
      for (const operator of ['<=', '>=', '<', '>'] as const) {
        if (!isOperator(operator)) continue;
        position += 1;
        const start = position;
        const value = Number(takeValue());
        if (!Number.isFinite(value)) {
          position = start;
          return fail('expected a number');
        }
        return { kind: 'compare', key, operator, value };
      }
      if (isOperator('=~')) {
        position += 1;
        const pattern = tokens[position];
        if (pattern?.kind !== 'pattern') return fail('expected a /pattern/');
        position += 1;
        return { kind: 'matches', key, pattern: pattern.pattern };
      }
      if (isWord('in')) {
        position += 1;
        return { kind: 'in', key, listKey: takeValue() };
      }
      if (isWord('not')) {
        position += 1;
        if (!isWord('in')) return fail('expected "in" after "not"');
        position += 1;
        return { kind: 'notIn', key, listKey: takeValue() };
      }
      if (key === 'true' || key === 'false') return { kind: 'literal', value: key === 'true' };
      return { kind: 'key', key };
    };
    if (tokens.length === 0) return failure({ offset: 0, message: 'the clause is empty' });
    const expression = parseOr(0);
    if (position < tokens.length) fail('expected && or ||');
    return success(expression);
  } catch (error) {
    if (error instanceof WhenSyntaxError) return failure({ offset: error.offset, message: error.message });
    throw error;
  }
}

/** Evaluates an expression; `lookup` gives the value of a key. */
export function evaluateWhen(expression: WhenExpression, lookup: (key: string) => ContextKeyValue): boolean {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'key':
      return isTruthy(lookup(expression.key));
    case 'not':
      return !evaluateWhen(expression.operand, lookup);
    case 'and':
      return expression.operands.every((operand) => evaluateWhen(operand, lookup));
    case 'or':
      return expression.operands.some((operand) => evaluateWhen(operand, lookup));
    case 'equals':
      return equalsText(lookup(expression.key), expression.value);
    case 'notEquals':
      return !equalsText(lookup(expression.key), expression.value);
    case 'compare': {
      const raw = lookup(expression.key);
      const value = typeof raw === 'string' ? Number.parseFloat(raw) : raw;
      if (typeof value !== 'number' || Number.isNaN(value)) return false;
      switch (expression.operator) {
        case '<':
          return value < expression.value;
        case '<=':
          return value <= expression.value;
        case '>':
          return value > expression.value;
        case '>=':
          return value >= expression.value;
      }
    }
    // eslint-disable-next-line no-fallthrough -- the switch above returns in every case
    case 'matches': {
      const value = lookup(expression.key);
      return typeof value === 'string' && expression.pattern.test(value);
    }
    case 'in':
      return isIn(lookup(expression.key), lookup(expression.listKey));
    case 'notIn':
      return !isIn(lookup(expression.key), lookup(expression.listKey));
  }
}

/** All keys an expression looks at, so that views re-evaluate only when one of them changed. */
export function keysOfWhen(expression: WhenExpression): ReadonlySet<string> {
  const keys = new Set<string>();
  const visit = (node: WhenExpression): void => {
    switch (node.kind) {
      case 'literal':
        return;
      case 'not':
        return visit(node.operand);
      case 'and':
      case 'or':
        node.operands.forEach(visit);
        return;
      case 'in':
      case 'notIn':
        keys.add(node.key);
        keys.add(node.listKey);
        return;
      default:
        keys.add(node.key);
    }
  };
  visit(expression);
  return keys;
}

function isTruthy(value: ContextKeyValue): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function equalsText(value: ContextKeyValue, text: string): boolean {
  if (text === 'true') return value === true || value === 'true';
  if (text === 'false') return value === false || value === undefined || value === 'false';
  return value !== undefined && !Array.isArray(value) && String(value) === text;
}

function isIn(value: ContextKeyValue, list: ContextKeyValue): boolean {
  return Array.isArray(list) && value !== undefined && list.includes(String(value));
}
