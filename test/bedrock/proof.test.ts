import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { explain } from '../../src/bedrock/explain.js'
import {
  type ChatProof,
  isFresh,
  mayStillTurn,
  type Proof,
  proofIn,
  proofScript,
  readProof,
} from '../../src/bedrock/proof.js'
import { host } from './host.js'
import { type Behaviour, metadata, ROLE, runtime } from './runtime.js'

const SONNET = 'us.anthropic.claude-sonnet-5'
const NOVA = 'amazon.nova-pro-v1:0'
const AT = '2026-11-26T12:00:00.000Z'

const presetOf = (model: string, maxTokens = 8192) => ({ endpoint: 'bedrock' as const, model, maxTokens })
const script = (models: string[], titles = models) =>
  proofScript(
    models.map((model) => presetOf(model)),
    titles,
    { region: 'us-east-1', now: AT },
  )

interface Machine {
  models: Record<string, Behaviour>
  hopLimit?: number
  role?: string | null
}

/** Asks for the proof on a machine with this metadata service, of a Bedrock with these models. */
async function prove(
  asked: (string | ReturnType<typeof presetOf>)[],
  machine: Machine,
  titles: string[] = [],
) {
  const bedrock = await runtime(machine.models)
  const imds = await metadata(machine)
  const lab = host({
    environment: {
      AWS_ENDPOINT_URL_BEDROCK_RUNTIME: bedrock.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.fromContainer,
    },
  })
  const run = () =>
    lab.run(
      proofScript(
        asked.map((one) => (typeof one === 'string' ? presetOf(one) : one)),
        titles,
        { region: 'us-east-1', now: AT },
      ),
      imds.fromHost,
    )
  const ran = await run()
  return { ...ran, ...readProof(ran.stdout), asked: bedrock.asked, lab, run }
}

const failed = (proof: ChatProof | undefined): Extract<ChatProof, { ok: false }> => {
  if (!proof || proof.ok) throw new Error(`did not fail: ${JSON.stringify(proof)}`)
  return proof
}

