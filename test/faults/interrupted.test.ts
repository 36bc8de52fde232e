import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { clockJump, run, start } from '../support/cli.js'
import { leftovers } from '../support/inventory.js'
import { complaints, lab } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'

const regions = ['us-east-1']
const up = ['up', '--yes']

describeAccount('interrupted from outside', (account) => {
  it.each([
    ['SIGINT', 'CreateRole'],
    ['SIGTERM', 'RunInstances'],
    ['SIGHUP', 'AssociateAddress'],
    ['SIGINT', 'SendCommand'],
    ['SIGHUP', 'GetCommandInvocation'],
  ] as const)(
    '%s at %s: stops cleanly, says so, leaves no lock, and the next run finishes',
    async (signal, action) => {
      const running = start(account(), up)
      account().hosts.mood.takes = 20
      account().gateway.faults.add({
        action,
        effect: { kind: 'run', when: 'before', act: () => running.signal(signal) },
      })
      const ended = await running.ended
      expect(ended.code).toBe(130)
      expect(ended.stderr).toMatch(/interrupt|stopp/i)
      expect(ended.stderr).not.toMatch(/\n\s+at /)
      expect((await lab(account())).lock).toBeUndefined()
      expect(await run(account(), up)).toMatchObject({ code: 0 })
      expect(complaints(await lab(account()))).toEqual([])
    },
  )

  it('a second Ctrl-C leaves at once', async () => {
    const running = start(account(), up)
    account().hosts.mood.takes = 60_000
    account().gateway.faults.add({
      action: 'SendCommand',
      effect: {
        kind: 'run',
        when: 'after',
        act: async () => {
          running.signal('SIGINT')
          await sleep(100)
          running.signal('SIGINT')
        },
      },
    })
    const ended = await running.ended
    // A shell says 130 for both.
    expect([130, 'SIGINT']).toContain(ended.code)
    expect(ended.took).toBeLessThan(20_000)
  })

  it('a terminal that was closed: the work is finished although nobody reads the output', async () => {
    const running = start(account(), up)
    account().gateway.faults.add({
      action: 'CreateRole',
      effect: {
        kind: 'run',
        when: 'before',
        act: () => {
          running.child.stdout?.destroy()
          running.child.stderr?.destroy()
          running.signal('SIGHUP')
        },
      },
    })
    await new Promise((resolve) => running.child.once('exit', resolve))
    expect(await run(account(), up)).toMatchObject({ code: 0 })
    expect(complaints(await lab(account()))).toEqual([])
  })

  it('a machine asleep for an hour while the host is set up: goes on, or stops cleanly', async () => {
    const env = { NODE_OPTIONS: `--import=${clockJump}` }
    const running = start(account(), up, { env })
    account().hosts.mood.takes = 300
    account().gateway.faults.add({
      action: 'SendCommand',
      nth: 2,
      effect: {
        kind: 'run',
        when: 'after',
        act: async () => {
          running.signal('SIGSTOP')
          await sleep(500)
          account().gateway.breakConnections()
          running.signal('SIGUSR2')
          running.signal('SIGCONT')
        },
      },
    })
    const ended = await running.ended
    expect([0, 2], ended.stderr).toContain(ended.code)
    expect(ended.stderr).not.toMatch(/\n\s+at /)
    account().hosts.mood.takes = 0
    expect(await run(account(), up)).toMatchObject({ code: 0 })
    expect(complaints(await lab(account()))).toEqual([])
  })

  it('a machine that sleeps while another user finishes its work: one lab in the end', async () => {
    const running = start(account(), up, { env: { NODE_OPTIONS: `--import=${clockJump}` } })
    const other = { code: -1 as number | string, stderr: '' }
    account().gateway.faults.add({
      action: 'RunInstances',
      effect: {
        kind: 'run',
        when: 'before',
        act: async () => {
          running.signal('SIGSTOP')
          const second = start(account(), up, { env: { NODE_OPTIONS: `--import=${clockJump}` } })
          while (!/waiting/.test(second.stderr())) await sleep(20)
          // A lock that nobody renews for a minute is abandoned: for the second run an hour passes.
          second.signal('SIGUSR2')
          Object.assign(other, await second.ended)
          running.signal('SIGUSR2')
          running.signal('SIGCONT')
        },
      },
    })
    const ended = await running.ended
    expect(other.code, other.stderr).toBe(0)
    expect([0, 1, 2], ended.stderr).toContain(ended.code)
    expect(await run(account(), up)).toMatchObject({ code: 0 })
    expect(complaints(await lab(account()))).toEqual([])
    const standing = await leftovers(account(), regions)
    expect(standing.filter((line) => /^(i-\w+ t3|eipalloc-)/.test(line))).toHaveLength(2)
  })
})
