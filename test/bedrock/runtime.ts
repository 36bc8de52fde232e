import { createServer as createHttp, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime'
import { onTestFinished } from 'vitest'

export const ROLE = 'LibreChatInstanceRole'
const ACCESS_KEY = 'ASIAFROMTHEROLE'

/** How a model behaves: what it streams, or the error that AWS answers with; `untitled` refuses `Converse` alone. */
export type Behaviour =
  | { words: string[]; thoughts?: string[]; untitled?: string; throttles?: false }
  | { status: number; error: string; message: string }
  /** Begins to stream, then AWS sends an exception inside the stream. */
  | { words: string[]; breaksWith: string; message: string }
  | 'silent'

const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port

const listening = (server: Server | ReturnType<typeof createHttp2>): Promise<void> =>
  new Promise((done) => server.listen(0, '127.0.0.1', done))

/**
 * Converse and ConverseStream as Bedrock serves them: HTTP/2, signed requests, answers in the event-stream encoding, whose
 * frames are made by the SDK's own codec. Requests not signed with the role's key are refused.
 */
export async function runtime(models: Record<string, Behaviour>) {
  const asked: { model: string; operation: 'Converse' | 'ConverseStream'; body: Record<string, unknown> }[] =
    []
  const codec = await codecOfTheSdk()
  const server = createHttp2((request, response) => {
    const [, id = '', path] = /^\/model\/([^/]+)\/(converse(?:-stream)?)$/.exec(request.url) ?? []
    const model = decodeURIComponent(id)
    const operation = path === 'converse' ? 'Converse' : 'ConverseStream'
    const refuse = (status: number, error: string, message: string) => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': error })
      response.end(JSON.stringify({ message }))
    }
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', async () => {
      asked.push({ model, operation, body: JSON.parse(text) })
      if (!request.headers.authorization?.includes(`Credential=${ACCESS_KEY}/`)) {
        return refuse(
          403,
          'UnrecognizedClientException',
          'The security token included in the request is invalid.',
        )
      }
      const behaviour = models[model]
      if (!behaviour) return refuse(400, 'ValidationException', 'The provided model identifier is invalid.')
      if (behaviour === 'silent') return
      if ('error' in behaviour) return refuse(behaviour.status, behaviour.error, behaviour.message)
      if (operation === 'Converse') {
        if ('untitled' in behaviour && behaviour.untitled) {
          const isThrottled = behaviour.throttles ?? true
          return isThrottled
            ? refuse(429, 'ThrottlingException', behaviour.untitled)
            : refuse(400, 'ValidationException', behaviour.untitled)
        }
        response.writeHead(200, { 'content-type': 'application/json' })
        const message = { role: 'assistant', content: [{ text: 'A Short Greeting' }] }
        return response.end(JSON.stringify({ output: { message }, stopReason: 'end_turn' }))
      }
      response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' })
      for await (const frame of codec(eventsOf(behaviour))) response.write(frame)
      response.end()
    })
  })
  await listening(server)
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => sessions.add(session))
  onTestFinished(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${port(server)}`, asked }
}

interface Message {
  headers: Record<string, { type: 'string'; value: string }>
  body: Uint8Array
}

const message = (kind: 'event' | 'exception', name: string, content: object): Message => ({
  headers: {
    ':message-type': { type: 'string', value: kind },
    [`:${kind}-type`]: { type: 'string', value: name },
    ':content-type': { type: 'string', value: 'application/json' },
  },
  body: new TextEncoder().encode(JSON.stringify(content)),
})

function* eventsOf(behaviour: Extract<Behaviour, { words: string[] }>): Generator<Message> {
  yield message('event', 'messageStart', { role: 'assistant' })
  const thoughts = 'thoughts' in behaviour ? (behaviour.thoughts ?? []) : []
  for (const text of thoughts) {
    yield message('event', 'contentBlockDelta', {
      contentBlockIndex: 0,
      delta: { reasoningContent: { text } },
    })
  }
  for (const text of behaviour.words) {
    yield message('event', 'contentBlockDelta', { contentBlockIndex: 0, delta: { text } })
  }
  if ('breaksWith' in behaviour) {
    return yield message('exception', behaviour.breaksWith, { message: behaviour.message })
  }
  yield message('event', 'contentBlockStop', { contentBlockIndex: 0 })
  yield message('event', 'messageStop', { stopReason: 'end_turn' })
  // What a later version of the service may add must not be mistaken for a word.
  yield message('event', 'somethingNew', { delta: { text: 'no' } })
}

type Codec = (messages: Iterable<Message>) => AsyncIterable<Uint8Array>

/** The frames as the SDK itself would make them: prelude, headers, body and both checksums. */
async function codecOfTheSdk(): Promise<Codec> {
  const client = new BedrockRuntimeClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  })
  const { eventStreamMarshaller } = client.config as unknown as {
    eventStreamMarshaller: {
      serialize(
        messages: AsyncIterable<Message>,
        toMessage: (message: Message) => Message,
      ): AsyncIterable<Uint8Array>
    }
  }
  return async function* (messages) {
    async function* asynchronous() {
      yield* messages
    }
    for await (const frame of eventStreamMarshaller.serialize(asynchronous(), (one) => one)) {
      // The SDK ends a stream that it sends with an empty frame; a service's answer has none.
      if (frame.length > 16) yield frame
    }
  }
}

/**
 * The instance's metadata service as the host reaches it (one hop) and as a container on a bridge does (two).
 * IMDSv2 only: without a token 401. An answer to a token's PUT lives `hopLimit` hops, so that a container gets
 * none below 2; `null` for the role is an instance without one.
 */
export async function metadata({ hopLimit = 2, role = ROLE as string | null } = {}) {
  const serve =
    (hops: number): RequestListener =>
    (request, response) => {
      const send = (status: number, text: string) => response.writeHead(status).end(text)
      if (request.method === 'PUT' && request.url === '/latest/api/token') {
        if (hops > hopLimit) return
        if (!request.headers['x-aws-ec2-metadata-token-ttl-seconds']) return send(400, '')
        response.setHeader('x-aws-ec2-metadata-token-ttl-seconds', '60')
        return send(200, 'a-token')
      }
      if (request.headers['x-aws-ec2-metadata-token'] !== 'a-token') return send(401, '')
      const root = '/latest/meta-data/iam/security-credentials/'
      if (role && request.url === root) return send(200, role)
      if (role && request.url === root + role) {
        return send(
          200,
          JSON.stringify({
            Code: 'Success',
            LastUpdated: new Date().toISOString(),
            Type: 'AWS-HMAC',
            AccessKeyId: ACCESS_KEY,
            SecretAccessKey: 'secret',
            Token: 'session',
            Expiration: new Date(Date.now() + 3_600_000).toISOString(),
          }),
        )
      }
      return send(404, '')
    }
  const host = createHttp(serve(1))
  const container = createHttp(serve(2))
  await Promise.all([listening(host), listening(container)])
  onTestFinished(() => {
    for (const server of [host, container]) {
      server.closeAllConnections()
      server.close()
    }
  })
  return { fromHost: `http://127.0.0.1:${port(host)}`, fromContainer: `http://127.0.0.1:${port(container)}` }
}
