import {
  CreateScheduleGroupCommand,
  DeleteScheduleGroupCommand,
  GetScheduleGroupCommand,
  ListSchedulesCommand,
  ListTagsForResourceCommand,
  SchedulerClient,
  TagResourceCommand,
} from '@aws-sdk/client-scheduler'
import { mockClient } from 'aws-sdk-client-mock'
import { beforeEach, describe, expect, it } from 'vitest'
import { scheduleGroup } from '../../src/resources/schedule-group.js'
import { awsError, claim, context, lab, marked, proofOf, seen } from './context.js'

const sdk = mockClient(SchedulerClient)
const scheduler = new SchedulerClient({ region: 'us-east-1' })
const gone = awsError('ResourceNotFoundException')
beforeEach(() => sdk.reset())

const group = (adopt = false) =>
  scheduleGroup({ scheduler, lab, adopt, name: 'LibreChat', proof: proofOf({}), after: [] })
const active = () => {
  sdk.on(GetScheduleGroupCommand).resolves({ State: 'ACTIVE' })
  sdk.on(ListTagsForResourceCommand).resolves({ Tags: marked })
}

describe('the schedule group', () => {
  it('is ours by its creation id, and a foreign one of that name is not taken', async () => {
    active()
    const ours = await group().observe(seen)
    expect(ours).toMatchObject({ owned: true, marked: true })
    expect(group().changes(ours, () => undefined)).toEqual([])
    for (const Value of [undefined, 'fedcba9876543210']) {
      const id = Value ? [{ Key: 'librechat-lab:creation', Value }] : []
      sdk.on(ListTagsForResourceCommand).resolves({ Tags: [...id, ...claim] })
      await expect(group().observe(seen)).rejects.toMatchObject({
        code: 'unowned',
        stranger: { kind: 'schedule-group', id: 'LibreChat' },
      })
    }
    sdk.on(ListTagsForResourceCommand).resolves({ Tags: [] })
    await expect(group().observe(seen)).rejects.toMatchObject({ code: 'unowned' })
    const adopted = await group(true).observe(seen)
    expect(adopted).toMatchObject({ owned: false })
    sdk.on(TagResourceCommand).resolves({})
    await group(true).ensure(adopted, context())
    expect(sdk.commandCalls(TagResourceCommand)[0]?.args[0].input.Tags).toEqual(marked)
  })

  it('is gone while it is being deleted, and is created once it is', async () => {
    sdk.on(GetScheduleGroupCommand).resolves({ State: 'DELETING' })
    expect(await group().observe(seen)).toBeUndefined()
    sdk.on(CreateScheduleGroupCommand).rejectsOnce(awsError('ConflictException')).resolves({})
    await group().ensure(undefined, context())
    const [, made] = sdk.commandCalls(CreateScheduleGroupCommand)
    expect(made?.args[0].input.Tags).toEqual(marked)
  })

  it('waits until it is deleted, and does not take the schedules of others with it', async () => {
    active()
    const state = await group().observe(seen)
    if (!state) throw new Error('no group')
    sdk.on(ListSchedulesCommand).resolves({ Schedules: [{ Name: 'stop' }, { Name: 'nightly-report' }] })
    await expect(group().remove(state, context())).rejects.toMatchObject({
      code: 'schedule-group-in-use',
      message: expect.stringContaining('nightly-report'),
    })
    expect(sdk.commandCalls(DeleteScheduleGroupCommand)).toHaveLength(0)
    sdk.on(ListSchedulesCommand).resolves({ Schedules: [{ Name: 'stop' }] })
    sdk.on(DeleteScheduleGroupCommand).resolves({})
    sdk.on(GetScheduleGroupCommand).resolvesOnce({ State: 'DELETING' }).rejects(gone)
    await group().remove(state, context())
    sdk.on(ListSchedulesCommand).rejects(gone)
    sdk.on(DeleteScheduleGroupCommand).rejects(gone)
    await group().remove(state, context())
  })
})