describe('the chat proof', () => {
  it("streams one answer from each model with the role's credentials, and says its first words and how long they took", async () => {
    const { chat, role, code, stdout, asked } = await prove([SONNET, NOVA], {
      models: { [SONNET]: { words: ['Hello', ' from', ' Claude.'] }, [NOVA]: { words: ['Hi!'] } },
    })
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(chat).toEqual([
      {
        model: SONNET,
        ok: true,
        firstTokenMs: expect.any(Number),
        text: 'Hello from Claude.',
        since: expect.any(String),
      },
      { model: NOVA, ok: true, firstTokenMs: expect.any(Number), text: 'Hi!', since: expect.any(String) },
    ])
    expect(role).toBe(ROLE)
    expect(asked.map(({ model }) => model).sort()).toEqual([NOVA, SONNET])
  })

  it('takes a thought for an answer, but not a stream without a word', async () => {
    const { chat } = await prove([SONNET, NOVA], {
      models: { [SONNET]: { thoughts: ['Hm.'], words: [] }, [NOVA]: { words: [] } },
    })
    expect(chat[0]).toMatchObject({ ok: true, text: '' })
    expect(failed(chat[1]).error).toMatch(/^EmptyAnswer/)
  })

  it('reports what works and what does not, and still exits with 0', async () => {
    const { chat, code } = await prove([SONNET, NOVA], {
      models: {
        [NOVA]: { words: ['Hi!'] },
        [SONNET]: {
          status: 400,
          error: 'ValidationException',
          message: 'The provided model identifier is invalid.',
        },
      },
    })
    expect(code).toBe(0)
    expect(chat.map(({ ok }) => ok)).toEqual([false, true])
    expect(failed(chat[0]).error).toBe('ValidationException: The provided model identifier is invalid.')
  })

  it('detects an exception within the stream', async () => {
    const { chat } = await prove([SONNET], {
      models: {
        [SONNET]: {
          words: ['Hel'],
          breaksWith: 'modelStreamErrorException',
          message: 'The model broke off.',
        },
      },
    })
    expect(failed(chat[0]).error).toContain('The model broke off.')
  })

  it('tells a hop limit of 1 from a missing role', async () => {
    const models = { [SONNET]: { words: ['Hello'] } }
    const near = await prove([SONNET], { models, hopLimit: 1 })
    expect(near.asked).toEqual([])
    expect(explain(failed(near.chat[0]), { role: near.role, region: 'us-east-1' }).cause).toMatch(/hop limit/)
    const bare = await prove([SONNET], { models, role: null })
    expect(explain(failed(bare.chat[0]), { role: bare.role, region: 'us-east-1' }).cause).toMatch(
      /has no role/,
    )
  })

  it('remembers since when a model has answered, until it fails once', async () => {
    const models: Record<string, Behaviour> = { [SONNET]: { words: ['Hello'] } }
    const first = await prove([SONNET], { models })
    const since = (proof: ChatProof | undefined) => (proof?.ok ? proof.since : undefined)
    expect(readProof(first.lab.record())).toEqual({
      at: first.at,
      presets: [{ model: SONNET, maxTokens: 8192 }],
      chat: first.chat,
      role: ROLE,
    })
    first.lab.forge(JSON.stringify({ chat: [{ ...first.chat[0], since: '2026-01-01T00:00:00.000Z' }] }))
    expect(since(readProof((await first.run()).stdout).chat[0])).toBe('2026-01-01T00:00:00.000Z')
    models[SONNET] = { status: 403, error: 'AccessDeniedException', message: 'no' }
    await first.run()
    models[SONNET] = { words: ['Hello'] }
    const afresh = since(readProof((await first.run()).stdout).chat[0]) ?? ''
    expect(Date.now() - Date.parse(afresh)).toBeLessThan(60_000)
  })

  it('does not mind a record that was cut off', async () => {
    const { lab, run } = await prove([SONNET], { models: { [SONNET]: { words: ['Hello'] } } })
    lab.forge('{"chat":[{"mod')
    expect(readProof((await run()).stdout).chat[0]?.ok).toBe(true)
  })

  it("says so of every model when LibreChat's container does not run, or has no SDK", async () => {
    const stopped = await host({ running: false }).run(script([SONNET, NOVA]))
    expect(stopped.code).toBe(0)
    const bare = await host({ modules: false }).run(script([SONNET, NOVA]))
    expect(bare.code).toBe(0)
    for (const [{ stdout }, cause] of [
      [stopped, /is not running/],
      [bare, /lacks a module/],
    ] as const) {
      const { chat } = readProof(stdout)
      expect(chat.map(({ model, ok }) => [model, ok])).toEqual([
        [SONNET, false],
        [NOVA, false],
      ])
      expect(explain(failed(chat[0]), { region: 'us-east-1' }).cause).toMatch(cause)
    }
  })

  it('carries any model id through to Bedrock exactly, and no shell runs it', async () => {
    const ids = [`a'; touch /tmp/owned; '`, '$(touch /tmp/owned)', 'x\ny', '{{ssm:/secret}}', 'é模']
    for (const id of ids) expect(script(ids)).not.toContain(id)
    expect(script(ids)).not.toContain('{{')
    const models = Object.fromEntries(ids.map((id) => [id, { words: ['Hello'] }]))
    const { chat, asked } = await prove(ids, { models })
    expect(asked.map(({ model }) => model).sort()).toEqual([...ids].sort())
    expect(chat).toMatchObject(ids.map((model) => ({ model, ok: true })))
  })

  it('stays below the 48 KB that Run Command carries, for the longest menu of the longest ids', () => {
    expect(script(Array(40).fill('x'.repeat(200))).length).toBeLessThan(40_000)
  })
})

