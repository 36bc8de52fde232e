import type { Instance } from '@aws-sdk/client-ec2'
import { describe, expect, it } from 'vitest'
import { creationOf, type Proven, Unproven } from '../../src/resources/creation.js'
import { claim, lab, proofOf, seen } from './context.js'

const marked = [...claim, { Key: 'librechat-lab:creation', Value: '0123456789abcdef' }]
const otherMark = [...claim, { Key: 'librechat-lab:creation', Value: 'fedcba9876543210' }]
const host: Instance = { InstanceId: 'i-lab' }

const roleOf = (more: Partial<Parameters<typeof creationOf>[0]>) =>
  creationOf({ lab, adopt: false, name: 'LibreChatInstanceRole', proof: proofOf({}), ...more }, 'role')

const check = (
  tags: typeof claim,
  {
    adopt = false,
    isUsed = false,
    ...of
  }: Parameters<typeof proofOf>[0] & { adopt?: boolean; isUsed?: boolean } = {},
) =>
  roleOf({ adopt, proof: proofOf(of) }).check(
    tags,
    seen,
    async ({ InstanceId }) => isUsed && InstanceId === host.InstanceId,
  )

describe('the proof of a role or an instance profile', () => {
  it('is its creation id', async () => {
    expect(await check(marked)).toEqual({ owned: true, marked: true })
  })

  it('is its use by the proven instance, where the id is missing or another', async () => {
    for (const tags of [claim, otherMark])
      expect(await check(tags, { instance: host, isUsed: true })).toEqual({ owned: true, marked: false })
    await expect(check(otherMark, { instance: host })).rejects.toBeInstanceOf(Unproven)
    await expect(check(otherMark, { isUsed: true })).rejects.toBeInstanceOf(Unproven)
  })

  it('is the stored settings of an older version, which recorded no id and set none', async () => {
    expect(await check(claim, { isRecorded: false })).toEqual({ owned: true, marked: false })
    await expect(check(claim, { isRecorded: false, isStored: false })).rejects.toBeInstanceOf(Unproven)
    await expect(check(otherMark, { isRecorded: false })).rejects.toBeInstanceOf(Unproven)
    await expect(check(claim)).rejects.toBeInstanceOf(Unproven)
  })

  it('is not the lab’s tags alone: the error names what has them, and only --adopt accepts it', async () => {
    await expect(check(claim)).rejects.toMatchObject({
      code: 'unowned',
      stranger: { kind: 'role', id: 'LibreChatInstanceRole' },
    })
    expect(await check(claim, { adopt: true })).toEqual({ owned: false, marked: false })
  })

  it('needs the lab’s tags, whatever the id says', async () => {
    const id = marked.slice(-1)
    await expect(check(id)).rejects.toMatchObject({ code: 'unowned' })
    expect(await check(id, { adopt: true })).toEqual({ owned: false, marked: false })
    const elsewhere = marked.map((tag) =>
      tag.Key === 'librechat-lab:region' ? { ...tag, Value: 'eu-west-1' } : tag,
    )
    await expect(check(elsewhere, { adopt: true })).rejects.toMatchObject({ code: 'other-region' })
  })
})

describe('the tags of a proof', () => {
  const states: [string, Proven, string[], typeof marked][] = [
    ['proven', { owned: true, marked: true }, [], []],
    ['older', { owned: true, marked: false }, ['creation id'], marked.slice(-1)],
    ['adopted', { owned: false, marked: false }, ['ownership'], marked],
  ]

  it.each(states)('of one that is %s are completed, and the plan says so', (_, state, changes, tags) => {
    expect(
      roleOf({})
        .changes(state)
        .map(({ what }) => what),
    ).toEqual(changes)
    const missing = roleOf({}).missing(state)
    expect(missing).toHaveLength(tags.length)
    expect(missing).toEqual(expect.arrayContaining(tags))
  })

  it('are all set by the creating call, with the user’s own', () => {
    expect(roleOf({ lab: { ...lab, tags: { team: 'chat' } } }).tags).toEqual(
      expect.arrayContaining([...marked, { Key: 'team', Value: 'chat' }]),
    )
  })
})
