import { describe, expect, it } from 'vitest'
import { arrangeAccess, type Consent, type Licence } from '../../src/bedrock/access.js'
import { findModels } from '../../src/bedrock/models.js'
import { pick } from '../../src/bedrock/pick.js'
import { parseUseCase, type UseCase } from '../../src/bedrock/use-case.js'
import type { AccountKind } from '../support/gateway/bedrock.js'
import { account } from './control-plane.js'

const filledIn: UseCase = {
  companyName: 'Beispiel & Söhne',
  companyWebsite: 'https://example.com',
  intendedUsers: '0',
  industryOption: 'Education',
  otherIndustryOption: '',
  useCases: 'A private chat for "our" team of five.',
}

interface Answers {
  form?: UseCase | undefined
  licence?: (licence: Licence) => boolean
}

/** Looks, picks `--models` where given, asks for access, looks again; with all that was asked and sent. */
async function arrange(
  kind: AccountKind,
  { form, licence = () => false }: Answers,
  wanted?: string[],
  region = 'us-east-1',
) {
  const asked: (Licence | 'form')[] = []
  const consent: Consent = {
    async useCase() {
      asked.push('form')
      return form
    },
    async licence(one) {
      asked.push(one)
      return licence(one)
    },
  }
  const world = await account(kind, region)
  const { bedrock, home, ask, emit } = world
  const look = async () => pick(await findModels(bedrock, { region, home, ...ask }), wanted)
  const before = await look()
  world.calls.length = 0
  const done = await arrangeAccess(bedrock, before.blocked, { consent, emit, home, ...ask })
  const legal = world.calls.filter((call) => !call.startsWith('GET '))
  return { ...world, asked, legal, done, before, after: await look() }
}

const PUT_FORM = 'POST /use-case-for-model-access'
const ACCEPT = 'POST /create-foundation-model-agreement'

describe("access arranged with the user's consent", () => {
  it('sends the form, accepts each licence, waits until it is there, and Claude can be called', async () => {
    const { legal, done, asked, after, slept, bodies } = await arrange('form-missing', {
      form: filledIn,
      licence: () => true,
    })
    expect(legal).toEqual([PUT_FORM, ACCEPT, ACCEPT, ACCEPT])
    expect(asked.map((one) => (one === 'form' ? one : one.model.name))).toEqual([
      'form',
      'Claude Opus 5',
      'Claude Sonnet 5',
      'Claude Haiku 4.5',
    ])
    expect(done.map(({ name }) => name)).toEqual(['Claude Opus 5', 'Claude Sonnet 5', 'Claude Haiku 4.5'])
    expect(after.default?.name).toBe('Claude Sonnet 5')
    expect(after.blocked).toEqual([])
    expect(slept()).toBeGreaterThan(0)
    const { formData } = bodies[0] as { formData: string }
    expect(JSON.parse(Buffer.from(formData, 'base64').toString())).toEqual(filledIn)
  })

  it('sends the form to us-east-1, which alone takes it, for a lab anywhere', async () => {
    const { legal, after } = await arrange(
      'form-missing',
      { form: filledIn, licence: () => true },
      ['claude-sonnet-5'],
      'eu-central-1',
    )
    expect(legal).toEqual([PUT_FORM, ACCEPT])
    expect(after.default?.id).toBe('eu.anthropic.claude-sonnet-5')
  })

  it("passes on AWS's words when it refuses the form", async () => {
    const { bedrock, ask, emit } = await account('form-missing', 'eu-central-1')
    const { blocked } = pick(await findModels(bedrock, { region: 'eu-central-1', ...ask }))
    const consent: Consent = { useCase: async () => filledIn, licence: async () => true }
    await expect(arrangeAccess(bedrock, blocked, { consent, emit, ...ask })).rejects.toMatchObject({
      code: 'use-case-refused',
      why: 'Invalid form data.',
    })
  })

  it('shows where the licence can be read and what its use costs, before the yes', async () => {
    const { asked } = await arrange('licence-missing', {}, ['claude-sonnet-5'])
    expect(asked).toEqual([
      {
        model: { modelId: 'anthropic.claude-sonnet-5', name: 'Claude Sonnet 5', provider: 'Anthropic' },
        url: 'https://example.com/eula/anthropic.claude-sonnet-5',
        prices: [
          { what: 'Million Input Tokens', price: '3', unit: 'Million tokens' },
          { what: 'Million Response Tokens', price: '15', unit: 'Million tokens' },
        ],
        refunds: 'No refunds.',
      },
    ])
  })

  it('shows the progress of a licence, and ends its line', async () => {
    const { events } = await arrange('licence-missing', { licence: () => true }, ['claude-sonnet-5'])
    expect(events.map((event) => event.type === 'task' && [event.name, event.state])).toEqual([
      ['licence for Claude Sonnet 5', 'started'],
      ['licence for Claude Sonnet 5', 'done'],
    ])
  })

  it('continues without a model whose licence AWS cannot set up, and reports that', async () => {
    const { events, after } = await arrange('licence-failing', { licence: () => true }, ['claude-sonnet-5'])
    expect(events.at(-1)).toMatchObject({ state: 'failed' })
    expect(after.blocked[0]?.problem).toMatchObject({
      reason: 'licence-failed',
      what: expect.stringContaining('The subscription could not be completed.'),
    })
  })

  it('waits for a licence that was accepted before, five minutes and no longer, and asks nothing', async () => {
    const { asked, legal, events, slept, before, after } = await arrange('licence-stuck', {}, [
      'claude-sonnet-5',
    ])
    expect(before.blocked[0]?.problem?.reason).toBe('licence-pending')
    expect([asked, legal]).toEqual([[], []])
    expect(slept()).toBeGreaterThan(4 * 60_000)
    expect(slept()).toBeLessThanOrEqual(5 * 60_000)
    expect(events.at(-1)).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('may still be setting it up'),
    })
    expect(after.blocked[0]?.problem?.reason).toBe('licence-pending')
  })

  it('names the Marketplace right that the caller lacks', async () => {
    await expect(arrange('no-marketplace', { licence: () => true })).rejects.toMatchObject({
      code: 'bedrock-denied',
      fix: [expect.stringContaining('Allow aws-marketplace:Subscribe')],
    })
  })

  it('says so where AWS Marketplace makes no offer', async () => {
    await expect(arrange('no-offer', { licence: () => true })).rejects.toMatchObject({
      code: 'licence-refused',
      why: expect.stringContaining('no offer'),
    })
  })

  it('has nothing to ask on an account where everything is open', async () => {
    const { asked, legal } = await arrange('open', { form: filledIn, licence: () => true })
    expect([asked, legal]).toEqual([[], []])
  })
})

