import { describe, expect, it } from 'vitest'
import { isSameMenu, judgeChat, menuFor } from '../../src/app/chat-proof.js'
import type { ChatProof, Proof } from '../../src/bedrock/proof.js'
import { nothingChosen, type Settings } from '../../src/lab/settings.js'

const AT = '2026-11-26T12:00:00.000Z'
const settings: Settings = {
  ...nothingChosen,
  models: ['sonnet', 'haiku', 'nova'].map((id) => ({ id, label: id.toUpperCase() })),
  defaultModel: 'sonnet',
  titleModel: 'haiku',
}

const says = (model: string): ChatProof => ({ model, ok: true, firstTokenMs: 1, text: 'Hi', since: AT })
const fails = (model: string): ChatProof => ({
  model,
  ok: false,
  error: 'ThrottlingException: Too many tokens',
})
const proof = (chat: ChatProof[], title?: Proof['title']): Proof => ({
  at: AT,
  presets: [],
  chat,
  ...(title && { title }),
})

describe('what a proof means', () => {
  it.each([
    ['all answer', proof(['sonnet', 'haiku', 'nova'].map(says)), 'ready', 0],
    ['some answer', proof([says('sonnet'), fails('haiku'), says('nova')]), 'degraded', 0],
    ['one was not asked', proof([says('sonnet'), says('haiku')]), 'degraded', 0],
    [
      'titles fail',
      proof(['sonnet', 'haiku', 'nova'].map(says), { model: 'haiku', ok: false, error: 'x' }),
      'degraded',
      0,
    ],
    ['none answers', proof(['sonnet', 'haiku', 'nova'].map(fails)), 'notReady', 2],
    ['nothing was asked', undefined, 'notReady', 2],
  ] as const)('where %s', (_, made, verdict, exitCode) => {
    expect(judgeChat(made, settings)).toMatchObject({ verdict, exitCode })
  })

  it('of a lab without chat is nothing to complain about', () => {
    expect(judgeChat(undefined, nothingChosen)).toMatchObject({ verdict: 'without', exitCode: 0 })
  })
})

describe("LibreChat's menu", () => {
  it('holds the models that answer, and begins and names conversations with one of them', () => {
    const menu = menuFor(settings, proof([fails('sonnet'), fails('haiku'), says('nova')]))
    expect(menu).toMatchObject({ models: [{ id: 'nova' }], defaultModel: 'nova', titleModel: 'nova' })
  })

  it('takes the model that gave the title', () => {
    const made = proof(['sonnet', 'haiku', 'nova'].map(says), { model: 'nova', ok: true })
    expect(menuFor(settings, made)).toMatchObject({ defaultModel: 'sonnet', titleModel: 'nova' })
  })

  it('is that of the settings before the first proof, and where no model answers', () => {
    const whole = { models: settings.models, defaultModel: 'sonnet', titleModel: 'haiku' }
    expect(menuFor(settings, undefined)).toMatchObject(whole)
    expect(menuFor(settings, proof(['sonnet', 'haiku', 'nova'].map(fails)))).toMatchObject(whole)
  })

  it('is empty for a lab without chat', () => {
    expect(menuFor(nothingChosen, undefined)).toMatchObject({ models: [], titleModel: undefined })
  })

  it('changes with the models that answer alone', () => {
    const all = proof(['sonnet', 'haiku', 'nova'].map(says))
    expect(isSameMenu(settings, undefined, all)).toBe(true)
    expect(isSameMenu(settings, all, proof([says('sonnet'), says('haiku'), fails('nova')]))).toBe(false)
  })
})
