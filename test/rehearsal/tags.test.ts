import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { rehearsal } from '../cli/program.js'

type Tagged = Record<string, { tags: Record<string, string> }>

it('the tags of --tag are on each resource that up creates', { timeout: 120_000 }, async () => {
  const { folder, run } = rehearsal()
  const ended = await run(['up', '--yes', '--tag', 'CostCenter=1234', '--tag', 'Owner=me@example.org'])
  expect(ended.code, ended.stderr).toBe(0)
  const account = JSON.parse(readFileSync(join(folder, 'state/librechat-lab/rehearsal.json'), 'utf8'))
  const here = account.regions['us-east-1']
  const instances = Object.values(here.instances as Record<string, { volume: { tags: object } }>)
  const groups = Object.values(here.groups as Tagged).filter(({ tags }) => tags['librechat-lab:name'])
  const all = [
    ...Object.values(account.roles as Tagged),
    ...Object.values(account.profiles as Tagged),
    ...Object.values(here.addresses as Tagged),
    ...groups,
    ...(instances as unknown as { tags: object }[]),
    ...instances.map(({ volume }) => volume),
    here.parameters['/librechat-lab/default/spec'],
  ]
  expect(all).toHaveLength(7)
  for (const { tags } of all) {
    expect(tags).toMatchObject({
      CostCenter: '1234',
      Owner: 'me@example.org',
      'librechat-lab:name': 'default',
    })
  }
})
