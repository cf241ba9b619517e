import { posix } from 'node:path';

/** Where a page's links lead, of those that are no URL and leave the page: paths from the root of what it stands in. */
export function linksOf(page: string, text: string): readonly string[] {
  const prose = text.replaceAll(/^```[^]*?^```/gm, '').replaceAll(/`[^`\n]*`(?!\])/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    const path = target.replace(/#.*$/, '');
    return path === '' || /^[a-z]+:/.test(path)
      ? []
      : [posix.normalize(posix.join(posix.dirname(page), path))];
  });
}
