import { connect, createServer, type Server, type Socket } from 'node:net'
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
    this.server = createServer((local) => {
      const remote = connect(to, '127.0.0.1')
      for (const [one, other] of [
        [local, remote],
        [remote, local],
      ] as const) {
        this.sockets.add(one)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.sockets.delete(one)
          other.destroySoon()
        })
      }
      // Timers of the same length fire in order, so the data stays in order.
      local.on('data', (data) => setTimeout(() => remote.write(data), roundTripMs))
      remote.on('data', async (data) => {
        // What comes next is read when this has had its turn: connections alternate.
        remote.pause()
        this.bytes += data.length
        const now = performance.now()
        this.freeAt = Math.max(now, this.freeAt) + (data.length / bytesPerSecond) * 1000
        if (this.freeAt - now > 5) await sleep(this.freeAt - now)
        if (local.write(data)) remote.resume()
        else local.once('drain', () => remote.resume())
      })
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
