const SECRET_HEADER = /^(authorization|proxy-authorization|cookie|x-auth-.*|x-api-key|x-consul-token)$/i;

/**
 * One line fit for a log: a server that echoes the credentials of these request headers, or sends terminal codes,
 * does not get them in.
 */
export function tidy(words: string, headers: Readonly<Record<string, string>> = {}): string {
  let line = words;
  for (const [name, value] of Object.entries(headers)) {
    if (!SECRET_HEADER.test(name)) continue;
    for (const secret of secretsOf(value)) line = line.replaceAll(secret, '***');
  }
  return line.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
}

/** The value, what stands after its scheme (`Bearer …`, `token=…`), and the password of a `Basic` one. */
function secretsOf(value: string): string[] {
  const secrets = [value, value.split(' ').at(-1) ?? '', value.replace(/^token=/, '')];
  const basic = /^Basic (\S+)$/i.exec(value)?.[1];
  if (basic !== undefined) {
    const pair = Buffer.from(basic, 'base64').toString();
    secrets.push(pair, pair.slice(pair.indexOf(':') + 1));
  }
  return secrets.filter((secret) => secret !== '');
}