describe('nothing legal happens without its own yes', () => {
  it.each([
    ['the form is left', 'form-missing', {}, []],
    ['the form is sent, but no licence accepted', 'form-missing', { form: filledIn }, [PUT_FORM]],
    ['licences would be accepted, but the form is left', 'form-missing', { licence: () => true }, []],
    ['every licence is declined', 'licence-missing', {}, []],
    [
      'one licence of three is accepted',
      'licence-missing',
      { licence: (one: Licence) => one.model.name === 'Claude Sonnet 5' },
      [ACCEPT],
    ],
  ] as const)('when %s', async (_, kind, answers, sent) => {
    const { legal, bodies } = await arrange(kind, answers)
    expect(legal).toEqual(sent)
    for (const body of bodies.filter((one) => Object.hasOwn(one as object, 'offerToken'))) {
      expect(body).toMatchObject({ modelId: 'anthropic.claude-sonnet-5' })
    }
  })

  it('asks about each licence by itself', async () => {
    const { asked } = await arrange('licence-missing', { licence: () => true })
    expect(new Set(asked.map((one) => one !== 'form' && one.model.modelId)).size).toBe(3)
    expect(asked).not.toContain('form')
  })

  it('an answer that would be no valid form is not sent', async () => {
    await expect(
      arrange('form-missing', { form: { ...filledIn, companyWebsite: 'javascript:alert(1)' } }),
    ).rejects.toThrow()
  })
})

describe('--use-case-file', () => {
  it('is read whole', () => {
    expect(parseUseCase(JSON.stringify({ ...filledIn, otherIndustryOption: undefined }), 'f.json')).toEqual(
      filledIn,
    )
  })

  it.each([
    ['', 'the file'],
    ['[]', 'the file'],
    [JSON.stringify({ ...filledIn, intendedUsers: 'everybody' }), 'intendedUsers'],
    [JSON.stringify({ ...filledIn, companyWebsite: 'example' }), 'companyWebsite'],
    [JSON.stringify({ ...filledIn, useCases: 'chat' }), 'useCases'],
    [JSON.stringify({ ...filledIn, companyName: 'x'.repeat(129) }), 'companyName'],
    [JSON.stringify({ ...filledIn, surprise: 1 }), 'surprise'],
  ])('that holds %j is refused, naming %s', (text, field) => {
    expect(() => parseUseCase(text, 'f.json')).toThrow(
      expect.objectContaining({ code: 'bad-use-case-file', why: expect.stringContaining(field) }),
    )
  })
})
