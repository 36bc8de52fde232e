import { expect, it } from 'vitest'
import { account } from '../rehearsal/in-process.js'

it('follows the user’s address whatever else the lab’s settings hold', { timeout: 60_000 }, async () => {
  const { run, change, there } = account()
  const chosen = [
    '--permissions-boundary arn:aws:iam::123456789012:policy/limit',
    '--allowance 10 --limit 100 --budget 50 --alert me@example.org',
    '--instance-type t3.large --disk 40 --idle-stop 2h --trusted-certificate',
  ]
  const up = await run(`up --yes --email me@example.org ${chosen.join(' ')}`)
  expect(up.code, up.stderr).toBe(0)
  expect((await run('stop')).code).toBe(0)
  // The lab was last set up from another address.
  change((rehearsed) => {
    const text = JSON.stringify(rehearsed).replaceAll('192.88.99.7/32', '192.88.99.8/32')
    Object.assign(rehearsed, JSON.parse(text))
  })
  const started = await run('start')
  expect(started.code, started.stderr).toBe(0)
  expect(started.stderr).not.toContain('were left as they are')
  expect(JSON.stringify(there())).not.toContain('192.88.99.8/32')
})