describe("LibreChat's own request", () => {
  const folder = new URL('requests/', import.meta.url)
  const families = readdirSync(folder).filter((name) => name.endsWith('.json'))

  const recordings = families.map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')))
  /** A proof asks up to three models for a title, so it takes three recordings; two of one model are neighbours. */
  const proofs = Math.ceil(families.length / 3)
  const proved = new Map<number, ReturnType<typeof prove>>()
  function proofOf(number: number) {
    const presets = recordings.filter((_, i) => i % proofs === number).map(({ preset }) => preset)
    const ids: string[] = presets.map(({ model }) => model)
    const behaviour: Behaviour = { words: ['Hello'], untitled: 'no', throttles: false }
    const models = Object.fromEntries(ids.map((id) => [id, behaviour]))
    return prove(presets, { models }, ids)
  }

  it.each(families.map((name, i) => [name, i] as const))(
    'is what the proof sends, parameter by parameter: %s',
    async (_, i) => {
      const proof = proved.get(i % proofs) ?? proofOf(i % proofs)
      proved.set(i % proofs, proof)
      const { preset, stream, title } = recordings[i]
      const asked = (await proof).asked.filter(({ model }) => model === preset.model)
      const sent = asked.map(({ model, operation, body }) => ({ operation, modelId: model, ...body }))
      expect(sent).toEqual([stream, title])
    },
  )

  it('asks the next model for a title where the first refuses, and says which one gives it', async () => {
    const models = { [NOVA]: { words: ['Hi'], untitled: 'Too many tokens' }, [SONNET]: { words: ['Hello'] } }
    const { title } = await prove([SONNET, NOVA], { models }, [NOVA, SONNET])
    expect(title).toEqual({ model: SONNET, ok: true })
  })

  it("tells why there are no titles where no model gives one, and asks none that didn't answer", async () => {
    const models: Record<string, Behaviour> = {
      [SONNET]: { words: ['Hello'], untitled: 'Too many tokens, please wait before trying again.' },
      [NOVA]: { status: 403, error: 'AccessDeniedException', message: 'no' },
    }
    const { title, asked } = await prove([SONNET, NOVA], { models }, [NOVA, SONNET])
    expect(title).toMatchObject({ model: SONNET, ok: false, error: expect.stringMatching(/Too many tokens/) })
    const titled = asked.filter(({ operation }) => operation === 'Converse')
    expect(new Set(titled.map(({ model }) => model))).toEqual(new Set([SONNET]))
  })
})

describe('reading the proof', () => {
  it.each(['', 'hello', '{"chat":[{"model":"x","ok":true}]}', '{"chat":[]}\nKilled'])(
    'refuses %j',
    (stdout) => {
      expect(() => readProof(stdout)).toThrow(expect.objectContaining({ code: 'no-proof' }))
    },
  )

  it('takes the last line, whatever is before it', () => {
    const line = { at: AT, presets: [], chat: [] }
    expect(readProof(`a warning\n${JSON.stringify(line)}\n`)).toEqual(line)
  })

  it('passes over what an earlier version kept, or what is no proof', () => {
    expect(proofIn({ chat: [] })).toBeUndefined()
    expect(proofIn(null)).toBeUndefined()
  })

  it.each([
    ['counts for a day', {}, 86_399_000, true],
    ['is too old after a day', {}, 86_400_000, false],
    ['is not trusted from the future', {}, -60_000, false],
    [
      'does not count when a model was silent',
      { chat: [{ model: SONNET, ok: false, error: 'x' }] },
      0,
      false,
    ],
    ['does not count without titles', { title: { model: SONNET, ok: false, error: 'x' } }, 0, false],
    ['does not count for another menu', { presets: [presetOf(NOVA)] }, 0, false],
    ['does not count for longer answers', { presets: [presetOf(SONNET, 4096)] }, 0, false],
  ] as const)('a kept proof %s', (_, more, age, fresh) => {
    const good: ChatProof = { model: SONNET, ok: true, firstTokenMs: 1, text: '', since: AT }
    const proof = { at: AT, presets: [presetOf(SONNET)], chat: [good], ...more } as unknown as Proof
    expect(isFresh(proof, [presetOf(SONNET)], Date.parse(AT) + age)).toBe(fresh)
  })

  it('trusts an answer fully only after a quarter of an hour', () => {
    const proof: ChatProof = {
      model: SONNET,
      ok: true,
      firstTokenMs: 1,
      text: '',
      since: '2026-11-23T12:00:00Z',
    }
    expect(mayStillTurn(proof, Date.parse('2026-11-23T12:14:59Z'))).toBe(true)
    expect(mayStillTurn(proof, Date.parse('2026-11-23T12:15:01Z'))).toBe(false)
    expect(mayStillTurn({ model: SONNET, ok: false, error: 'x' }, 0)).toBe(false)
  })
})

