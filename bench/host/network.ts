import { connect, createServer, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Limits {
  /** Shared by all connections. */
  readonly bytesPerSecond: number
  /** Added to each request. */
  readonly roundTripMs: number
}

const unlimited: Limits = { bytesPerSecond: Number.POSITIVE_INFINITY, roundTripMs: 0 }

/** Forwards a port of loopback to another one, with the delay and the bandwidth of a longer way. */
export class Network {
  /** Received from the remote end. */
  bytes = 0
  private freeAt = 0
  private readonly sockets = new Set<Socket>()
  private readonly server: Server

  private constructor(to: number, { bytesPerSecond, roundTripMs }: Limits) {
    const network = this
    async function* delayed(source: AsyncIterable<Buffer>) {
      for await (const data of source) {
        await sleep(roundTripMs)
        yield data
      }
    }
    async function* paced(source: AsyncIterable<Buffer>) {
      for await (const data of source) {
        network.bytes += data.length
        const now = performance.now()
        network.freeAt = Math.max(now, network.freeAt) + (data.length / bytesPerSecond) * 1000
        if (network.freeAt - now > 5) await sleep(network.freeAt - now)
        yield data
      }
    }
    // Docker asks for each connection to be closed after its answer: the end must not overtake the data.
    this.server = createServer({ allowHalfOpen: true }, (local) => {
      const remote = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
      for (const socket of [local, remote]) {
        this.sockets.add(socket)
        socket.on('close', () => this.sockets.delete(socket))
      }
      const end = (error: unknown) => {
        if (!error) return
        local.destroy()
        remote.destroy()
      }
      pipeline(local, delayed, remote, end)
      pipeline(remote, paced, local, end)
    })
  }

  static async start(to: number, limits = unlimited): Promise<Network> {
    const network = new Network(to, limits)
    network.server.listen(0, '127.0.0.1')
    await new Promise((resolve) => network.server.once('listening', resolve))
    return network
  }

  get port(): number {
    const address = this.server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    return address.port
  }

  stop(): void {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }
}
