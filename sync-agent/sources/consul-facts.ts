import { FormatError } from '../../zone/format-error.ts';
import type { ConsulHealth, ConsulInstance, ConsulNode, ConsulPlace, ReportSkipped } from '../cluster.ts';
import {
  asObject,
  type JsonObject,
  kindOf,
  listField,
  numberField,
  objectField,
  textField,
} from './fields.ts';

/** The names in `/v1/catalog/services`, of several spellings one: they are the same service. Throws `FormatError`. */
export function readServiceNames(body: unknown, report: ReportSkipped): readonly string[] {
  if (body === null || body === undefined) throw new FormatError('services', 'is nothing');
  const names = new Map<string, string>();
  for (const name of Object.keys(asObject(body, 'services'))) {
    if (name === '') report({ reason: 'consul-service', detail: 'a service without a name' });
    else if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name);
  }
  return [...names.values()];
}

/** `/v1/catalog/nodes`: the nodes, and the datacentre they say they are in. Throws `FormatError`. */
export function readNodes(
  body: unknown,
  report: ReportSkipped,
): { readonly nodes: readonly ConsulNode[]; readonly datacenter: string | undefined } {
  let datacenter: string | undefined;
  const nodes = readEach(
    asList(body, 'nodes'),
    (item) => {
      const node = asObject(item, 'node');
      const place = readPlace(node);
      datacenter ??= textField(node, 'Datacenter').toLowerCase() || undefined;
      return { ...place, meta: textsField(node, 'Meta') };
    },
    (why) => report({ reason: 'consul-node', detail: why }),
  );
  return { nodes, datacenter };
}

/** `/v1/health/service/<name>`: all its instances, whatever their health. Throws `FormatError`. */
export function readInstances(body: unknown, name: string, report: ReportSkipped): readonly ConsulInstance[] {
  return readEach(
    asList(body, `service ${name}`),
    (item) => readInstance(asObject(item, 'instance')),
    (why) => report({ reason: 'consul-instance', detail: `${name}: ${why}` }),
  );
}

function readInstance(entry: JsonObject): ConsulInstance {
  const service = objectField(entry, 'Service');
  const port = numberField(service, 'Port');
  if (!isPort(port)) throw new FormatError('Port', `is ${port}`);
  const weights = objectField(service, 'Weights');
  const isWeighted = service['Weights'] !== undefined && service['Weights'] !== null;
  return {
    id: textField(service, 'ID'),
    node: readPlace(objectField(entry, 'Node')),
    tags: listField(service, 'Tags').map((tag) => asText(tag, 'tag')),
    address: textField(service, 'Address'),
    port,
    tagged: readTagged(objectField(service, 'TaggedAddresses')),
    weights: isWeighted
      ? { passing: weightIn(weights, 'Passing'), warning: weightIn(weights, 'Warning') }
      : { passing: 1, warning: 1 },
    health: worstOf(listField(entry, 'Checks').map((check) => textField(asObject(check, 'check'), 'Status'))),
  };
}

/** Of its own checks and its node's; without any it passes. */
function worstOf(statuses: readonly string[]): ConsulHealth {
  if (statuses.includes('critical')) return 'critical';
  if (statuses.some((status) => status !== 'passing' && status !== 'warning')) return 'unknown';
  return statuses.includes('warning') ? 'warning' : 'passing';
}

function readPlace(node: JsonObject): ConsulPlace {
  const name = textField(node, 'Node');
  if (name === '') throw new FormatError('Node', 'is empty');
  return { name, address: textField(node, 'Address'), tagged: textsField(node, 'TaggedAddresses') };
}

function readTagged(tagged: JsonObject): ConsulInstance['tagged'] {
  return Object.fromEntries(
    Object.entries(tagged).map(([key, value]) => {
      const each = asObject(value, key);
      const port = numberField(each, 'Port');
      if (!isPort(port)) throw new FormatError(`${key} Port`, `is ${port}`);
      return [key, { address: textField(each, 'Address'), port }];
    }),
  );
}

function weightIn(weights: JsonObject, key: string): number {
  const weight = numberField(weights, key);
  if (!isPort(weight)) throw new FormatError(`Weights ${key}`, `is ${weight}`);
  return weight;
}

/** 16 bits, which ports and weights have. */
function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

function textsField(object: JsonObject, key: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(objectField(object, key)).map(([name, value]) => [name, asText(value, `${key} ${name}`)]),
  );
}

function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw new FormatError(what, `is ${kindOf(value)} instead of a text`);
}

function asList(body: unknown, what: string): readonly unknown[] {
  if (Array.isArray(body)) return body;
  // Go writes a list without elements as null.
  if (body === null) return [];
  throw new FormatError(what, `is ${kindOf(body)} instead of a list`);
}

/** What can be read; of the rest it is told why not. */
function readEach<Of>(
  items: readonly unknown[],
  read: (item: unknown) => Of,
  skip: (why: string) => void,
): readonly Of[] {
  const all: Of[] = [];
  for (const item of items) {
    try {
      all.push(read(item));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      skip(`${nameOf(item)}${error.message}`);
    }
  }
  return all;
}

/** Which one it is, as far as that can be told. */
function nameOf(item: unknown): string {
  const text = JSON.stringify(item);
  const [, node] = /"Node":"([^"]{1,100})"/.exec(text) ?? [];
  const [, id] = /"ID":"([^"]{1,100})","Service"/.exec(text) ?? [];
  const named = [id, node].filter((each) => each !== undefined).join(' on ');
  return named === '' ? '' : `${named}: `;
}
