/** What the package takes from the project as it is, beside the units. The Dockerfile is not: it makes its image of a clone. */
export const COPIED: readonly string[] = [
  'LICENSE',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'config.example.json',
  'docs',
  'deploy/run-agent',
  'deploy/config.json',
  'deploy/marathon.json',
  'deploy/agent.aurora',
  'deploy/mesos-acls.json',
  'deploy/prometheus-rules.yaml',
];
