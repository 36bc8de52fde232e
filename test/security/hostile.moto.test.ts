import { hostname } from 'node:os'
import { CreateTagsCommand, DeleteSecurityGroupCommand } from '@aws-sdk/client-ec2'
import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import { anHourLater, type Ended, run } from '../support/cli.js'
import type { Call } from '../support/gateway/call.js'
import { errorAnswer, jsonAnswer } from '../support/gateway/wire.js'
import { inbound, lab, only } from '../support/lab.js'
import { describeAccount } from '../support/suite.js'
import { changes } from '../support/tally.js'

/** Clears a screen, in a terminal's old way and in its short one; sets a title; turns text around; rings. */
const escapes = '\u001b[2J\u009b2J\u001b]0;owned\u0007\u202egnp.exe\u2066\r'
/** What no output may hold but line ends, whoever wrote it. */
const moves = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/
const harmless = ({ stdout, stderr }: Ended) => {
  expect(JSON.stringify(moves.exec(stdout) ?? '')).toBe('""')
  expect(JSON.stringify(moves.exec(stderr) ?? '')).toBe('""')
}
const spec = '/librechat-lab/default/spec'
const lock = '/librechat-lab/default/lock'

describeAccount('what someone else in the account wrote', (account) => {
  const at = () => account().at('us-east-1')
  const put = (Name: string, Value: string) =>
    at().ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }))

  it.each([
    ['escapes', `{"version":"${escapes}"`],
    ['half a megabyte’s worth of nesting', '['.repeat(4_000)],
    ['a prototype', '{"__proto__":{"yes":true},"constructor":{"prototype":{"yes":true}}}'],
    ['a number', '1e999'],
    ['nothing that can be read', '\u0001'],
  ])('settings that hold %s stop every command that needs them, and are shown harmless', async (_, text) => {
    await put(spec, text)
    const commands = [['up', '--yes'], ['status'], ['open'], ['user', 'list'], ['status', '--json']]
    for (const ended of await Promise.all(commands.map((args) => run(account(), args)))) {
      expect([1, 3], ended.stderr).toContain(ended.code)
      expect(ended.stderr).not.toMatch(/unexpected error|^ +at /m)
      expect(ended.stderr.length).toBeLessThan(3_000)
      harmless(ended)
    }
    expect(changes(account().calls)).toEqual([])
  })

  it('settings that let everybody in open nothing unread: refused with --yes, and shown wherever one looks', async () => {
    expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
    const stored = (await lab(account())).spec
    const everybody = { from: 'given', cidrs: ['0.0.0.0/0'], everyone: true }
    await put(spec, JSON.stringify({ ...stored, allow: everybody }))
    const before = inbound(only((await lab(account())).groups))
    account().forget()
    const refused = await run(account(), ['up', '--yes'])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/0\.0\.0\.0\/0/)
    expect(refused.stderr).toMatch(/--allow-cidr detect/)
    expect(changes(account().calls)).toEqual([])
    expect(inbound(only((await lab(account())).groups))).toEqual(before)

    const plan = await run(account(), ['up', '--dry-run'])
    expect(plan.stdout).toMatch(/port 443: closed to 0\.0\.0\.0\/0 → open to 0\.0\.0\.0\/0/)
    const status = await run(account(), ['status'])
    expect(status.code).toBe(2)
    expect(status.stdout).toMatch(/stored settings allow 0\.0\.0\.0\/0, which the security group does not/)

    // Said twice by the user, it is theirs to say, and it goes on being told.
    const meant = await run(account(), ['up', '--yes', '--allow-cidr', '0.0.0.0/0', '--allow-everyone'])
    expect(meant.code, meant.stderr).toBe(0)
    expect(meant.stdout).toMatch(/The whole internet can reach/)
    expect((await run(account(), ['status'])).stdout).toMatch(/The whole internet can reach/)
    expect((await run(account(), ['up', '--yes'])).code).toBe(0)
    expect((await run(account(), ['up', '--yes', '--allow-cidr', 'detect'])).code).toBe(0)
    expect(inbound(only((await lab(account())).groups))).toEqual(before)
  })

  it('a lock that holds anything is waited for, taken over when it is abandoned, and shown harmless', async () => {
    const texts = [
      escapes,
      '['.repeat(4_000),
      JSON.stringify({ id: 'x', who: escapes, machine: 'm', pid: 1, command: 'up', since: escapes }),
      JSON.stringify({ id: 'x', who: 'w', machine: hostname(), pid: -1, command: 'up', since: '' }),
      JSON.stringify({ id: 'x', who: 'w', machine: hostname(), pid: 2 ** 40, command: 'up', since: '' }),
    ]
    for (const [n, text] of texts.entries()) {
      await put(lock, text)
      // Each changes something and so needs the lock, which nobody renews for the hour that passes at its third try.
      const third = { action: 'PutParameter', where: ({ params }: Call) => params.Name === lock, nth: 3 }
      const ended = await anHourLater(account(), ['up', '--yes', '--tag', `Text=${n}`], third)
      harmless(ended)
      expect(ended.code, ended.stderr).toBe(0)
      expect(ended.stderr).toMatch(/is changing this lab/)
      expect((await lab(account())).lock).toBeUndefined()
    }
  })

  it('tags with escapes, and names that are none, are shown harmless or not at all', async () => {
    expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
    const found = await lab(account())
    const theirs = [
      { Key: 'librechat-lab:name', Value: 'de\u009b2Jfault' },
      { Key: 'librechat-lab:region', Value: 'us-east-1' },
    ]
    const group = await at().ec2.send(
      new CreateTagsCommand({ Resources: [only(found.instances).InstanceId ?? ''], Tags: theirs }),
    )
    expect(group.$metadata.httpStatusCode).toBe(200)
    for (const args of [['list'], ['list', '--json'], ['status'], ['up', '--dry-run']]) {
      const ended = await run(account(), args)
      harmless(ended)
      if (args[0] === 'list') expect(ended.stdout).not.toContain('2Jfault')
    }
  })

  it('a group of the lab’s name with a hostile owner’s tag is left alone and named harmless', async () => {
    expect(await run(account(), ['up', '--yes', '--dry-run'])).toMatchObject({ code: 0 })
    const Tags = [{ Key: 'librechat-lab:name', Value: `other${escapes.replace(/[\u0000-\u001f]/g, '')}` }]
    expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
    const { GroupId = '' } = only((await lab(account())).groups)
    await at().ec2.send(new CreateTagsCommand({ Resources: [GroupId], Tags }))
    account().forget()
    const ended = await run(account(), ['up', '--yes'])
    harmless(ended)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/not this lab/)
    expect(changes(account().calls)).toEqual([])
    await at()
      .ec2.send(new DeleteSecurityGroupCommand({ GroupId }))
      .catch(() => {})
  })

  it('a host that prints anything: no escape reaches the terminal or the JSON, no answer is a crash', async () => {
    expect(await run(account(), ['up', '--yes', '--email', 'ana@example.org'])).toMatchObject({ code: 0 })
    const service = { librechat: escapes, [`${escapes}x`]: 'healthy' }
    const finding = [{ code: escapes, text: escapes }]
    const healthy = {
      healthy: true,
      release: escapes,
      services: service,
      restarts: {},
      images: {},
      disk: { totalBytes: 1, freeBytes: 1 },
      memory: { totalBytes: 1, availableBytes: 1, swapTotalBytes: 1, swapFreeBytes: 1 },
      certificate: { notAfter: escapes, issuer: escapes },
      metadataProtected: true,
      hostPortsProtected: true,
      updates: {
        portainer: { at: escapes, result: escapes },
        system: { at: escapes, result: escapes, detail: escapes },
      },
      rebootNeeded: false,
      running: escapes,
      problems: finding,
      warnings: finding,
    }
    const failure = { error: { code: escapes, what: escapes, why: escapes, fix: [escapes] } }
    const outputs = [
      escapes,
      JSON.stringify(healthy),
      JSON.stringify(failure),
      JSON.stringify({ users: [[escapes, escapes, escapes]] }),
      JSON.stringify({ portainer: { username: escapes, works: true, sealed: 'AAAA' } }),
      `{"a":${'['.repeat(20_000)}`,
      'x'.repeat(24_000),
    ]
    let said = ''
    let code = 0
    account().answer({
      before: (call) =>
        call.action === 'GetCommandInvocation'
          ? jsonAnswer({
              Status: code === 0 ? 'Success' : 'Failed',
              ResponseCode: code,
              StandardOutputContent: said,
              StandardErrorContent: said,
            })
          : undefined,
    })
    const commands = [
      ['status'],
      ['status', '--json'],
      ['user', 'list'],
      ['user', 'list', '--json'],
      ['usage'],
      ['portainer', 'password', '--debug'],
    ]
    for (code of [0, 1]) {
      for (said of code === 0 ? outputs : [escapes, JSON.stringify(failure)]) {
        for (const ended of await Promise.all(commands.map((args) => run(account(), args)))) {
          harmless(ended)
          expect([0, 1, 2, 3], ended.stderr).toContain(ended.code)
        }
      }
    }
  }, 600_000)

  it('AWS’s own words are shown harmless too, with --debug as well', async () => {
    account().answer({
      before: (call) =>
        call.action === 'CreateRole'
          ? errorAnswer(call, 'AccessDenied', escapes.replace(/[\u0000-\u001f]/g, ''))
          : undefined,
    })
    for (const args of [
      ['up', '--yes'],
      ['up', '--yes', '--debug'],
      ['up', '--yes', '--json'],
    ]) {
      const ended = await run(account(), args)
      expect(ended.code).toBe(2)
      harmless(ended)
    }
  })
})
