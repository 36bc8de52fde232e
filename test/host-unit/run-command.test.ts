import { describe, expect, it } from 'vitest'
import { runCommand } from '../../src/host/run-command.js'
import { runStage } from '../../src/host/stage.js'
import { awsError, scriptedHost, sent, succeeded } from './scripted.js'

const command = { stage: 'stack', script: 'true', timeoutSeconds: 600 }

describe('a command on the host', () => {
  it('is known by its comment, and carries the script as it is', async () => {
    const { host, calls } = scriptedHost({ SendCommand: [sent], GetCommandInvocation: [succeeded('done')] })
    expect(await runCommand(host, command)).toEqual({ code: 0, stdout: 'done', stderr: '' })
    expect(calls[0]?.input).toMatchObject({
      InstanceIds: ['i-0123456789abcdef0'],
      DocumentName: 'AWS-RunShellScript',
      Comment: 'librechat-lab team-a stack',
      Parameters: { commands: ['true'], executionTimeout: ['600'] },
    })
  })

  it('is waited for through throttled polls, lost connections and an invocation that is not there yet', async () => {
    const { host } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: [
        awsError('InvocationDoesNotExist'),
        awsError('ThrottlingException'),
        Object.assign(awsError('Error'), { code: 'ECONNRESET' }),
        { Status: 'Pending' },
        { Status: 'InProgress', ResponseCode: -1 },
        succeeded('done'),
      ],
    })
    expect((await runCommand(host, command)).stdout).toBe('done')
  })

  it('is not waited for on a host that was stopped meanwhile', async () => {
    const { host, elapsed } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: () => ({ Status: 'InProgress', ResponseCode: -1 }),
      DescribeInstanceInformation: [
        { InstanceInformationList: [{ InstanceId: 'i-0123456789abcdef0', PingStatus: 'Online' }] },
        awsError('AccessDeniedException'),
        { InstanceInformationList: [{ InstanceId: 'i-0123456789abcdef0', PingStatus: 'ConnectionLost' }] },
      ],
    })
    await expect(runCommand(host, { ...command, timeoutSeconds: 3600 })).rejects.toMatchObject({
      code: 'host-offline',
      message: expect.stringContaining('while its stage stack ran'),
    })
    expect(elapsed()).toBeLessThan(4 * 60_000)
  })

  it('has succeeded only when its status is Success and its code 0', async () => {
    const answer = { Status: 'Success', ResponseCode: 3, StandardOutputContent: 'no' }
    const { host } = scriptedHost({ SendCommand: [sent], GetCommandInvocation: [answer] })
    expect(await runCommand(host, command)).toMatchObject({ code: 3 })
    const failed = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: [{ Status: 'Failed', ResponseCode: 0 }],
    })
    expect(await runCommand(failed.host, command)).toMatchObject({ code: 1 })
  })

  it.each([
    ['was killed, as for memory', { Status: 'TimedOut', ResponseCode: 137 }, 'command-killed', /memory/],
    [
      'was killed, as for memory, within its time',
      {
        Status: 'TimedOut',
        StatusDetails: 'ExecutionTimedOut',
        ResponseCode: 137,
        ExecutionElapsedTime: 'PT1M2.5S',
      },
      'command-killed',
      /memory/,
    ],
    [
      'was stopped by the agent at the end of its time',
      { Status: 'TimedOut', ResponseCode: 137, ExecutionElapsedTime: 'PT10M0.01S' },
      'command-lost',
      /longer than/,
    ],
    [
      'ran out of time',
      { Status: 'TimedOut', StatusDetails: 'ExecutionTimedOut' },
      'command-lost',
      /longer than/,
    ],
    ['was cancelled', { Status: 'Cancelled', StatusDetails: 'Cancelled' }, 'command-lost', /cancelled/],
    [
      'was not fetched',
      { Status: 'TimedOut', StatusDetails: 'Delivery Timed Out' },
      'command-undelivered',
      /agent/,
    ],
    [
      'was not fetched',
      { Status: 'Failed', StatusDetails: 'DeliveryTimedOut' },
      'command-undelivered',
      /agent/,
    ],
    [
      'could not be delivered',
      { Status: 'Failed', StatusDetails: 'Undeliverable' },
      'command-undelivered',
      /agent/,
    ],
    ['was given up', { Status: 'Failed', StatusDetails: 'Terminated' }, 'command-undelivered', /gave it up/],
    [
      'had nowhere to go',
      { Status: 'Failed', StatusDetails: 'NoInstancesInTag' },
      'command-undelivered',
      /no instance/,
    ],
    [
      'ended in a way of tomorrow',
      { Status: 'Failed', StatusDetails: 'New' },
      'command-lost',
      /no other reason/,
    ],
  ])('that %s says so', async (_, invocation, code, why) => {
    const answer = { ResponseCode: -1, ...invocation }
    const { host } = scriptedHost({ SendCommand: [sent], GetCommandInvocation: [answer] })
    await expect(runCommand(host, command)).rejects.toMatchObject({
      code,
      fault: 'aws',
      why: expect.stringMatching(why),
    })
  })

  it('has failed with its own code, also where Run Command says Success', async () => {
    const { host } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: [{ Status: 'Success', StatusDetails: 'Success', ResponseCode: 168 }],
    })
    expect(await runCommand(host, command)).toMatchObject({ code: 168 })
  })

  it('is read without the half of a character that the agent has cut', async () => {
    const cut = Buffer.from('ä'.repeat(12_001)).subarray(1, 24_001).toString()
    const { host } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: [succeeded(`{}${cut.slice(1)}`)],
    })
    expect((await runCommand(host, command)).stdout).toMatch(/^\{\}ä+$/)
  })

  it.each(['InvalidInstanceId', 'ThrottlingException', 'TooManyUpdates', 'InternalServerError'])(
    'is sent again after %s',
    async (name) => {
      const error = Object.assign(awsError(name), {
        $metadata: { httpStatusCode: name === 'InternalServerError' ? 500 : 400 },
      })
      const { host } = scriptedHost({
        SendCommand: [error, sent],
        GetCommandInvocation: [succeeded('done')],
      })
      expect((await runCommand(host, command)).stdout).toBe('done')
    },
  )

  it('has a deadline', async () => {
    const { host, elapsed } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: () => ({ Status: 'InProgress' }),
    })
    await expect(runCommand(host, command)).rejects.toMatchObject({ code: 'command-deadline' })
    expect(elapsed()).toBeGreaterThanOrEqual(600_000)
    expect(elapsed()).toBeLessThan(800_000)
  })

  it('stops waiting immediately when the user interrupts it', async () => {
    const { host, abort } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: () => {
        abort.abort()
        return { Status: 'InProgress' }
      },
    })
    await expect(runCommand(host, command)).rejects.toMatchObject({ exitCode: 130 })
  })

  it('to a host that is not online says what to do', async () => {
    const { host, elapsed } = scriptedHost({
      SendCommand: () => awsError('InvalidInstanceId', 'not in a valid state'),
    })
    await expect(runCommand(host, command)).rejects.toMatchObject({ code: 'host-offline' })
    expect(elapsed()).toBeLessThan(60_000)
  })

  it('fails with any other error of a poll', async () => {
    const { host } = scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: [awsError('AccessDeniedException')],
    })
    await expect(runCommand(host, command)).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })
})

