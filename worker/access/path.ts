/** A path, and the token that may stand before it: `/t/<token>/dns-query` for clients that can't send headers. */
export type Route = {
  /** As it stands in the URL, whatever it is; undefined where the path has no `/t/` before it. */
  readonly token: string | undefined;
  /** What stands before `path`: `/t/<token>`, or nothing. */
  readonly base: string;
  readonly path: string;
};

/**
 * Takes a URL's path apart. Nothing is decoded and nothing folded: a slash that is percent-encoded, `/T/` or a
 * second `/t/` are a part of the token or of the path behind it, and neither is then known to anybody.
 */
export function routeOf(path: string): Route {
  if (!path.startsWith('/t/')) return { token: undefined, base: '', path };
  const slash = path.indexOf('/', 3);
  const end = slash < 0 ? path.length : slash;
  return { token: path.slice(3, end), base: path.slice(0, end), path: path.slice(end) };
}
