import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { fixSchema } from '../../src/host/steps.js'

const code = new URL('../../templates', import.meta.url).pathname

it('reads what a stage advises when the disk has no space left, with its commands as data', () => {
  const work = mkdtempSync(join(tmpdir(), 'librechat-lab-steps-'))
  onTestFinished(() => rmSync(work, { recursive: true, force: true }))
  mkdirSync(join(work, 'state'))
  const stage = `. '${code}/stages/common.sh'; need_space 999999999 'the image' /`
  const env = { ...process.env, LAB: work, CODE: code }
  expect(spawnSync('bash', ['-c', stage], { env }).status).toBe(1)
  const { fix } = JSON.parse(readFileSync(join(work, 'state/error.json'), 'utf8'))
  expect(fixSchema.parse(fix)).toEqual([
    ['See the lab’s health: ', { path: 'status' }],
    'Remove unused images on the host: docker image prune -a',
    ['Make the disk larger: ', { path: 'up', flags: { disk: '<GB>' } }],
  ])
})

it.each([
  ['a code that has no words', [{ code: 'format-the-disk' }]],
  ['a command', [{ path: 'destroy' }]],
  ['an address that is none', [{ code: 'reset-password', email: '$(reboot)' }]],
])('refuses %s', (_, fix) => {
  expect(fixSchema.safeParse(fix).success).toBe(false)
})
