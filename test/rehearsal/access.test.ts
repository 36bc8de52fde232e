import { expect, it } from 'vitest'
import { account } from './in-process.js'

// The rehearsal's person is at 192.88.99.7.

it('up says before the plan that the chosen ranges leave out the user’s own address', async () => {
  const { run } = account()
  const planned = await run('up --dry-run --yes --allow-cidr 8.8.8.8')
  expect(planned.stderr).toMatch(/Your own address 192\.88\.99\.7 is not in the allowed ranges/)
  const kept = await run('up --dry-run --yes --allow-cidr 8.8.8.8 192.88.99.0/24')
  expect(kept.code).toBe(0)
  expect(kept.stderr).not.toContain('Your own address')
})

it('the command that up and status print to someone who is locked out lets them in', async () => {
  const { run } = account()
  const shut = await run('up --yes --allow-cidr 8.8.8.8')
  expect(shut.stdout).toContain('librechat-lab up --rehearse --allow-cidr detect')
  const said = (await run('status')).stdout
  const [, range = ''] = /To allow it: librechat-lab access add --rehearse ([\d./]+)/.exec(said) ?? []
  expect(range).toBe('192.88.99.7')
  expect((await run(`access add ${range} --yes`)).code).toBe(0)
  expect((await run('status')).stdout).toMatch(/LibreChat +answers from here/)
})

it('detect among ranges is refused: it would be taken alone', async () => {
  const { run } = account()
  const refused = await run('up --yes --allow-cidr detect 8.8.8.8 --json')
  expect(refused).toMatchObject({ code: 1 })
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'bad-cidr' } })
})

it('what costs more is agreed to by typing yes, as a new lab is; what does not, by Enter', async () => {
  const { run } = account()
  await run('up --yes')
  expect((await run('up --instance-type t3.large')).stderr).toContain(
    'Type yes to change it, for about $67 instead of $36 a month',
  )
  expect((await run('up --allow-cidr 192.88.99.0/24')).stderr).toContain('Make these changes')
})

it('access remove says that it locks the user out, and asks; the last range needs its own word', async () => {
  const { run } = account()
  await run('up --yes')
  await run('access add 8.8.8.8 --yes')
  const refused = await run('access remove 192.88.99.7')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/Your own address 192\.88\.99\.7 will not be allowed[\s\S]*--yes/)
  expect(await run('access remove 192.88.99.7 --yes')).toMatchObject({ code: 0 })
  const last = await run('access remove 8.8.8.8 --yes --json')
  expect(JSON.parse(last.stdout)).toMatchObject({ error: { code: 'last-range' } })
  expect(await run('access remove 8.8.8.8 --yes --allow-nobody')).toMatchObject({ code: 0 })
  expect((await run('access list')).stdout).toMatch(/nobody[\s\S]*access add --rehearse detect/)
  expect(await run('access add detect --yes')).toMatchObject({ code: 0 })
})

it('user add says from which addresses the page can be reached, and how to allow another one', async () => {
  const { run } = account()
  await run('up --yes')
  const { stdout } = await run('user add ana@example.org')
  expect(stdout).toMatch(/reached from 192\.88\.99\.7\.\n.*librechat-lab access add --rehearse <range>/)
})
