/** Keys under which people look for a secret's place, and where it is: never in the file itself. */
const PLACES: Readonly<Record<string, string>> = {
  'consul.token': 'consul.tokenFile names a file with it, or CONSUL_HTTP_TOKEN has it',
  'kv.token': 'CLOUDFLARE_API_TOKEN has it',
  'kv.apiToken': 'CLOUDFLARE_API_TOKEN has it',
  'mesos.secret': 'mesos.credentialsFile names a file with it, or MESOS_SECRET has it',
  'mesos.password': 'mesos.credentialsFile names a file with it, or MESOS_SECRET has it',
  'mesos.credentials.secret': 'mesos.credentialsFile names a file with it, or MESOS_SECRET has it',
  'mesos.zkCredentials': 'mesos.zkCredentialsFile names a file with it, or MESOS_ZK_CREDENTIALS has it',
  'marathon.credentials': 'marathon.credentialsFile names a file with it',
  'aurora.credentials': 'aurora.credentialsFile names a file with it, or AURORA_ZK_CREDENTIALS has it',
  'aurora.schedulerCredentials': 'aurora.schedulerCredentialsFile names a file with it',
  'aurora.webhook.secret': 'aurora.webhook.secretFile names a file with it, or AURORA_WEBHOOK_SECRET has it',
  signingKey: 'signingKeyFile names its file',
};

/** Where a secret goes that an unknown key would hold, for behind the key; undefined for other keys. */
export function secretHint(path: string): string | undefined {
  const place = Object.hasOwn(PLACES, path) ? PLACES[path] : undefined;
  return place === undefined ? undefined : `: a secret is never in this file; ${place}`;
}
