import { FormatError } from '../../zone/format-error.ts';

/**
 * Reads a JSON document as octets in pieces and takes chosen parts out on the way: elements of long arrays are
 * parsed one by one and handed over, parts nobody needs are passed over unparsed. What remains (the skeleton:
 * cut arrays empty, passed-over values null) is parsed at the end. So a document of 90 MB never stands in
 * memory whole, neither as text nor as objects.
 */
export type JsonCutter = {
  /** Takes the next piece. Throws `FormatError` with the octet's offset where the document breaks. */
  readonly write: (octets: Uint8Array) => void;
  /** The skeleton. Throws `FormatError` for a document that is cut off. */
  readonly end: () => unknown;
};

/** Keys and array positions from the root: `['frameworks', 3, 'tasks']`. */
export type JsonPath = readonly (string | number)[];

/** What to do with the value at a path: `each` hands over an array's elements, `skip` passes over the value. */
export type CutRule = (path: JsonPath) => 'each' | 'skip' | undefined;

/** What may come next in the skeleton; after a value a comma, or the end of what is open. */
type Next = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma';

/** An open object or array of the skeleton, and where in it we are. */
type Container = { readonly isArray: boolean; readonly each: boolean; key: string; index: number };

/** A run of octets that is taken whole: a key, a plain value, an element to hand over, a value to pass over. */
type Span = {
  readonly use: 'key' | 'value' | 'element' | 'skip';
  readonly shape: 'container' | 'string' | 'scalar';
  /** Offset in the document. */
  readonly start: number;
  depth: number;
  inString: boolean;
  escaped: boolean;
  done: boolean;
};

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** A state is nested about ten deep around what is cut out; elements may be nested as deep as they like. */
const MAX_DEPTH = 512;

/** `maxOctets` of any one element, and of the skeleton: above it, `FormatError`. */
export type CutterLimits = { readonly maxOctets?: number };

