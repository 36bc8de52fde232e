// The data channel's messages as the remote side writes and reads them: from the description of the format, with a
// DataView, and nothing of the client's code.
import { hash, randomBytes } from 'node:crypto'

const typeLength = 32
const fixed = 116

/** @param {{type: string, sequence?: number, flags?: number, payloadType?: number, payload: Buffer}} message */
export function write({ type, sequence = 0, flags = 0, payloadType = 0, payload }) {
  const bytes = Buffer.alloc(fixed + 4 + payload.length)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint32(0, fixed)
  bytes.set(Buffer.from(type.padEnd(typeLength)), 4)
  view.setUint32(36, 1)
  view.setBigUint64(40, BigInt(Date.now()))
  view.setBigInt64(48, BigInt(sequence))
  view.setBigUint64(56, BigInt(flags))
  const id = randomBytes(16)
  bytes.set(id.subarray(8), 64)
  bytes.set(id.subarray(0, 8), 72)
  bytes.set(hash('sha256', payload, 'buffer'), 80)
  view.setUint32(112, payloadType)
  view.setUint32(116, payload.length)
  bytes.set(payload, 120)
  return bytes
}

/** @param {Buffer} bytes */
export function read(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = view.getUint32(0)
  const payload = bytes.subarray(header + 4)
  if (header !== fixed || view.getUint32(header) !== payload.length)
    throw new Error('a bad length from the client')
  if (!hash('sha256', payload, 'buffer').equals(bytes.subarray(80, 112))) {
    throw new Error('a bad digest from the client')
  }
  const id = Buffer.concat([bytes.subarray(72, 80), bytes.subarray(64, 72)]).toString('hex')
  return {
    type: bytes.toString('utf8', 4, 4 + typeLength).trimEnd(),
    sequence: Number(view.getBigInt64(48)),
    payloadType: view.getUint32(112),
    id: id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    payload,
  }
}

export const number = (value) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
