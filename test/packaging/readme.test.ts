import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COPIED } from '../../packaging/copied.ts';
import { packagedReadme } from '../../packaging/readme.ts';
import { linksOf } from './links.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

async function projectFile(name: string): Promise<string> {
  return readFile(`${PROJECT}/${name}`, 'utf8');
}

describe('README.md of the package', () => {
  it('says nothing that takes a clone, and all else as it is', async () => {
    const own = await projectFile('README.md');
    const packaged = packagedReadme(own);
    expect(packaged).not.toMatch(/npm (ci|start|test)|npx|clone/);
    expect(packaged).toMatch(/^mesos-doh up$/m);
    expect(packaged).toContain('mesos-doh up --master http://10.0.0.1:5050');
    const rows = packaged.split('\n').filter((line) => line.startsWith('| '));
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    const titles = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('#'));
    expect(titles(packaged)).toEqual(titles(own));
    expect(packaged.length).toBeGreaterThan(0.9 * own.length);
  });

  it('is not made of one that it no longer understands', () => {
    expect(() => packagedReadme('# mesos-doh\n\n## Begin\n')).toThrow('"Try it"');
    expect(() => packagedReadme('# mesos-doh\n\n## Try it\n\nx\n\n## More\n\nnpm run check\n')).toThrow(
      'npm run',
    );
  });
});

describe('links of the pages in the package', () => {
  it('lead to what is in it', async () => {
    const pages = (await readdir(`${PROJECT}/docs`, { recursive: true })).filter((page) =>
      page.endsWith('.md'),
    );
    const all = [
      'README.md',
      ...COPIED.filter((file) => file.endsWith('.md')),
      ...pages.map((page) => `docs/${page}`),
    ];
    const units = (await readdir(`${PROJECT}/deploy`)).filter((file) => /\.(service|socket)$/.test(file));
    const packed = ['README.md', ...COPIED, ...units.map((unit) => `deploy/${unit}`)];
    const isPacked = (path: string): boolean =>
      packed.some((one) => path === one || path.startsWith(`${one}/`)) && existsSync(`${PROJECT}/${path}`);
    const broken: string[] = [];
    let count = 0;
    for (const page of all)
      for (const link of linksOf(page, await projectFile(page))) {
        count++;
        if (!isPacked(link.replace(/\/$/, ''))) broken.push(`${page}: ${link}`);
      }
    expect(broken).toEqual([]);
    expect(count).toBeGreaterThan(100);
  });

  it('are read as a reader of Markdown does', () => {
    const text =
      '[a](b.md) ![c](images/d.png#x) [e](https://x.y) [f](#g)\n```\n[h](i)\n```\n`[j](k)` [`l`](../m.json)';
    expect(linksOf('docs/n.md', text)).toEqual(['docs/b.md', 'docs/images/d.png', 'm.json']);
  });
});