describe('a stage that fails', () => {
  const failing = (stdout: string) =>
    scriptedHost({
      SendCommand: [sent],
      GetCommandInvocation: [{ Status: 'Failed', ResponseCode: 1, StandardOutputContent: stdout }],
    })

  it("tells what the host said happened, and shows the end of the stage's log", async () => {
    const error = {
      code: 'disk-full',
      what: 'The disk is full.',
      why: 'Because.',
      fix: ['Do this.', { code: 'reset-password', email: 'me@example.org' }],
    }
    const { host, events } = failing(
      `${JSON.stringify({ error })}\n--- the end of /var/log/x\nline {"error":1}\n`,
    )
    await expect(runStage(host, 'stack', { timeoutSeconds: 60 })).rejects.toMatchObject({
      code: 'disk-full',
      message: 'The disk is full.',
      fix: ['Do this.', ['Set a new password: ', { path: 'user reset-password', args: ['me@example.org'] }]],
    })
    expect(events).toEqual([{ type: 'note', text: '--- the end of /var/log/x\nline {"error":1}' }])
  })

  it.each([
    ['a step that this version does not know', { code: 'format-the-disk' }],
    ['a command of its own', { path: 'destroy', flags: { yes: true } }],
    ['a word for an address', { code: 'reset-password', email: '$(reboot)' }],
  ])('passes on no advice with %s', async (_, step) => {
    const error = { code: 'disk-full', what: 'The disk is full.', why: 'Because.', fix: [step] }
    const { host } = failing(JSON.stringify({ error }))
    await expect(runStage(host, 'stack', { timeoutSeconds: 60 })).rejects.toMatchObject({
      code: 'host-stack-failed',
    })
  })

  it('is named when the host said nothing that can be read', async () => {
    const { host, events } = failing('sh: base64: not found')
    await expect(runStage(host, 'docker', { timeoutSeconds: 60 })).rejects.toMatchObject({
      code: 'host-docker-failed',
    })
    expect(events).toEqual([{ type: 'note', text: 'sh: base64: not found' }])
  })
})

