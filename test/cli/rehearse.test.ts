import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { rehearsal, runWith, start } from './program.js'

it('--rehearse is a switch: the word behind it is the command’s own', { timeout: 60_000 }, async () => {
  const { run, env } = rehearsal()
  await run(['up', '--yes'])
  const ended = (...words: string[]) => runWith(words, env)
  expect(await ended('user', 'add', '--rehearse', 'me@example.org')).toMatchObject({ code: 0 })
  expect((await ended('logs', '--rehearse', 'librechat')).code).toBe(0)
  expect((await ended('open', '--rehearse', 'portainer', '--json')).json()).toMatchObject({
    url: 'https://203.0.113.10:9443',
  })
  const policy = await ended('policy', '--rehearse', 'status', 'tunnel')
  expect(policy).toMatchObject({ code: 0, stderr: '' })
  expect(policy.stdout).toBe((await ended('policy', 'status', 'tunnel')).stdout)
  const tunnel = start(['tunnel', '--rehearse', 'portainer', '--json'], env)
  while (!tunnel.said.stdout.includes('\n')) await new Promise((resolve) => setTimeout(resolve, 20))
  tunnel.child.kill('SIGINT')
  expect((await tunnel.ended).json()).toMatchObject({ tunnels: [{ target: 'portainer' }] })
})

it('Ctrl-C ends logs --follow at once, and the session with it', { timeout: 60_000 }, async () => {
  const { run, start, folder } = rehearsal()
  await run(['up', '--yes'])
  const logs = start(['logs', 'proxy', '--follow'])
  onTestFinished(() => void logs.child.kill('SIGKILL'))
  // The first five lines come at once, further ones each second.
  await expect.poll(() => logs.said.stdout, { timeout: 20_000 }).toMatch(/number 6\n$/)
  const sessions = async () => {
    const state = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.json'))
    const text = await Promise.all(state.map((name) => readFile(join(folder, name), 'utf8')))
    return text.join('').match(/"endedAt"/g)?.length ?? 0
  }
  const before = await sessions()
  const since = Date.now()
  logs.child.kill('SIGINT')
  expect((await logs.ended).code).toBe(130)
  expect(Date.now() - since).toBeLessThan(3000)
  expect(await sessions()).toBe(before + 1)
})

it('--scenario implies --rehearse', async () => {
  const { env } = rehearsal()
  const ended = await runWith(['up', '--yes', '--scenario', 'no-default-vpc'], env)
  expect(ended.code).toBe(1)
  expect(ended.stderr).toMatch(/Rehearsal: [\s\S]*no default VPC/)
})

it('the older --rehearse=<scenario> still works, with a warning', async () => {
  const { env } = rehearsal()
  const ended = await runWith(['up', '--yes', '--rehearse=no-default-vpc'], env)
  expect(ended.stderr).toMatch(/^! --rehearse=<scenario> is deprecated[\s\S]*no default VPC/)
})

it('the older --rehearse <scenario> is refused with the new form', async () => {
  const { env } = rehearsal()
  const ended = await runWith(['up', '--yes', '--rehearse', 'throttling'], env)
  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toContain('--scenario throttling')
})

it.for(['$(id)', 'moon', '../..', 'us east 1'])(
  'a region %s is refused in a rehearsal too',
  async (region) => {
    const { run } = rehearsal()
    const ended = await run(['status', '--region', region, '--json'])
    expect(ended.json()).toMatchObject({ error: { code: 'bad-region' } })
  },
)

it('up --replace-instance moves the data through two tunnels, and everything is as it was', {
  timeout: 90_000,
}, async () => {
  const { run } = rehearsal()
  await run(['up', '--yes', '--email', 'me@example.org'])
  await run(['user', 'add', 'you@example.org'])
  const before = (await run(['list', '--json'])).json<{ labs: { instanceId: string; address: string }[] }>()
  const { instanceId = '', address } = before.labs[0] ?? {}
  const replaced = await run(['up', '--yes', '--replace-instance', instanceId])
  expect(replaced.code, replaced.stderr).toBe(0)
  expect(replaced.stderr).toContain('its data moves to the new one')
  const after = (await run(['list', '--json'])).json<{ labs: object[] }>()
  expect(after.labs).toMatchObject([{ address, instanceId: expect.not.stringMatching(instanceId) }])
  expect((await run(['user', 'list'])).stdout).toMatch(/^me@example.org .*\nyou@example.org /m)
  expect((await run(['status'])).code).toBe(0)
})

it('status says that a host is at its limits and which step is next, and ends as without that', {
  timeout: 60_000,
}, async () => {
  const { run, env } = rehearsal()
  await run(['up', '--yes'])
  expect((await run(['status'])).stdout).not.toContain('Capacity')
  const busy = await runWith(['status', '--scenario', 'busy-host'], env)
  expect(busy.code).toBe(0)
  expect(busy.stdout).toMatch(/Capacity\n {2}! memory: [\s\S]*up --rehearse --instance-type t3\.large/)
  const { capacity } = (await runWith(['status', '--scenario', 'busy-host', '--json'], env)).json<{
    capacity: { limits: { code: string }[]; next: string[] }
  }>()
  expect(capacity.limits.map(({ code }) => code)).toEqual(['memory', 'processor', 'restarts'])
  expect(capacity.next).toEqual([expect.stringContaining('up --rehearse --instance-type t3.large')])
})

it('update moves an older lab, says what a failed one left, and tries again only when asked', {
  timeout: 90_000,
}, async () => {
  const { run, env } = rehearsal()
  const made = await runWith(['up', '--yes', '--scenario', 'older-librechat', '--json'], env)
  const { resources, instanceId } = made.json<{
    resources: { name: string; action: string; id: string | null }[]
    instanceId: string
  }>()
  expect(resources).toContainEqual(expect.objectContaining({ action: 'create', id: instanceId }))
  expect(resources.filter(({ id }) => id === null)).toEqual([])
  const check = await run(['update', '--check'])
  expect(check.stdout).toMatch(/LibreChat +v0\.8\.7 → v0\.8\.8[\s\S]*UPGRADING/)
  expect((await run(['up', '--dry-run', '--yes'])).stdout).toMatch(
    /LibreChat: v0\.8\.7 → v0\.8\.8, after a dump/,
  )
  const failed = await runWith(['update', '--yes', '--scenario', 'update-failing', '--json'], env)
  expect(failed.json()).toMatchObject({ error: { code: 'update-rolled-back' } })
  expect((await run(['status'])).stdout).toMatch(/An update was rolled back on/)
  expect((await run(['up', '--dry-run', '--yes'])).stdout).not.toContain('after a dump')
  const updated = await run(['update', '--yes', '--json'])
  // What it did, and the state that it left.
  expect(updated.json()).toMatchObject({
    updated: true,
    changes: [{ from: 'v0.8.7', to: 'v0.8.8' }],
    available: false,
    versions: { librechat: 'v0.8.8' },
    last: { result: 'updated' },
    pending: false,
    chatVerdict: 'ready',
  })
  expect((await run(['update'])).stdout).toContain('Nothing to update')
})
