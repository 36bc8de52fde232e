import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Session } from './account.js'
import { AgentChannel, type Purpose } from './agent-channel.js'
import { tokenOf } from './sessions.js'

/** The agent version of a new Amazon Linux: it supports multiplexing, without keepalive. */
const agentVersion = '3.3.2299.0'

/**
 * The remote end of this process's sessions: it opens data channels on loopback like Session Manager's gateway, and
 * acts as the instance's agent. It doesn't keep the process running.
 */
export class Agent {
  private server: Promise<Server> | undefined
  private readonly channels = new Map<string, AgentChannel>()

  constructor(
    private readonly sessionOf: (id: string) => Promise<Session | undefined>,
    private readonly purposeOf: (session: Session) => Purpose,
  ) {}

  /** The address of data channels: "ws://127.0.0.1:<port>". */
  async listen(): Promise<string> {
    this.server ??= this.open()
    const { port } = (await this.server).address() as AddressInfo
    return `ws://127.0.0.1:${port}`
  }

  private async open(): Promise<Server> {
    const server = createServer((_, response) => response.writeHead(426).end())
    const sockets = new WebSocketServer({ server, maxPayload: 256 * 1024 })
    sockets.on('connection', (socket, request) => {
      const id = new URL(request.url ?? '/', 'ws://here').pathname.split('/').at(-1) ?? ''
      this.accept(socket, id).catch(() => socket.terminate())
    })
    server.on('connection', (socket) => socket.unref())
    server.listen(0, '127.0.0.1').unref()
    await once(server, 'listening')
    return server
  }

  /** The first frame contains the token; a session with an existing channel continues it on the new socket. */
  private async accept(socket: WebSocket, id: string): Promise<void> {
    const [[first], session] = await Promise.all([
      once(socket, 'message') as Promise<[Buffer]>,
      this.sessionOf(id),
    ])
    const { TokenValue } = JSON.parse(first.toString()) as { TokenValue?: string }
    if (!session || session.endedAt || TokenValue !== tokenOf(id))
      return socket.close(4401, 'no such session')
    const known = this.channels.get(id)
    if (known) return known.attach(socket)
    const channel = new AgentChannel(agentVersion, this.purposeOf(session), () => this.channels.delete(id))
    this.channels.set(id, channel)
    channel.attach(socket)
    channel.greet()
  }
}