describe('a stage that takes long', () => {
  /** A host whose stage ends at its `polls`th look, and which answers as told when asked what it does. */
  function slow(polls: number, answer: (asked: number) => object | Error) {
    let looked = 0
    let asked = 0
    const isStep = (id: unknown) => id === 'step'
    return scriptedHost({
      SendCommand: (input) => ({
        Command: { CommandId: String(input.Comment).endsWith(' step') ? 'step' : 'stage' },
      }),
      GetCommandInvocation: (input) => {
        if (isStep(input.CommandId)) return answer(++asked)
        return ++looked < polls ? { Status: 'InProgress' } : succeeded('done')
      },
    })
  }
  const told = async ({ host }: ReturnType<typeof slow>) => {
    const steps: string[] = []
    const output = await runStage(host, 'stack', { timeoutSeconds: 600, onStep: (step) => steps.push(step) })
    return { output, steps }
  }

  it('tells what the host is doing, and asks only while it runs', async () => {
    const host = slow(40, (asked) => succeeded(asked === 1 ? 'starting LibreChat\n' : ''))
    expect(await told(host)).toEqual({ output: 'done', steps: ['starting LibreChat'] })
    const last = host.calls.at(-1)?.input
    expect(last).toMatchObject({ CommandId: 'stage' })
  })

  it('is not asked where it ends soon', async () => {
    const host = slow(5, () => succeeded('starting LibreChat'))
    expect(await told(host)).toEqual({ output: 'done', steps: [] })
    expect(host.calls.filter(({ name }) => name === 'SendCommand')).toHaveLength(1)
  })

  it.each([
    ['throttled', awsError('ThrottlingException')],
    ['lost', { Status: 'Failed', ResponseCode: -1, StatusDetails: 'Undeliverable' }],
    ['refused by the host', { Status: 'Failed', ResponseCode: 1, StandardOutputContent: '' }],
  ])('goes on where the question is %s', async (_, answer) => {
    expect(await told(slow(40, () => answer))).toEqual({ output: 'done', steps: [] })
  })

  it('is stopped where the command is interrupted', async () => {
    const host = slow(40, () => {
      host.abort.abort()
      return succeeded('starting LibreChat')
    })
    await expect(told(host)).rejects.toMatchObject({ code: 'interrupted' })
  })
})
