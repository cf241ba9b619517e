import type { Kit, Target } from './kit.ts';
import { curlValue, shellWord } from './quote.ts';
import { nameToTry, readTarget } from './resolver.ts';

const FILE = 'mesos-doh.curl';

/** A configuration file for `curl -K`: on the command line a token would be seen by all who can list processes. */
export function curlKit(target: Target, file = FILE): Kit {
  const resolver = readTarget(target);
  const options = [`doh-url = ${curlValue(resolver.url)}`];
  if (resolver.caFile !== undefined) options.push(`cacert = ${curlValue(resolver.caFile)}`);
  return {
    client: 'curl',
    files: [{ path: file, mode: 0o600, text: `${options.join('\n')}\n` }],
    apply: [],
    undo: [],
    check: `curl -K ${shellWord(file)} -sS -o /dev/null -w '%{remote_ip}\\n' http://${nameToTry(resolver)}:5050/health`,
    notes: [
      'Every name of that command is asked here, those of redirects too.',
      ...(resolver.caFile === undefined
        ? []
        : [
            'With cacert no other authority is trusted, for the page either: take plain http:// pages, or a bundle of both.',
          ]),
    ],
  };
}

/** The same as one command, for a resolver whose URL is no secret. */
export function curlCommand(target: Target, page: string): string {
  const { url, caFile } = readTarget(target);
  const trust = caFile === undefined ? [] : ['--cacert', shellWord(caFile)];
  return ['curl', '--doh-url', shellWord(url), ...trust, shellWord(page)].join(' ');
}
