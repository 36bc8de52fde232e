/**
 * The program that runs inside LibreChat's API container, fed to `node` over standard input. It sends what LibreChat
 * sends for a new conversation: a streamed answer from each model, then the title. LibreChat's own parser
 * (`librechat-data-provider`) turns each preset into the model's parameters, so that thinking, beta headers and
 * token limits are those of the release in the container. What `@librechat/agents` adds is repeated here: the empty
 * system prompt, the cache point at the end of the user's message (an hour for Claude, AWS's default for Nova), and
 * a title request without any parameters. test/bedrock/requests holds what the real program sends.
 *
 * CommonJS, because a program on standard input has no folder: modules are looked up from LibreChat's `api`.
 *
 * In: `CHAT_PROOF` (base64 of `{region, presets, titles, timeoutMs, titleTimeoutMs}`), `CHAT_PROOF_BEFORE` (base64 of
 * the last proof, or empty), `CHAT_PROOF_ROLE` (the role as the host sees it, or empty). Out: one line of JSON.
 */
export const proofProgram = String.raw`
const { createRequire } = require('node:module')

const fromBase64 = (text) => Buffer.from(text ?? '', 'base64').toString()
const { region, presets, titles, timeoutMs, titleTimeoutMs } = JSON.parse(fromBase64(process.env.CHAT_PROOF))
const QUESTION = 'Greet me in one short sentence.'

function sinceBefore() {
  try {
    const { chat } = JSON.parse(fromBase64(process.env.CHAT_PROOF_BEFORE))
    return new Map(chat.map(({ model, since }) => [model, since]))
  } catch {
    return new Map() // the first proof, or a record that was cut off
  }
}

/** An error with its causes, short enough for forty of them in one command's output. */
function said(error) {
  const causes = (error.errors ?? [error.cause]).filter(Boolean).map((one) => one.message)
  return [error.name + ': ' + error.message, ...causes].join('; ').slice(0, 350)
}

/** LibreChat's streaming request for the first message of a conversation with this preset. */
function streamRequest({ bedrockInputSchema, bedrockInputParser, bedrockOutputParser }, { endpoint, ...chosen }) {
  const { spec, ...parameters } = bedrockInputSchema.parse(chosen)
  const options = bedrockOutputParser(bedrockInputParser.parse({ region, ...parameters }))
  const { model, maxTokens, temperature, topP, stop, promptCache, additionalModelRequestFields } = options
  const inferenceConfig = Object.fromEntries(
    Object.entries({ maxTokens, temperature, topP, stopSequences: stop }).filter(([, value]) => value !== undefined),
  )
  const cachePoint = { type: 'default', ...(/claude|anthropic/i.test(model) && { ttl: '1h' }) }
  return {
    modelId: model,
    system: [],
    messages: [{ role: 'user', content: [{ text: QUESTION }, ...(promptCache ? [{ cachePoint }] : [])] }],
    ...(Object.keys(inferenceConfig).length > 0 && { inferenceConfig }),
    ...(additionalModelRequestFields && { additionalModelRequestFields }),
  }
}

/** LibreChat's request for the conversation's title: no token limit, no parameters. */
const titleRequest = (model, answer) => ({
  modelId: model,
  messages: [
    {
      role: 'user',
      content: [
        {
          text:
            'Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title itself.\n\nConversation:\nUser: ' +
            QUESTION + '\nAI: ' + answer,
        },
      ],
    },
  ],
})

/** Runs one request with a time limit. A failure is returned as a result. */
async function within(ms, model, ask) {
  const timeout = AbortSignal.timeout(ms)
  try {
    return { model, ...(await ask(timeout)) }
  } catch (error) {
    if (timeout.aborted) return { model, ok: false, error: 'TimeoutError: no answer within ' + ms / 1000 + ' s' }
    return { model, ok: false, error: said(error) }
  }
}

async function stream(client, request, abortSignal) {
  const begun = performance.now()
  let firstTokenMs
  let text = ''
  const answer = await client.stream(request, { abortSignal })
  for await (const event of answer.stream) {
    const delta = event.contentBlockDelta?.delta
    // A thinking model streams its reasoning first, which counts as an answer.
    if (delta) firstTokenMs ??= Math.round(performance.now() - begun)
    text += delta?.text ?? ''
  }
  if (firstTokenMs === undefined) return { ok: false, error: 'EmptyAnswer: the stream ended without a word' }
  return { ok: true, firstTokenMs, text: text.trim().slice(0, 80) }
}

/** The result of the first candidate that gives a title, or the last one's failure. */
async function proveTitle(client, answered) {
  let last
  for (const model of titles) {
    const talk = answered.find((one) => one.model === model && one.ok)
    if (!talk) continue
    last = await within(titleTimeoutMs, model, async (abortSignal) => {
      await client.send(titleRequest(model, talk.text), { abortSignal })
      return { ok: true }
    })
    if (last.ok) return last
  }
  return last
}

function open() {
  const require = createRequire(process.cwd() + '/api/')
  const { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand } = require('@aws-sdk/client-bedrock-runtime')
  const client = new BedrockRuntimeClient({ region })
  return {
    parser: require('librechat-data-provider'),
    stream: (request, options) => client.send(new ConverseStreamCommand(request), options),
    send: (request, options) => client.send(new ConverseCommand(request), options),
  }
}

async function prove() {
  const client = open()
  const chat = await Promise.all(
    presets.map((preset) =>
      within(timeoutMs, preset.model, (signal) => stream(client, streamRequest(client.parser, preset), signal)),
    ),
  )
  return { chat, title: await proveTitle(client, chat) }
}

async function main() {
  const before = sinceBefore()
  const at = new Date().toISOString()
  const { chat, title } = await prove().catch((error) => ({
    chat: presets.map(({ model }) => ({ model, ok: false, error: said(error) })),
  }))
  const proof = {
    at,
    presets,
    chat: chat.map((one) => (one.ok ? { ...one, since: before.get(one.model) ?? at } : one)),
    title,
    role: process.env.CHAT_PROOF_ROLE || undefined,
  }
  process.stdout.write(JSON.stringify(proof) + '\n', () => process.exit(0))
}

main()
`
