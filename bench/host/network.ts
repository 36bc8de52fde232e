import { connect, createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A way to a port of loopback, with a round trip and a bandwidth that all connections share. */
export class Network {
  bytesPerSecond = Number.POSITIVE_INFINITY
  roundTripMs = 0
  /** What has come over it. */
  bytes = 0
  private freeAt = 0
  private readonly server: Server

  private constructor(to: number) {
    this.server = createServer((near) => {
      const far = connect(to, '127.0.0.1')
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const)
        one.on('error', () => other.destroy()).on('close', () => other.destroySoon())
      near.on('data', async (data) => {
        await sleep(this.roundTripMs)
        far.write(data)
      })
      far.on('data', async (data) => {
        far.pause()
        this.bytes += data.length
        const now = performance.now()
        this.freeAt = Math.max(now, this.freeAt) + (data.length / this.bytesPerSecond) * 1000
        if (this.freeAt - now > 5) await sleep(this.freeAt - now)
        if (near.write(data)) far.resume()
        else near.once('drain', () => far.resume())
      })
    })
  }

  static async start(to: number): Promise<Network> {
    const network = new Network(to)
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
  }
}
