export function write(message: {
  type: string
  sequence?: number
  flags?: number
  payloadType?: number
  payload: Buffer
}): Buffer
export function read(bytes: Buffer): {
  type: string
  sequence: number
  payloadType: number
  id: string
  payload: Buffer
}
export function number(value: number): Buffer
