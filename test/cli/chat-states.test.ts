import { expect, it } from 'vitest'
import { rehearsal, runWith } from './program.js'

/** A rehearsed lab made under a scenario, and what the program says of it under the same one. */
async function lab(scenario: string, ...flags: string[]) {
  const { env } = rehearsal()
  const run = async (...words: string[]) => await runWith([...words, '--scenario', scenario], env)
  const made = await run('up', '--yes', ...flags)
  return { made, run, env }
}

it('doctor fails, with the cause and the remedies, where no model answered', async () => {
  const { made, run } = await lab('zero-quota')
  expect(made.code).toBe(2)
  const doctor = await run('doctor')
  expect(doctor.code).toBe(1)
  expect(doctor.stdout).toMatch(/^1\. No model of the menu answered on [\d-]+\.$/m)
  expect(doctor.stdout).toMatch(/token quota/)
  expect(doctor.stdout).toContain('librechat-lab up --rehearse --max-tokens')
  expect(doctor.stdout).not.toContain('All checks passed')
})

it('doctor passes, with advice, where some models answer', async () => {
  const { run } = await lab('payment-missing')
  const doctor = await run('doctor')
  expect(doctor.code).toBe(0)
  expect(doctor.stdout).toMatch(/payment method/)
})

it('every up names the models that wait for the form, until --models default brings them', async () => {
  const { run, env } = await lab('form-missing')
  const again = await run('up', '--yes')
  expect(again.code).toBe(0)
  expect(again.stderr).toMatch(/Not in the menu: .*Claude .*librechat-lab up --rehearse --models default/)
  const sent = await runWith(['up', '--yes', '--rehearse', '--models', 'default', '--json'], env)
  expect(JSON.stringify(sent.json())).toContain('anthropic.claude-sonnet-5')
})

it('up does not complain of models that a person left out', async () => {
  const { run } = await lab('form-missing', '--models', 'nova-pro')
  expect((await run('up', '--yes')).stderr).not.toContain('Not in the menu')
})

it('a lab without models says so everywhere, with the step out, which works', async () => {
  const { made, run, env } = await lab('no-callable-model', '--without-chat')
  const step = 'librechat-lab up --rehearse --models default'
  for (const { stdout } of [made, await run('up', '--yes'), await run('status'), await run('doctor')])
    expect(stdout).toContain(step)
  expect(made.stdout).not.toContain('ready')
  const added = await runWith(['up', '--yes', '--rehearse', '--models', 'default'], env)
  expect(added.code).toBe(0)
  expect(added.stdout).toContain('Your LibreChat is ready.')
})

it('status says that no model was asked, and each missing service once', async () => {
  const { run } = await lab('stage-failing')
  const status = await run('status')
  expect(status.code).toBe(2)
  expect(status.stdout).toContain('librechat-lab status --rehearse --chat')
  expect(status.stdout.match(/mongodb/g)).toHaveLength(1)
})