export function createJsonCutter(
  ruleAt: CutRule,
  onElement: (path: JsonPath, element: unknown) => void,
  { maxOctets = Infinity }: CutterLimits = {},
): JsonCutter {
  const stack: Container[] = [];
  const skeleton: string[] = [];
  /** Octets of the span at work that came in earlier pieces. */
  let earlier: Uint8Array[] = [];
  let earlierOctets = 0;
  let skeletonOctets = 0;
  let span: Span | undefined;
  let next: Next = 'value';
  let offset = 0;

  const fail = (reason: string, at: number): never => {
    throw new FormatError('JSON document', reason, at);
  };
  const path = (): JsonPath =>
    stack.map((container) => (container.isArray ? container.index : container.key));

  const begin = (octet: number, start: number): void => {
    if (next === 'comma') fail(stack.length === 0 ? 'has more behind its end' : 'lacks a comma', start);
    if (next === 'colon') fail('lacks a colon', start);
    const top = stack.at(-1);
    const isKey = next === 'key' || next === 'first key';
    if (isKey && octet !== QUOTE) fail('has a key that is no string', start);
    const rule = isKey ? undefined : top?.each ? 'element' : ruleAt(path());
    if ((octet === OPEN_BRACE || octet === OPEN_BRACKET) && rule !== 'element' && rule !== 'skip') {
      if (stack.length === MAX_DEPTH) fail(`is nested more than ${MAX_DEPTH} deep`, start);
      stack.push({
        isArray: octet === OPEN_BRACKET,
        each: rule === 'each' && octet === OPEN_BRACKET,
        key: '',
        index: 0,
      });
      skeleton.push(String.fromCharCode(octet));
      next = octet === OPEN_BRACE ? 'first key' : 'first value';
      return;
    }
    span = {
      use: isKey ? 'key' : rule === 'element' || rule === 'skip' ? rule : 'value',
      shape:
        octet === QUOTE ? 'string' : octet === OPEN_BRACE || octet === OPEN_BRACKET ? 'container' : 'scalar',
      start,
      depth: 0,
      inString: false,
      escaped: false,
      done: false,
    };
  };

  /** A comma, colon or closing bracket of the skeleton. */
  const punctuate = (octet: number, at: number): void => {
    const top =
      stack.at(-1) ?? fail(next === 'comma' ? 'has more behind its end' : 'begins with no value', at);
    if (octet === CLOSE_BRACE || octet === CLOSE_BRACKET) {
      if (top.isArray !== (octet === CLOSE_BRACKET)) fail('closes what is not open', at);
      if (next !== 'comma' && next !== 'first value' && next !== 'first key') fail('lacks a value', at);
      stack.pop();
      next = 'comma';
    } else if (octet === COMMA) {
      if (next !== 'comma') fail('has a comma out of place', at);
      next = top.isArray ? 'value' : 'key';
      if (top.isArray) top.index++;
      if (top.each) return;
    } else {
      if (next !== 'colon') fail('has a colon out of place', at);
      next = 'value';
    }
    skeleton.push(String.fromCharCode(octet));
  };

  /** Is there room for so many octets more of what is taken? Empty containers of the skeleton count little. */
  const keepWithin = ({ use, start }: Span, more: number): void => {
    if (use === 'skip') return;
    const others = use === 'element' ? 0 : skeletonOctets + skeleton.length;
    if (others + earlierOctets + more > maxOctets) fail(`has a part of more than ${maxOctets} octets`, start);
  };

  const finish = (ended: Span, last: Uint8Array): void => {
    keepWithin(ended, last.length);
    const text = ended.use === 'skip' ? 'null' : decode(earlier, last);
    earlier = [];
    earlierOctets = 0;
    span = undefined;
    next = ended.use === 'key' ? 'colon' : 'comma';
    const value = parse(text, ended.start);
    if (ended.use === 'element') {
      onElement(path(), value);
      return;
    }
    skeleton.push(text);
    skeletonOctets += text.length;
    const top = stack.at(-1);
    if (ended.use === 'key' && top) top.key = String(value);
  };

  const write = (octets: Uint8Array): void => {
    let at = 0;
    let from = 0;
    while (at < octets.length) {
      if (span) {
        at = scan(span, octets, at);
        if (span.done) finish(span, octets.subarray(from, at));
        continue;
      }
      const octet = octets[at] ?? 0;
      if (octet === 0x20 || octet === 0x0a || octet === 0x0d || octet === 0x09) at++;
      else if (octet === COMMA || octet === COLON || octet === CLOSE_BRACE || octet === CLOSE_BRACKET) {
        punctuate(octet, offset + at++);
      } else {
        begin(octet, offset + at);
        from = at;
        if (!span) at++;
      }
    }
    if (span && span.use !== 'skip') {
      const part = octets.subarray(from);
      keepWithin(span, part.length);
      earlier.push(part);
      earlierOctets += part.length;
    }
    offset += octets.length;
  };

  const end = (): unknown => {
    if (span?.shape === 'scalar' && stack.length === 0) finish(span, new Uint8Array());
    if (span || stack.length > 0 || next !== 'comma') fail('is cut off', offset);
    return parse(skeleton.join(''), 0);
  };
  return { write, end };
}

/** Goes on to the span's end, or to the end of the piece; gives the offset behind what was taken. */
function scan(span: Span, octets: Uint8Array, start: number): number {
  const { length } = octets;
  let at = start;
  while (at < length) {
    const octet = octets[at++] ?? 0;
    if (span.inString) {
      if (span.escaped) span.escaped = false;
      else if (octet === BACKSLASH) span.escaped = true;
      else if (octet === QUOTE) {
        span.inString = false;
        if (span.depth === 0) return ended(span, at);
      }
    } else if (octet === QUOTE) span.inString = true;
    else if (span.shape === 'scalar') {
      if (
        octet <= 0x20 ||
        octet === COMMA ||
        octet === CLOSE_BRACE ||
        octet === CLOSE_BRACKET ||
        octet === COLON
      ) {
        return ended(span, at - 1);
      }
    } else if (octet === OPEN_BRACE || octet === OPEN_BRACKET) span.depth++;
    else if ((octet === CLOSE_BRACE || octet === CLOSE_BRACKET) && --span.depth === 0) return ended(span, at);
  }
  return at;
}

function ended(span: Span, at: number): number {
  span.done = true;
  return at;
}

function decode(earlier: readonly Uint8Array[], last: Uint8Array): string {
  const octets = earlier.length === 0 ? last : Buffer.concat([...earlier, last]);
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8');
}

function parse(text: string, offset: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(
      'JSON document',
      `is not JSON (${cause instanceof Error ? cause.message : ''})`,
      offset,
    );
  }
}
