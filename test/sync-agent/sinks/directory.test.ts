import { execFile } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDirectorySink } from '../../../sync-agent/sinks/directory.ts';
import { SinkError } from '../../../sync-agent/sinks/sink.ts';
import { sinkContract } from '../../contracts/sink.ts';

const signal = new AbortController().signal;

async function createPath(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'mesos-doh-sink-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return join(parent, 'store', 'of keys');
}

sinkContract('directory', async () => createDirectorySink(await createPath()));

describe('directory sink', () => {
  it('keeps a key in the file encodeURIComponent(key), its metadata beside it', async () => {
    const path = await createPath();
    const key = 'z/mesos/main/head ü';
    await createDirectorySink(path).put(
      [{ key, value: Uint8Array.of(0, 255), metadata: { a: 'b' } }],
      signal,
    );
    const file = join(path, encodeURIComponent(key));
    expect(new Uint8Array(await readFile(file))).toEqual(Uint8Array.of(0, 255));
    expect(JSON.parse(await readFile(`${file}.meta.json`, 'utf8'))).toEqual({ a: 'b' });
    expect(await readdir(path)).toHaveLength(2);
  });

  it('is closed to others when it makes the directory, and keeps the mode of one that is there', async () => {
    const path = await createPath();
    await createDirectorySink(path).put([{ key: 'k', value: Uint8Array.of(1) }], signal);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    await chmod(path, 0o750);
    await createDirectorySink(path).put([{ key: 'k', value: Uint8Array.of(2) }], signal);
    expect((await stat(path)).mode & 0o777).toBe(0o750);
    expect((await stat(join(path, 'k'))).mode & 0o007).toBe(0);
  });

  it('makes nothing before the first put', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    expect(await sink.get('k', signal)).toBeUndefined();
    expect(await sink.list('', signal)).toEqual([]);
    await sink.remove(['k'], signal);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  it('lists keys only, not what else lies there', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    await sink.put([{ key: 'z/k', value: Uint8Array.of(1), metadata: { a: 'b' } }], signal);
    await mkdir(join(path, 'folder'));
    for (const file of ['+tmp', 'read me', 'z%2fk', '%', 'k%', 'x.meta.json'])
      await writeFile(join(path, file), '');
    expect(await sink.list('', signal)).toEqual(['z/k']);
  });

  it('keeps keys that are path steps inside', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    const keys = ['.', '..', '../k'];
    for (const key of keys) await sink.put([{ key, value: Buffer.from(key), metadata: { key } }], signal);
    for (const key of keys) expect((await sink.get(key, signal))?.metadata).toEqual({ key });
    expect((await sink.list('', signal)).toSorted()).toEqual(keys);
    expect(await readdir(join(path, '..'))).toEqual(['of keys']);
  });

  it('never pairs a value with the metadata of another while it is replaced', async () => {
    const sink = createDirectorySink(await createPath());
    const put = (i: number): Promise<void> =>
      sink.put([{ key: 'k', value: Buffer.alloc(1000, String(i)), metadata: { i: String(i) } }], signal);
    await put(0);
    const writing = (async () => {
      for (let i = 0; i < 30; i++) await put(i % 10);
    })();
    let paired = 0;
    for (let i = 0; i < 200; i++) {
      const found = await sink.get('k', signal);
      if (found?.metadata === undefined) continue;
      paired++;
      expect(new Set(Buffer.from(found.value).toString())).toEqual(new Set(found.metadata['i']));
    }
    await writing;
    expect(paired).toBeGreaterThan(0);
  });

  it('leaves the old value and no litter when a put fails', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    await sink.put([{ key: 'a', value: Uint8Array.of(1), metadata: { v: '1' } }], signal);
    await mkdir(join(path, 'b', 'in the way'), { recursive: true });
    const put = sink.put([{ key: 'b', value: Uint8Array.of(2) }], signal);
    await expect(put).rejects.toThrow(/^directory .*: could not write b: /);
    expect(await readdir(path)).toEqual(['a', 'a.meta.json', 'b']);
    expect(await sink.get('a', signal)).toEqual({ value: Uint8Array.of(1), metadata: { v: '1' } });
  });

  it('tells a put that did nothing from one that broke half-way', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    await sink.put([{ key: 'a', value: Uint8Array.of(1) }], signal);
    await mkdir(join(path, 'b', 'in the way'), { recursive: true });
    const outcomeOf = (...keys: string[]): Promise<unknown> =>
      sink
        .put(
          keys.map((key) => ({ key, value: Uint8Array.of(2) })),
          signal,
        )
        .catch((error: unknown) => error instanceof SinkError && error.outcome);
    expect(await outcomeOf('k'.repeat(300))).toBe('refused');
    expect(await outcomeOf('a', 'b')).toBe('unknown');
    const file = createDirectorySink(join(path, 'a'));
    const put = file.put([{ key: 'k', value: Uint8Array.of(1) }], signal);
    await expect(put).rejects.toMatchObject({ outcome: 'refused' });
  });

  it('gives a value without metadata where the metadata is damaged', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    await sink.put([{ key: 'k', value: Uint8Array.of(1), metadata: { v: '1' } }], signal);
    for (const damaged of ['{"v":', 'null', '{"v":1}', '']) {
      await writeFile(join(path, 'k.meta.json'), damaged);
      expect(await sink.get('k', signal)).toEqual({ value: Uint8Array.of(1), metadata: undefined });
    }
  });

  it('gives no metadata from a link, a pipe, a directory or a file that is too large', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    const meta = join(path, 'k.meta.json');
    const secret = join(path, '..', 'secret.json');
    await sink.put([{ key: 'k', value: Uint8Array.of(1), metadata: { v: '1' } }], signal);
    await writeFile(secret, '{"token":"x"}');
    const makers: (() => Promise<unknown>)[] = [
      () => symlink(secret, meta),
      () => promisify(execFile)('mkfifo', [meta]),
      () => mkdir(meta),
      () => writeFile(meta, JSON.stringify({ v: 'x'.repeat(1024) })),
    ];
    for (const make of makers) {
      await rm(meta, { recursive: true });
      await make();
      expect(await sink.get('k', signal)).toEqual({ value: Uint8Array.of(1), metadata: undefined });
    }
  });

  it('reads no value from a link or a pipe, nor one larger than 25 MiB', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    await sink.put([{ key: 'k', value: Uint8Array.of(1) }], signal);
    await symlink('k', join(path, 'link'));
    await promisify(execFile)('mkfifo', [join(path, 'pipe')]);
    for (const [key, octets] of [
      ['large', 25 * 1024 * 1024],
      ['larger', 25 * 1024 * 1024 + 1],
    ] as const) {
      await writeFile(join(path, key), '');
      await truncate(join(path, key), octets);
    }
    const told = (key: string, why: string): RegExp =>
      new RegExp(`^directory .*: could not read ${key}: it is ${why}`);
    await expect(sink.get('link', signal)).rejects.toThrow(told('link', 'a link, which is not followed'));
    await expect(sink.get('pipe', signal)).rejects.toThrow(told('pipe', 'no regular file'));
    await expect(sink.get('larger', signal)).rejects.toThrow(told('larger', 'larger than 26214400 octets'));
    await expect(sink.get('larger', signal)).rejects.toThrow(SinkError);
    expect((await sink.get('large', signal))?.value).toHaveLength(25 * 1024 * 1024);
  });

  it('sweeps temporary files of a dead process, and leaves young ones', async () => {
    const path = await createPath();
    await mkdir(path, { recursive: true });
    for (const file of ['+old', '+young', 'old']) await writeFile(join(path, file), '');
    for (const file of ['+old', 'old']) await utimes(join(path, file), 1e9, 1e9);
    await createDirectorySink(path).put([{ key: 'k', value: Uint8Array.of(1) }], signal);
    expect((await readdir(path)).toSorted()).toEqual(['+young', 'k', 'old']);
  });

  it('says so when a key is too long for a file name, before it writes anything', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    const longest = 'k'.repeat(245);
    await sink.put([{ key: longest, value: Uint8Array.of(1), metadata: { v: '1' } }], signal);
    expect(await sink.list('', signal)).toEqual([longest]);
    const pairs = ['short', '/'.repeat(82)].map((key) => ({ key, value: Uint8Array.of(1) }));
    await expect(sink.put(pairs, signal)).rejects.toThrow(/takes 256 octets, 255 are possible/);
    expect(await sink.list('', signal)).toEqual([longest]);
    await expect(sink.get(`${longest}k`, signal)).rejects.toThrow(SinkError);
  });

  it('refuses a key that has no file name', async () => {
    const sink = createDirectorySink(await createPath());
    for (const key of ['', 'half a \ud83e']) await expect(sink.get(key, signal)).rejects.toThrow(SinkError);
  });

  it('says what is wrong with a path that is no directory', async () => {
    const path = await createPath();
    await createDirectorySink(path).put([{ key: 'file', value: Uint8Array.of(1) }], signal);
    const file = join(path, 'file');
    for (const place of [file, join(file, 'below')]) {
      const sink = createDirectorySink(place);
      const told = new RegExp(`^directory ${place}: could not .*is not a directory; name another$`);
      await expect(sink.put([{ key: 'k', value: Uint8Array.of(1) }], signal)).rejects.toThrow(told);
      await expect(sink.list('', signal)).rejects.toThrow(told);
      await expect(sink.get('k', signal)).rejects.toThrow(SinkError);
    }
  });

  it.skipIf(process.getuid?.() === 0)('says what to do about a directory it may not use', async () => {
    const path = await createPath();
    const sink = createDirectorySink(path);
    await sink.put([{ key: 'k', value: Uint8Array.of(1) }], signal);
    await chmod(path, 0o000);
    onTestFinished(() => chmod(path, 0o700));
    const told = 'permission denied; give the agent access to it';
    await expect(sink.put([{ key: 'k', value: Uint8Array.of(2) }], signal)).rejects.toThrow(told);
    await expect(sink.list('', signal)).rejects.toThrow(told);
    await expect(sink.get('k', signal)).rejects.toThrow(told);
    await expect(sink.remove(['k'], signal)).rejects.toThrow(told);
  });
});
