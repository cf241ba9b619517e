import type { AccessDocument } from '../../zone/access-document.ts';
import type { WaitUntil } from '../snapshot/share.ts';
import type { AccessSource } from './document.ts';
import { type Identified, type Method, unauthorized } from './method.ts';
import { holderOf, tokensOf } from './tokens.ts';
import type { View, Views } from './views.ts';

/** Who asks. Below this an answer is made from the view and nothing else. */
export type Asker = { readonly team: string; readonly view: View };

export type Askers = {
  /**
   * At once for a token that asked lately. Undefined: the request carries no credential. Rejects with `Refused` for
   * one that is wrong.
   */
  readonly ask: (request: Request, waitUntil: WaitUntil) => Asker | undefined | Promise<Asker | undefined>;
};

export type AskersOptions = {
  /** In the order tried. `tokens` is our own and needs no method. */
  readonly methods: readonly ('tokens' | Method)[];
  readonly source: AccessSource;
  readonly views: Views;
  /** Unix milliseconds. */
  readonly now: () => number;
};

type Recent = { readonly team: string; readonly view: string; readonly expiresAtMs: number };

/** Tokens that asked lately, of the document in force: they need not be hashed anew. */
const MAX_RECENT = 1_024;

export function createAskers({ methods, source, views, now }: AskersOptions): Askers {
  const recent = new Map<string, Recent>();
  let recentOf: AccessDocument | undefined;
  const isTokensFirst = methods[0] === 'tokens';

  const asker = ({ team, view }: { team: string; view: string }, document: AccessDocument): Asker => {
    const spec = document.views.get(view);
    if (!spec) throw unauthorized();
    return { team, view: views.of(view, spec) };
  };

  /** What `identify` would find, for one token that it found lately. */
  const known = (request: Request, document: AccessDocument): Asker | undefined => {
    if (recentOf !== document) return undefined;
    const { inPath, bearer } = tokensOf(request);
    const found =
      inPath !== undefined && bearer !== undefined ? undefined : recent.get(inPath ?? bearer ?? '');
    return found && now() < found.expiresAtMs ? asker(found, document) : undefined;
  };

  const remember = (token: string, found: Recent, document: AccessDocument): void => {
    if (recentOf !== document || recent.size >= MAX_RECENT) recent.clear();
    recentOf = document;
    recent.set(token, found);
  };

  const identify = async (request: Request, document: AccessDocument): Promise<Identified | undefined> => {
    for (const method of methods) {
      if (method !== 'tokens') {
        const identified = await method(request, document);
        if (identified) return identified;
        continue;
      }
      const tokens = tokensOf(request);
      const holder = await holderOf(tokens, document, now());
      if (!holder) continue;
      const { team, view = viewOf(team, document), expiresAtMs } = holder;
      const [token, other] = [tokens.inPath, tokens.bearer].filter((it) => it !== undefined);
      if (isTokensFirst && token !== undefined && other === undefined)
        remember(token, { team, view, expiresAtMs }, document);
      return { team, view };
    }
    return undefined;
  };

  const askIn = async (
    request: Request,
    document: AccessDocument | undefined,
  ): Promise<Asker | undefined> => {
    const identified = await identify(request, document ?? NOBODY);
    if (!identified) return undefined;
    if (!document) throw unauthorized();
    const { team, view = viewOf(team, document) } = identified;
    return asker({ team, view }, document);
  };

  return {
    ask: (request, waitUntil) => {
      const document = source.current(waitUntil);
      if (document instanceof Promise) return document.then((late) => askIn(request, late));
      return (isTokensFirst && document && known(request, document)) || askIn(request, document);
    },
  };
}

/** Throws `Refused` for a team that the document has not. */
function viewOf(team: string, document: AccessDocument): string {
  const view = document.teams.get(team)?.view;
  if (view === undefined) throw unauthorized();
  return view;
}

/** What is in force where no document is. */
const NOBODY: AccessDocument = {
  serial: 0,
  issuedAtMs: 0,
  teams: new Map(),
  views: new Map(),
  tokens: [],
};
