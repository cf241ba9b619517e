import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SourceError } from '../../../sync-agent/sources/source.ts';
import { createStateFileSource, createStateUrlSource } from '../../../sync-agent/sources/state-file.ts';
import { sourceContract, type SourceUnderTest } from '../../contracts/source.ts';
import { openHttp, startServer } from './state-server.ts';

const signal = new AbortController().signal;
const ignore = (): void => undefined;
const LIMITS = { timeoutMs: 5000, maxOctets: 1024 * 1024 };
const EMPTY = {
  leader: undefined,
  agents: [],
  frameworks: [],
  ended: { tasks: [], frameworks: [] },
  recoveringAgents: 0,
};

sourceContract('a state file', async (): Promise<SourceUnderTest> => {
  const path = join(await temporaryDirectory(), 'state.json');
  return {
    source: createStateFileSource(path),
    place: path,
    secrets: [],
    show: (document) => writeFile(path, document),
    breakOff: (octets) => truncate(path, octets).then(() => undefined),
    remove: () => rm(path),
  };
});

sourceContract('a state URL', async (): Promise<SourceUnderTest> => {
  const served = await serveDocument();
  const url = `http://user:hunter2@127.0.0.1:${served.port}/some/state?token=hunter3`;
  return {
    ...served,
    source: createStateUrlSource(url, { http: openHttp(), ...LIMITS }),
    secrets: ['hunter', 'user'],
  };
});

describe('a state file', () => {
  it('that is not there, is a directory, or may not be read, says so', async () => {
    const directory = await temporaryDirectory();
    const read = (path: string): Promise<unknown> => createStateFileSource(path).read(ignore, signal);
    await expect(read(join(directory, 'none'))).rejects.toThrow(/none: there is no such file$/);
    await expect(read(directory)).rejects.toThrow(/: it is a directory$/);
    await expect(read(join(directory, 'a\0b'))).rejects.toBeInstanceOf(SourceError);
  });

  it('says what should be in it, and where it breaks', async () => {
    const path = join(await temporaryDirectory(), 'state.json');
    await writeFile(path, '// comment\n{}');
    await expect(createStateFileSource(path).read(ignore, signal)).rejects.toThrow(
      /state\.json: JSON document: is not JSON .* at offset 0\. It should hold what a master's \/state answers$/,
    );
  });

  it('larger than a piece is read whole', async () => {
    const path = join(await temporaryDirectory(), 'state.json');
    const slaves = Array.from({ length: 20_000 }, (_, i) => ({
      id: `S${i}`,
      pid: `slave(1)@10.0.0.1:${i}`,
      hostname: 'ü',
    }));
    await writeFile(path, JSON.stringify({ slaves }));
    expect((await createStateFileSource(path).read(ignore, signal)).agents).toHaveLength(20_000);
  });
});

describe('a state URL', () => {
  it('is asked as it stands, and no leader is looked for', async () => {
    const server = await startServer((_, response) =>
      response.end('{"leader":"master@10.9.9.9:5050","pid":"master@10.0.0.1:5050"}'),
    );
    const source = createStateUrlSource(`${server.origin}/saved/state.json?x=1`, {
      http: openHttp(),
      ...LIMITS,
    });
    expect((await source.read(ignore, signal)).leader).toEqual({ host: '10.9.9.9', port: '5050' });
    expect(server.requests).toEqual(['GET /saved/state.json?x=1']);
  });

  it.each([204, 301, 307, 401, 404, 500, 503])('that answers %i gives no state', async (status) => {
    const server = await startServer((_, response) =>
      response.writeHead(status, { location: '/elsewhere' }).end(),
    );
    const error = await createStateUrlSource(server.origin, { http: openHttp(), ...LIMITS })
      .read(ignore, signal)
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ message: expect.stringContaining(`answered ${status}`) });
    expect(server.requests).toHaveLength(1);
  });

  it('that is too large, too slow or in gzip', async () => {
    const server = await startServer((request, response) => {
      if (request.url === '/large') response.end(`{"version":"${'x'.repeat(3000)}"}`);
      if (request.url === '/gzip')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}'));
    });
    const read = (path: string): Promise<unknown> =>
      createStateUrlSource(server.origin + path, { http: openHttp(), timeoutMs: 100, maxOctets: 2048 }).read(
        ignore,
        signal,
      );
    await expect(read('/large')).rejects.toThrow(/is larger than 2048 octets/);
    await expect(read('/slow')).rejects.toThrow(/timed out after 100 ms/);
    expect(await read('/gzip')).toEqual(EMPTY);
  });
});

/** A server of one document, with the ways it can fail. */
async function serveDocument(): Promise<
  Omit<SourceUnderTest, 'source' | 'secrets'> & { readonly port: number }
> {
  let octets = Buffer.alloc(0);
  let given = Infinity;
  let stalled: (() => void) | undefined;
  const server = await startServer((_, response) => {
    if (stalled) {
      response.write(octets.subarray(0, 10), stalled);
      return;
    }
    response.end(octets.subarray(0, given));
  });
  return {
    port: server.port,
    place: server.origin,
    show: async (document) => {
      octets = Buffer.from(document);
      given = Infinity;
      stalled = undefined;
    },
    breakOff: async (length) => {
      given = length;
    },
    remove: server.close,
    stall: async () => ({
      begun: new Promise<void>((resolve) => {
        stalled = () => void sleep(20).then(resolve);
      }),
    }),
  };
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