describe('a failure explained', () => {
  const who =
    'User: arn:aws:sts::1:assumed-role/LibreChatInstanceRole/i-1 is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:eu-north-1::foundation-model/x'
  it.each([
    [
      `AccessDeniedException: ${who} with an explicit deny in a service control policy: arn:aws:organizations::2:policy/p`,
      /organisation/,
    ],
    [`AccessDeniedException: ${who} because no permissions boundary allows the action`, /boundary/],
    [`AccessDeniedException: ${who} because no identity-based policy allows the action`, /role's policy/],
    [
      'AccessDeniedException: Model access is denied due to IAM user or service role is not authorized to perform the required AWS Marketplace actions (aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe)',
      /licence is not accepted/,
    ],
    [
      'ResourceNotFoundException: Model use case details have not been submitted for this account. Fill out the Anthropic use case details form before using the model.',
      /form/,
    ],
    ['AccessDeniedException: x is not available for this account', /not opened/],
    ["AccessDeniedException: You don't have access to the model with the specified model ID.", /settling/],
    ['ValidationException: Operation not allowed', /not cleared/],
    ['ThrottlingException: Too many tokens, please wait before trying again.', /quota of zero/],
    ['ThrottlingException: Too many requests, please wait before trying again.', /too often/],
    [
      "ValidationException: Invocation of model ID x with on-demand throughput isn't supported. Retry your request with the ID or ARN of an inference profile",
      /inference profile/,
    ],
    [
      'ResourceNotFoundException: This Model is marked by provider as Legacy and you have not been actively using the model in the last 30 days.',
      /retiring/,
    ],
    ['ValidationException: The provided model identifier is invalid.', /no such model/],
    [
      "ValidationException: data retention mode 'default' is not available for this model",
      /30 days.*"default"/,
    ],
    [
      'AccessDeniedException: Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided. Your AWS Marketplace subscription for this model cannot be completed at this time. If you recently fixed this issue, try again after 5 minutes.',
      /payment method/,
    ],
    [
      'ValidationException: Access to Anthropic models is not allowed from unsupported countries, regions, or territories. Please refer to https://www.anthropic.com/supported-countries for more information on the countries and regions Anthropic currently supports.',
      /country/,
    ],
    [
      'ExpiredTokenException: The security token included in the request is expired',
      /credentials have expired/,
    ],
    [
      "ValidationException: The model returned the following errors: This model doesn't support the Converse API",
      /Converse/,
    ],
    [
      'AccessDeniedException: You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information.',
      /does not take LibreChat's requests/,
    ],
    [
      'ValidationException: The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096.',
      /shorter answers/,
    ],
    ['ThrottlingException: Too many tokens per day, please wait before trying again.', /quota/],
    ['TimeoutError: no answer within 60 s', /no answer/],
    ['Error: getaddrinfo EAI_AGAIN bedrock-runtime.us-east-1.amazonaws.com', /no answer/],
    ['SomethingNew: never seen', /^SomethingNew: never seen$/],
  ])('%s', (error, cause) => {
    const explained = explain({ model: SONNET, error }, { role: ROLE, region: 'us-east-1' })
    expect(explained.cause).toMatch(cause)
    expect(explained.fix.length).toBeGreaterThan(0)
  })
})
