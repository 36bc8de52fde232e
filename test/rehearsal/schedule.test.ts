import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { account } from './in-process.js'

const parameter = '/librechat-lab/default/spec'
const set = 'schedule set --start 08:00 --stop 20:00 --timezone UTC'

describe('a schedule that is missing in the stored settings', () => {
  const lab = account()
  let whole: ReturnType<typeof lab.there>
  const schedules = () => Object.keys(lab.there().regions['us-east-1']?.scheduleGroups ?? {})
  const stored = () =>
    JSON.parse(lab.there().regions['us-east-1']?.parameters[parameter]?.value ?? '') as Record<
      string,
      object | undefined
    >
  beforeAll(async () => {
    await lab.run('up --yes')
    await lab.run(set)
    lab.change(({ regions }) => {
      const found = regions['us-east-1']?.parameters[parameter]
      if (found) found.value = JSON.stringify({ ...stored(), schedule: undefined })
    })
    whole = lab.there()
  })
  beforeEach(() => lab.change((now) => Object.assign(now, whole)))

  it('is told by status and schedule show, and deleted by schedule off', async () => {
    const status = await lab.run('status')
    expect(status.code).toBe(2)
    expect(status.stdout).toMatch(/schedules LibreChat/)
    const shown = await lab.run('schedule show')
    expect(shown.stdout).toMatch(
      /have no schedule, but AWS has one:[\s\S]*schedule off --rehearse +deletes it/,
    )
    expect(await lab.run('schedule off')).toMatchObject({ code: 0 })
    expect(schedules()).toEqual([])
    expect(Object.keys(stored().creations ?? {})).not.toContain('scheduleGroup')
    expect((await lab.run('schedule show')).stdout).toContain('has no schedule.')
    expect(await lab.run('status')).toMatchObject({ code: 0 })
  })

  it('is told and kept by up, and stored again by schedule set', async () => {
    const kept = await lab.run('up --yes')
    expect(kept.code, kept.stderr).toBe(0)
    expect(kept.stderr).toContain(
      'still starts and stops the lab. librechat-lab schedule off --rehearse ends that',
    )
    expect(schedules()).toEqual(['LibreChat'])
    expect(Object.keys(stored().creations ?? {})).toContain('scheduleGroup')
    expect(await lab.run('status')).toMatchObject({ code: 2 })
    expect(await lab.run(set)).toMatchObject({ code: 0 })
    expect((await lab.run('up --yes')).stderr).not.toContain('schedule')
    expect(await lab.run('status')).toMatchObject({ code: 0 })
  })

  it('is deleted by destroy, also after an up', async () => {
    await lab.run('up --yes --disk 40')
    const ended = await lab.run('destroy --confirm default --no-backup')
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stdout).not.toContain('not proven')
    expect(schedules()).toEqual([])
    expect(Object.keys(lab.there().roles)).toEqual([])
  })
})
