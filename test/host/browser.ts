import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'node:https'
import { connect } from 'node:tls'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** When each piece of the body came, in milliseconds since the request. */
  readonly arrivals: readonly number[]
}

/**
 * What a browser does with a site whose certificate was accepted once: no server name for a bare address, cookies
 * kept by the rules for Secure, sent back on the next visit.
 */
export class Browser {
  private readonly cookies = new Map<string, string>()
  private readonly agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  private readonly port: number
  private readonly host: string

  constructor(port: number, host = '127.0.0.1') {
    this.port = port
    this.host = host
  }

  ask(method: string, path: string, body?: Buffer | string): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const began = performance.now()
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          method,
          path,
          host: '127.0.0.1',
          port: this.port,
          agent: this.agent,
          servername: this.host === '127.0.0.1' ? '' : this.host,
          headers: {
            host: this.host,
            ...(cookie ? { cookie } : {}),
            ...(body ? { 'content-length': Buffer.byteLength(body) } : {}),
          },
        },
        (response) => {
          const arrivals: number[] = []
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            arrivals.push(performance.now() - began)
            text += chunk
          })
          // A connection that breaks in the middle of an answer.
          response.on('error', reject)
          response.on('end', () => {
            for (const set of response.headers['set-cookie'] ?? []) this.keep(set)
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, arrivals })
          })
        },
      )
      asked.on('error', reject)
      asked.end(body)
    })
  }

  private keep(set: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(set) ?? []
    if (name !== undefined && value !== undefined) this.cookies.set(name, value)
  }

  login(email: string, password: string): Promise<Answer> {
    return this.ask('POST', '/api/auth/login', JSON.stringify({ email, password }))
  }

  close(): void {
    this.agent.destroy()
  }
}

/** Opens a WebSocket, sends a word and returns what comes back. */
export function echo(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    let data = Buffer.alloc(0)
    let asked = false
    socket.on('error', reject)
    socket.setTimeout(180_000, () => reject(new Error('the WebSocket says nothing')))
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk])
      const end = data.indexOf('\r\n\r\n')
      if (end < 0) return
      if (!asked) {
        asked = true
        const mask = randomBytes(4)
        const masked = Buffer.from(word).map((byte, at) => byte ^ (mask[at % 4] ?? 0))
        socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | word.length]), mask, masked]))
      }
      const frame = data.subarray(end + 4)
      if (frame.length < 2 + word.length) return
      socket.destroy()
      resolve(frame.subarray(2).toString())
    })
  })
}

export const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
