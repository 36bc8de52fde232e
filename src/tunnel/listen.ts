import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { LabError } from '../core/error.js'

/** The addresses of `localhost`. A browser may use either, so a port is used only if both are free. */
export const loopback: readonly string[] = ['127.0.0.1', '::1']

/** Ports to try if the preferred one is in use. */
const attempts = 20

/** One port, open on one address or on several. */
export class Listener {
  private constructor(
    private readonly servers: readonly Server[],
    readonly port: number,
  ) {}

  /**
   * Listens on the preferred port of each address, or on a free one if any of them is in use. Skips the IPv6 loopback
   * on a machine without it. LabError `cannot-listen`.
   */
  static async open(
    wanted: number,
    addresses: readonly string[],
    connection: (socket: Socket) => void,
  ): Promise<Listener> {
    for (let attempt = 0; ; attempt++) {
      const listener = await Listener.tryOpen(attempt === 0 ? wanted : 0, addresses, connection)
      if (listener) return listener
      if (attempt >= attempts) throw cannotListen('EADDRINUSE', addresses.join(' and '))
    }
  }

  /** The addresses that are open. */
  get addresses(): string[] {
    return this.servers.map((server) => (server.address() as AddressInfo | null)?.address ?? '')
  }

  close(): void {
    for (const server of this.servers) server.close()
  }

  private static async tryOpen(
    wanted: number,
    addresses: readonly string[],
    connection: (socket: Socket) => void,
  ): Promise<Listener | undefined> {
    const servers: Server[] = []
    let port = wanted
    try {
      for (const address of addresses) {
        const server = await listen(port, address, connection)
        if (!server) continue
        servers.push(server)
        port = (server.address() as AddressInfo).port
      }
      if (servers.length === 0) throw cannotListen('EADDRNOTAVAIL', addresses.join(' and '))
      return new Listener(servers, port)
    } catch (error) {
      for (const server of servers) server.close()
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
      throw error
    }
  }
}

/** Undefined on a machine without IPv6. Throws `EADDRINUSE` unchanged, and LabError `cannot-listen`. */
async function listen(
  port: number,
  address: string,
  connection: (socket: Socket) => void,
): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true }, connection)
  server.listen(port, address)
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (address === '::1' && ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code)) return undefined
    if (code === 'EADDRINUSE') throw error
    throw cannotListen(code, address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`, error)
  }
}

function cannotListen(code: string, address: string, cause?: unknown): LabError {
  const reasons: Record<string, string> = {
    EACCES: 'On this system only administrators can listen on ports below 1024.',
    EADDRNOTAVAIL: 'This computer has no such address.',
    EADDRINUSE: 'Other programs use the ports that were tried.',
  }
  return new LabError({
    code: 'cannot-listen',
    what: `Can't listen on ${address}.`,
    why: reasons[code] ?? (cause instanceof Error ? cause.message : code),
    fix: [
      { command: { path: 'tunnel', args: ['80:8080'] }, text: 'uses another local port' },
      { command: { path: 'tunnel', flags: { bind: '127.0.0.1' } }, text: 'uses another local address' },
    ],
    cause,
  })
}
