import { parseName, nameToWire } from '../zone/name.ts';
import { typeCode } from '../zone/record.ts';

/** A query message octet by octet, for what no library would send: any class, opcode, flags and EDNS. */
export type QuestionOptions = {
  readonly name: string;
  readonly type: number;
  readonly class?: number;
  readonly id?: number;
  readonly opcode?: number;
  readonly rd?: boolean;
  /** UDP payload size of an OPT record. */
  readonly edns?: number;
};

export function encodeQuestion(options: QuestionOptions): Uint8Array {
  const { name, type, id = 0x1234, opcode = 0, rd = true, edns } = options;
  const wire = nameToWire(parseName(name));
  const message = Buffer.alloc(12 + wire.length + 4 + (edns === undefined ? 0 : 11));
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE((opcode << 11) | (rd ? 0x100 : 0), 2);
  message.writeUInt16BE(1, 4);
  message.set(wire, 12);
  message.writeUInt16BE(type, 12 + wire.length);
  message.writeUInt16BE(options.class ?? 1, 14 + wire.length);
  if (edns !== undefined) {
    message.writeUInt16BE(1, 10);
    message.writeUInt16BE(41, 17 + wire.length);
    message.writeUInt16BE(edns, 19 + wire.length);
  }
  return message;
}

export function typeNumber(type: string | number): number {
  return typeof type === 'number' ? type : (typeCode(type) ?? 0);
}
