import { connect, type Socket } from 'node:net'
import { flag, flagPayload, payloadType } from '../tunnel/message.js'
import { command, FrameReader, frameHeader, writeFrameHeader } from '../tunnel/smux.js'
import type { AgentChannel, Purpose } from './agent-channel.js'

/** The maximum size of a message's payload. */
const longestPayload = 1024
/** Reads the page no faster than the channel can send it. */
const highWater = 1024 * 1024

/**
 * Forwards a session's streams (smux version 1) to a local port that represents one of the instance's.
 * @param standIn the port on loopback; undefined where nothing listens on the instance
 */
export function portPurpose(port: string, standIn: () => Promise<number | undefined>): Purpose {
  const reader = new FrameReader()
  const streams = new Map<number, Promise<Socket | undefined>>()
  let channel: AgentChannel | undefined

  const send = (kind: number, stream: number, data: Buffer = Buffer.alloc(0)) => {
    for (let at = 0; at === 0 || at < data.length; at += longestPayload - frameHeader) {
      const part = data.subarray(at, at + longestPayload - frameHeader)
      const payload = Buffer.alloc(frameHeader + part.length)
      writeFrameHeader(payload, 0, { command: kind, stream, length: part.length })
      part.copy(payload, frameHeader)
      channel?.send(payloadType.output, payload)
    }
  }

  const open = async (stream: number): Promise<Socket | undefined> => {
    const local = await standIn()
    if (local === undefined) {
      // The flag doesn't name the stream, which is closed next.
      channel?.send(payloadType.flag, flagPayload(flag.connectFailed))
      send(command.finish, stream)
      return undefined
    }
    const socket = connect(local, '127.0.0.1')
    socket.on('data', (data: Buffer) => {
      send(command.push, stream, data)
      if ((channel?.backlog ?? 0) < highWater) return
      socket.pause()
      setTimeout(() => socket.resume(), 10)
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (streams.delete(stream)) send(command.finish, stream)
    })
    return socket
  }

  return {
    type: { SessionType: 'Port', Properties: { portNumber: port, type: 'LocalPortForwarding' } },
    begin: (opened) => {
      channel = opened
    },
    take(type, payload) {
      if (type !== payloadType.output) return
      for (const frame of reader.read(payload)) {
        if (frame.command === command.open) streams.set(frame.stream, open(frame.stream))
        const socket = streams.get(frame.stream)
        if (frame.command === command.push) void socket?.then((one) => one?.write(frame.data))
        if (frame.command === command.finish) void socket?.then((one) => one?.end())
      }
    },
    end() {
      for (const socket of streams.values()) void socket.then((one) => one?.destroy())
      streams.clear()
    },
  }
}
