import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { LabError } from '../../core/error.js'
import { Forward } from '../../tunnel/forward.js'
import type { ReachedInstance } from '../resolve-instance.js'
import type { Part } from './file.js'

/** One session downloads at about 0.7 MB/s, so several share the work. */
const sessions = 4
/** How long a transfer goes on without progress: Session Manager may be cut off for minutes. */
const patienceMs = 5 * 60_000
const pauseMs = 1000
/** Where the tunnel's own port is looked for first. */
const localPort = 47_300

interface Remote {
  port: number
  token: string
}

/** Where one part is fetched from or sent to. */
type Place = Pick<Part, 'file' | 'number'>

/** A port of the host behind the tunnel, and requests to it that survive cuts. */
export class Carrier {
  private moved: number
  /** A connection for each session, used again and again. */
  private readonly agent = new Agent({ keepAlive: true, maxSockets: sessions })

  constructor(
    private readonly forward: Pick<Forward, 'port' | 'close'>,
    private readonly token: string,
    private readonly clock: ReachedInstance['surroundings']['clock'],
    private readonly signal: AbortSignal,
  ) {
    this.moved = clock.now()
  }

  static async open(instance: ReachedInstance, remote: Remote, signal: AbortSignal): Promise<Carrier> {
    const { instanceId, surroundings, reason } = instance
    const forward = await Forward.open(
      { instanceId, remotePort: remote.port, localPort, sessions, reason, bind: '127.0.0.1' },
      surroundings,
      () => {}, // Cuts are repaired; what can't be is this class's own error.
      signal,
    )
    return new Carrier(forward, remote.token, surroundings.clock, signal)
  }

  async close(): Promise<void> {
    await this.forward.close()
    this.agent.destroy()
  }

  /** Does the work for each part, some at once; the first error ends it. */
  async each<P extends Place>(parts: readonly P[], work: (part: P) => Promise<void>): Promise<void> {
    const left = [...parts]
    const lane = async () => {
      for (let part = left.shift(); part; part = left.shift()) {
        this.signal.throwIfAborted()
        await work(part)
      }
    }
    await Promise.all(Array.from({ length: sessions }, lane))
  }

  /** The part's ciphertext. After a cut it goes on where it was, as long as the host still has the same. */
  async fetch(part: Place): Promise<Buffer> {
    let got: Buffer[] = []
    let tag = ''
    return await this.retry(part, async () => {
      const length = got.reduce((sum, chunk) => sum + chunk.length, 0)
      const range = tag ? { range: `bytes=${length}-`, 'if-range': tag } : {}
      const answer = await this.ask(part, 'GET', range)
      if (answer.statusCode === 200) {
        got = []
        tag = String(answer.headers.etag ?? '')
      }
      for await (const chunk of answer) {
        got.push(chunk as Buffer)
        this.moved = this.clock.now()
      }
      if (!answer.complete) throw new Error('cut off')
      return Buffer.concat(got)
    })
  }

  async send(part: Place, data: Buffer): Promise<void> {
    await this.retry(part, async () => {
      const answer = await this.ask(part, 'PUT', { 'content-length': String(data.length) }, data)
      answer.resume()
      await once(answer, 'end')
      this.moved = this.clock.now()
    })
  }

  private async ask(
    { file, number }: Place,
    method: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<IncomingMessage> {
    const asked = request({
      host: '127.0.0.1',
      port: this.forward.port,
      path: `/${file}/${number}`,
      method,
      agent: this.agent,
      timeout: 60_000,
      signal: this.signal,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer')))
    asked.end(body)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    if ([200, 204, 206].includes(answer.statusCode ?? 0)) return answer
    answer.destroy()
    throw refused(`the host answered ${answer.statusCode} for ${file}`)
  }

  /** Tries again after a cut, as long as something has moved within the last minutes. */
  private async retry<T>(part: Place, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (this.signal.aborted || error instanceof LabError) throw error
        if (this.clock.now() - this.moved > patienceMs)
          throw refused(`${part.file}: ${error instanceof Error ? error.message : String(error)}`, error)
        await this.clock.sleep(pauseMs, this.signal)
      }
    }
  }
}

const refused = (why: string, cause?: unknown) =>
  new LabError({
    code: 'transfer-failed',
    what: 'The transfer between the host and this computer failed.',
    why: `${why.charAt(0).toUpperCase()}${why.slice(1)}.`,
    fix: [
      { command: { path: 'status' }, text: 'shows whether the host is reachable' },
      'Then run the same command again.',
    ],
    fault: 'aws',
    cause,
  })
