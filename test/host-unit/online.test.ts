import { describe, expect, it } from 'vitest'
import { waitUntilOnline } from '../../src/host/online.js'
import { printedFix } from '../support/printed.js'
import { awsError, scriptedHost } from './scripted.js'

const seen = (PingStatus: string) => ({
  InstanceInformationList: [{ InstanceId: 'i-0123456789abcdef0', PingStatus }],
})

describe('waiting for the instance', () => {
  it('ends as soon as its agent is online, and passes over throttling', async () => {
    const { host, calls } = scriptedHost({
      DescribeInstanceInformation: [
        { InstanceInformationList: [] },
        awsError('ThrottlingException'),
        seen('Online'),
      ],
    })
    await waitUntilOnline(host, 60_000)
    expect(calls).toHaveLength(3)
  })

  it('says nothing when there is nothing to wait for', async () => {
    const { host, events } = scriptedHost({ DescribeInstanceInformation: [seen('Online')] })
    await waitUntilOnline(host, 60_000)
    expect(events).toEqual([])
  })

  it('names profile, network and agent at the deadline, and how to restart an agent that sleeps', async () => {
    const { host, elapsed } = scriptedHost({
      DescribeInstanceInformation: () => ({ InstanceInformationList: [] }),
    })
    const failure = await waitUntilOnline(host, 300_000).catch((error) => error)
    expect(failure).toMatchObject({
      code: 'host-offline',
      fault: 'aws',
      why: expect.stringContaining('never reported'),
    })
    expect(printedFix(failure)).toMatch(
      /profile[\s\S]*internet gateway[\s\S]*reboot-instances --region eu-west-1/,
    )
    expect(elapsed()).toBeGreaterThanOrEqual(300_000)
    const lost = scriptedHost({ DescribeInstanceInformation: () => seen('ConnectionLost') })
    await expect(waitUntilOnline(lost.host, 10_000)).rejects.toMatchObject({
      why: expect.stringContaining('ConnectionLost'),
    })
  })
})
