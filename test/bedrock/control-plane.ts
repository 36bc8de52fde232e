import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BedrockClient } from '@aws-sdk/client-bedrock'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../src/core/clock.js'
import { Interrupted } from '../../src/core/error.js'
import type { Event } from '../../src/core/event.js'
import { type AccountKind, bedrockControlPlane } from '../support/gateway/bedrock.js'

export interface Account {
  bedrock: BedrockClient
  /** The client of us-east-1. */
  home: BedrockClient
  region: string
  /** Every call as it came over the wire: "GET /foundation-models". */
  calls: string[]
  /** Parsed bodies of the calls that had one. */
  bodies: unknown[]
  events: Event[]
  /** How long the program slept, in milliseconds. */
  slept: () => number
  ask: { clock: Clock; signal: AbortSignal }
  emit: (event: Event) => void
  /** The most calls that were under way at one time. */
  mostAtOnce: () => number
}

/** An account of this kind behind real HTTP, asked by the real SDK client. */
export async function account(kind: AccountKind, region = 'us-east-1'): Promise<Account> {
  const controlPlane = bedrockControlPlane(kind)
  const calls: string[] = []
  const bodies: unknown[] = []
  const events: Event[] = []
  let underWay = 0
  let most = 0
  const server = createServer((request, response) => {
    most = Math.max(most, ++underWay)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://bedrock')
      const text = Buffer.concat(chunks).toString()
      const body: unknown = text ? JSON.parse(text) : undefined
      calls.push(`${request.method} ${decodeURIComponent(url.pathname)}`)
      if (body) bodies.push(body)
      const answer = controlPlane({
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        body,
        // As it was signed, which is how the service knows it.
        region: request.headers.authorization?.split('/')[2] ?? '',
      }) ?? { status: 404, headers: { 'x-amzn-errortype': 'UnknownOperationException' }, body: {} }
      // A moment, so that calls that are sent at once are seen at once.
      setTimeout(() => {
        underWay -= 1
        response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
        response.end(JSON.stringify(answer.body))
      }, 2)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const clientIn = (where: string) =>
    new BedrockClient({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: where,
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' },
      maxAttempts: 1,
    })
  const [bedrock, home] = [clientIn(region), clientIn('us-east-1')]
  onTestFinished(() => {
    for (const client of [bedrock, home]) client.destroy()
    server.close()
  })
  let now = 0
  const clock: Clock = {
    now: () => now,
    async sleep(ms, signal) {
      if (signal?.aborted) throw new Interrupted()
      now += ms
    },
  }
  return {
    bedrock,
    home,
    region,
    calls,
    bodies,
    events,
    slept: () => now,
    ask: { clock, signal: new AbortController().signal },
    emit: (event) => events.push(event),
    mostAtOnce: () => most,
  }
}
