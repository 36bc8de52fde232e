import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The remote side of the tests: a gateway in a process of its own, which starts an agent in another. */
export class Remote {
  private readonly answers = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >()
  private gone: Error | undefined
  private asked = 0

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    child.on('exit', (code) => {
      this.gone = new Error(`the remote side has gone (${code})`)
      for (const { reject } of this.answers.values()) reject(this.gone)
    })
    child.on('message', ({ id, value }: { id: number; value: unknown }) => {
      this.answers.get(id)?.resolve(value)
      this.answers.delete(id)
    })
  }

  static async start(): Promise<Remote> {
    const child = fork(fileURLToPath(new URL('remote/gateway.mjs', import.meta.url)))
    const [ready] = (await once(child, 'message')) as [{ value: number }]
    return new Remote(child, ready.value)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  set(settings: Record<string, unknown>): Promise<void> {
    return this.ask('set', settings) as Promise<void>
  }

  /** How many connections were broken. */
  break(how: 'kill' | 'close' | 'half'): Promise<number> {
    return this.ask('break', how) as Promise<number>
  }

  /** Breaks the connections between the agent and the gateway. */
  breakAgent(): Promise<void> {
    return this.ask('breakAgent') as Promise<void>
  }

  pause(value: boolean): Promise<void> {
    return this.ask('pause', value) as Promise<void>
  }

  expire(reason: string): Promise<void> {
    return this.ask('expire', reason) as Promise<void>
  }

  /** Sends bytes to every client as they are. */
  send(bytes: Buffer): Promise<void> {
    return this.ask('send', bytes.toString('hex')) as Promise<void>
  }

  stats(): Promise<RemoteStats> {
    return this.ask('stats') as Promise<RemoteStats>
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return
    this.child.disconnect()
    await once(this.child, 'exit')
  }

  private ask(command: string, value?: unknown): Promise<unknown> {
    const id = ++this.asked
    if (this.gone) return Promise.reject(this.gone)
    return new Promise((resolve, reject) => {
      this.answers.set(id, { resolve, reject })
      this.child.send({ id, command, value })
    })
  }
}

export interface RemoteStats {
  calls: Record<string, number>
  upgrades: number
  refused: string[]
  pings: number
  tokens: number
  terminated: string[]
  started: { DocumentName?: string; Target: string; Parameters?: Record<string, string[]> }[]
  live: number
  passed: number
  buffered: number
  agents: {
    repeated: number
    seen: number
    acknowledged: number
    uncertain: number
    flying: number
    stuck: number
    early: number
  }[]
  memory: number
  cpu: { user: number; system: number }
}
