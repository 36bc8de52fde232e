import { PutParameterCommand } from '@aws-sdk/client-ssm'
import { expect, it } from 'vitest'
import { run, start } from '../support/cli.js'
import { complaints, inbound, lab, only } from '../support/lab.js'
import { describeLab } from '../support/suite.js'
import { changes } from '../support/tally.js'

const own = '81.2.69.160/32'
const office = '198.50.100.0/24'
const Name = '/librechat-lab/default/spec'

describeLab('access', (there) => {
  const account = () => there().account
  const access = (...words: string[]) => run(account(), ['access', ...words])
  const sources = async () => [
    ...new Set(
      inbound(only((await lab(account())).groups)).map((rule) => rule.replace(/^tcp (80|443|9443) /, '')),
    ),
  ]
  const settings = async () => (await lab(account())).spec as unknown as { allow: object }

  it('lets a range in on all three ports and stores it, and up changes nothing then', async () => {
    expect(await access('add', office, '--yes')).toMatchObject({ code: 0 })
    expect(inbound(only((await lab(account())).groups))).toHaveLength(6)
    expect(await settings()).toMatchObject({ allow: { from: 'given', cidrs: [office, own] } })
    expect((await lab(account())).lock).toBeUndefined()
    account().forget()
    expect(await run(account(), ['up', '--yes'])).toMatchObject({ code: 0 })
    expect(changes(account().calls)).toEqual([])
    expect(await access('remove', office, '--yes')).toMatchObject({ code: 0 })
    expect(await sources()).toEqual([own])
  })

  it('changes nothing with --dry-run, without an answer, and for what is there already', async () => {
    account().forget()
    expect(await access('add', office, '--dry-run')).toMatchObject({ code: 0 })
    expect(await access('add', office)).toMatchObject({ code: 1 })
    expect(await access('add', 'detect', '--yes')).toMatchObject({ code: 0 })
    expect(await access('remove', own, '--yes')).toMatchObject({ code: 1 })
    expect(await access('list')).toMatchObject({ code: 0 })
    expect(changes(account().calls)).toEqual([])
  })

  it('killed after each of its changes, is finished by the same command', { timeout: 120_000 }, async () => {
    const commands = [
      ['access', 'add', office, '--yes'],
      ['access', 'remove', office, '--yes'],
    ]
    for (const [i, words] of commands.entries()) {
      account().forget()
      expect(await run(account(), words)).toMatchObject({ code: 0 })
      const points = changes(account().calls).length
      expect(points).toBeGreaterThan(3)
      const undo = commands[1 - i] as string[]
      for (let nth = 1; nth < points; nth++) {
        expect(await run(account(), undo)).toMatchObject({ code: 0 })
        const running = start(account(), words)
        const act = () => running.signal('SIGKILL')
        account().gateway.faults.add({
          where: ({ changing }) => changing,
          nth,
          effect: { kind: 'run', when: 'after', act },
        })
        expect((await running.ended).code).toBe('SIGKILL')
        account().gateway.faults.clear()
        const again = await run(account(), words)
        expect(again.code, again.stderr).toBe(0)
        const wanted = i === 0 ? [office, own] : [own]
        expect((await sources()).sort(), `${words.join(' ')} killed after change ${nth}`).toEqual(wanted)
        expect(await settings()).toMatchObject({ allow: { cidrs: wanted } })
        expect((await lab(account())).lock).toBeUndefined()
      }
    }
    expect(complaints(await lab(account()))).toEqual([])
  })

  it('keeps what another run stored meanwhile', async () => {
    const { allow, ...rest } = await settings()
    const theirs = { ...rest, allow: { ...allow, from: 'given', cidrs: [own, '81.2.70.0/24'] } }
    const Value = JSON.stringify(theirs)
    account().gateway.faults.add({
      where: ({ action, params }) => action === 'PutParameter' && String(params.Name).endsWith('/lock'),
      effect: {
        kind: 'run',
        when: 'before',
        act: async () => {
          const put = { Name, Value, Type: 'String' as const, Overwrite: true }
          await account().at('us-east-1').ssm.send(new PutParameterCommand(put))
        },
      },
    })
    // With --yes, what the other run stored and did not open yet is not opened by this one.
    const refused = await access('add', office, '--yes')
    account().gateway.faults.clear()
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.stderr).toContain('81.2.70.0/24')
    expect(await sources()).toEqual([own])
    expect((await lab(account())).lock).toBeUndefined()
    expect(await run(account(), ['up', '--yes', '--allow-cidr', own, '81.2.70.0/24'])).toMatchObject({
      code: 0,
    })
    expect(await access('add', office, '--yes')).toMatchObject({ code: 0 })
    expect((await sources()).sort()).toEqual([office, own, '81.2.70.0/24'])
  })
})
