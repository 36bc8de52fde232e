/**
 * The program that runs inside LibreChat's API container, fed to `node` over standard input: one streamed
 * answer from each model, with the SDK that LibreChat itself uses and whatever credentials the container has.
 * CommonJS, for a program on standard input has no folder of its own: the SDK is looked up from LibreChat's
 * `api` (its package.json names it; npm hoists it to the root of the workspace).
 *
 * In: `CHAT_PROOF` (base64 of `{region, models, timeoutMs}`), `CHAT_PROOF_BEFORE` (base64 of the last proof, or
 * empty), `CHAT_PROOF_ROLE` (the role as the host sees it, or empty). Out: the proof as one line of JSON.
 */
export const proofProgram = String.raw`
const { createRequire } = require('node:module')

const fromBase64 = (text) => Buffer.from(text ?? '', 'base64').toString()
const { region, models, timeoutMs } = JSON.parse(fromBase64(process.env.CHAT_PROOF))

function sinceBefore() {
  try {
    const { chat } = JSON.parse(fromBase64(process.env.CHAT_PROOF_BEFORE))
    return new Map(chat.map(({ model, since }) => [model, since]))
  } catch {
    return new Map() // the first proof, or a record that was cut off
  }
}

/** An error with what caused it, short enough for forty of them in one command's output. */
function said(error) {
  const causes = (error.errors ?? [error.cause]).filter(Boolean).map((one) => one.message)
  return [error.name + ': ' + error.message, ...causes].join('; ').slice(0, 500)
}

async function prove(client, Command, model) {
  const begun = performance.now()
  const timeout = AbortSignal.timeout(timeoutMs)
  let firstTokenMs
  let text = ''
  try {
    const { stream } = await client.send(
      new Command({
        modelId: model,
        messages: [{ role: 'user', content: [{ text: 'Greet me in one short sentence.' }] }],
        inferenceConfig: { maxTokens: 512 },
      }),
      { abortSignal: timeout },
    )
    for await (const event of stream) {
      const delta = event.contentBlockDelta?.delta
      // A model that thinks first shows that before it speaks: it answers either way.
      if (delta) firstTokenMs ??= Math.round(performance.now() - begun)
      text += delta?.text ?? ''
    }
    if (firstTokenMs === undefined) return { model, ok: false, error: 'EmptyAnswer: the stream ended without a word' }
    return { model, ok: true, firstTokenMs, text: text.trim().slice(0, 80) }
  } catch (error) {
    if (timeout.aborted) return { model, ok: false, error: 'TimeoutError: no answer within ' + timeoutMs / 1000 + ' s' }
    return { model, ok: false, error: said(error) }
  }
}

async function ask() {
  const { BedrockRuntimeClient, ConverseStreamCommand } = createRequire(process.cwd() + '/api/')(
    '@aws-sdk/client-bedrock-runtime',
  )
  const client = new BedrockRuntimeClient({ region })
  return await Promise.all(models.map((model) => prove(client, ConverseStreamCommand, model)))
}

async function main() {
  const before = sinceBefore()
  const now = new Date().toISOString()
  const answers = await ask().catch((error) => models.map((model) => ({ model, ok: false, error: said(error) })))
  const chat = answers.map((one) => (one.ok ? { ...one, since: before.get(one.model) ?? now } : one))
  const role = process.env.CHAT_PROOF_ROLE
  process.stdout.write(JSON.stringify({ chat, ...(role && { role }) }) + '\n', () => process.exit(0))
}

main()
`
