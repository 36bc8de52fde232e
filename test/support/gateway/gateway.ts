import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Call, type Incoming, parseCall } from './call.js'
import { type Effect, Faults } from './faults.js'
import { type Answer, codeOf, errorAnswer, requestIdOf } from './wire.js'

/** What the gateway adds to moto, one subject each. Both are asked for every call. */
export interface Supplement {
  /** An answer instead of moto's. */
  before?(call: Call): Promise<Answer | undefined> | Answer | undefined
  /** Looks at what moto answered, and may put another answer in its place. */
  after?(call: Call, answer: Answer): Promise<Answer | undefined> | Answer | undefined
}

/**
 * Stands before moto as the one AWS endpoint of one account: writes every call down, lets faults strike, answers
 * what moto lacks or gets wrong, and forwards the rest byte for byte.
 */
export class Gateway {
  readonly calls: Call[] = []
  readonly faults = new Faults()
  /** What the public-IP look-up at `/checkip` says; a function to answer by request, e.g. to fail. */
  publicIp: string | (() => { status: number; body: string }) = '81.2.69.160'
  private readonly server = createServer((incoming, response) => void this.serve(incoming, response))

  constructor(
    private readonly moto: URL,
    private readonly supplements: readonly Supplement[],
  ) {
    this.server.keepAliveTimeout = 60_000
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Cuts every connection, as a router does to a machine that has been asleep. */
  breakConnections(): void {
    this.server.closeAllConnections()
  }

  async close(): Promise<void> {
    this.breakConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const incoming = await read(message)
    if (incoming.url.pathname === '/checkip') return this.sayPublicIp(response)
    const call = parseCall(incoming, this.calls.length + 1, Date.now())
    this.calls.push(call)
    try {
      const answer = await this.answer(call, incoming)
      if (!answer || message.socket.destroyed) return void message.socket.destroy()
      const error = codeOf(answer)
      const requestId = requestIdOf(answer)
      Object.assign(call, { status: answer.status }, error && { error }, requestId && { requestId })
      response.writeHead(answer.status, answer.headers).end(answer.body)
    } catch (error) {
      // A defect of the tests' own gateway must not look like AWS being busy.
      process.stderr.write(`gateway: ${call.service} ${call.action}: ${(error as Error).stack}\n`)
      message.socket.destroy()
    }
  }

  /** The answer, or nothing when the connection is to break. */
  private async answer(call: Call, incoming: Incoming): Promise<Answer | undefined> {
    const effects = this.faults.strike(call)
    for (const effect of effects) if (effect.kind === 'delay') await sleep(effect.ms)
    await act(effects, 'before', call)
    if (effects.some((effect) => effect.kind === 'cut')) return undefined
    const refused = effects.find((effect) => effect.kind === 'error')
    if (refused) return errorAnswer(call, refused.code, refused.message ?? refused.code)
    call.carriedOut = true
    const answer = await this.carryOut(call, incoming)
    await act(effects, 'after', call)
    return effects.some((effect) => effect.kind === 'drop') ? undefined : answer
  }

  private async carryOut(call: Call, incoming: Incoming): Promise<Answer> {
    for (const supplement of this.supplements) {
      const own = await supplement.before?.(call)
      if (own) return own
    }
    let answer = await this.forward(incoming)
    if (answer.body.startsWith('<!doctype html>'))
      throw new Error(`moto broke over ${JSON.stringify(call.params)}`)
    for (const supplement of this.supplements) answer = (await supplement.after?.(call, answer)) ?? answer
    return answer
  }

  private forward({ method, url, headers, body }: Incoming): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { host, port, hostname } = this.moto
      const path = url.pathname + url.search
      const outgoing = request(
        { hostname, port, path, method, headers: { ...headers, host } },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part
          })
          response.on('error', reject)
          response.on('end', () => {
            const named = Object.entries(response.headers)
            const kept = named.filter(([name]) => /^(content-type|x-amzn?-)/.test(name))
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(kept) as never,
              body: text,
            })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  private sayPublicIp(response: ServerResponse): void {
    const said =
      typeof this.publicIp === 'function' ? this.publicIp() : { status: 200, body: `${this.publicIp}\n` }
    response.writeHead(said.status, { 'content-type': 'text/plain' }).end(said.body)
  }
}

async function read(message: IncomingMessage): Promise<Incoming> {
  message.socket.setNoDelay(true)
  let body = ''
  message.setEncoding('utf8')
  for await (const part of message) body += part
  const { method = 'GET', headers } = message
  return { method, url: new URL(message.url ?? '/', 'http://gateway'), headers, body }
}

async function act(effects: Effect[], when: 'before' | 'after', call: Call): Promise<void> {
  for (const effect of effects) if (effect.kind === 'run' && effect.when === when) await effect.act(call)
}
