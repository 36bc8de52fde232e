import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bareEnv, newFolder, rehearsal, runWith } from './program.js'

/** What a shell, a terminal or AWS could stumble over. */
const nasty = {
  quotes: `a'b"c`,
  'a command': '$(touch /tmp/librechat-lab-was-here)',
  backticks: '`touch /tmp/librechat-lab-was-here`',
  'a second line': 'a\nrm -rf /',
  'a terminal’s escape': 'a\u001b[31m\u001b]0;title\u0007b',
  '10,000 characters': 'a'.repeat(10_000),
  'another alphabet': 'лаборатория',
  'right to left': 'a\u202eb',
  'two dots': '../../etc/passwd',
  nothing: '',
} as const

/** Options that take a word of the user's, each in its place. */
const takers: Record<string, (word: string) => string[]> = {
  'a lab’s name': (word) => ['up', '--yes', '--name', word],
  'a region': (word) => ['status', '--region', word],
  'an e-mail address': (word) => ['up', '--yes', '--email', word],
  'a domain': (word) => ['up', '--yes', '--open-port-80', '--domain', word],
  'a model': (word) => ['up', '--yes', '--models', word],
  'a range': (word) => ['up', '--yes', '--allow-cidr', word],
  'an instance type': (word) => ['up', '--yes', '--instance-type', word],
  'a disk': (word) => ['up', '--yes', '--disk', word],
  'a subnet': (word) => ['up', '--yes', '--subnet-id', word],
  'a boundary': (word) => ['up', '--yes', '--permissions-boundary', word],
  'a form': (word) => ['up', '--yes', '--scenario', 'form-missing', '--use-case-file', word],
  'a scenario': (word) => ['up', '--yes', `--scenario=${word}`],
  'a tag': (word) => ['up', '--yes', '--tag', word],
  'a tunnel’s target': (word) => ['tunnel', word],
  'a user': (word) => ['user', 'add', word],
  'a service': (word) => ['logs', word],
  'a backup': (word) => ['restore', word],
  'a folder': (word) => ['backup', `${word}/lab.backup`],
  'a passphrase’s file': (word) => ['backup', 'lab.backup', '--passphrase-file', word],
  'a host name in a cluster': (word) => ['graduate', '--out', '/nowhere/k8s', '--host', word],
  'a namespace': (word) => ['graduate', '--out', '/nowhere/k8s', '--namespace', word],
  'a database’s URI': (word) => ['graduate', '--out', '/nowhere/k8s', '--mongodb', word],
  'a folder for the cluster': (word) => ['graduate', '--host', 'a.example.org', '--out', `/nowhere/${word}`],
  'a command': (word) => [word],
  'a topic': (word) => ['help', word],
}

/** Whether the command line says itself whether it is a rehearsal; a region is checked for the real thing alone. */
const saysItself = (what: string) =>
  ['a region', 'a command', 'a topic', 'a scenario', 'a form'].includes(what)

describe.concurrent('what somebody who wishes it ill may type', () => {
  it.for(Object.entries(takers))(
    '%s is refused with a clear message, or taken exactly',
    { timeout: 120_000 },
    async ([what, line]) => {
      for (const [kind, word] of Object.entries(nasty)) {
        if (isHarmless(what, kind)) continue
        const { env, run } = rehearsal()
        const args = line(word)
        const ended = await (saysItself(what) ? runWith(args, env) : run(args))
        const said = `${what}, ${kind}: ${ended.stderr.slice(0, 600)}`
        expect([1, 3], said).toContain(ended.code)
        expect(ended.stderr, said).toMatch(/✖ /)
        expect(ended.stderr, said).not.toMatch(/unexpected error|^ +at /m)
        expect(ended.stderr, said).not.toMatch(/\u001b|\u0007|\u202e/)
        expect(ended.stderr.length, said).toBeLessThan(2500)
      }
    },
  )

  it('runs none of it', async () => {
    expect(() => readFileSync('/tmp/librechat-lab-was-here')).toThrow()
  })

  it.for([
    ['the whole internet', '0.0.0.0/0'],
    ['two halves of it', '0.0.0.0/1', '128.0.0.0/1'],
    ['a little more than a /16', '44.0.0.0/16', '44.1.0.0/32'],
  ])('lets in %s only when that is said twice', async ([, ...ranges]) => {
    const { run } = rehearsal()
    const args = ['up', '--yes', '--dry-run', '--allow-cidr', ...ranges]
    const refused = await run([...args, '--json'])
    expect(refused.code).toBe(1)
    expect(refused.json()).toMatchObject({ error: { code: 'too-wide' } })
    const twice = await run([...args, '--allow-everyone', '--json'])
    expect(twice.json()).toMatchObject({ spec: { allow: { cidrs: ranges, everyone: true } } })
  })

  it('a configuration of AWS’s that is no configuration: an error, not a crash', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, '.aws'))
    writeFileSync(join(folder, '.aws/config'), '\u0000[profile\n=\n[[[]]]\nregion')
    const ended = await runWith(['status', '--region', 'us-east-1'], bareEnv(folder))
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/✖ No AWS credentials were found/)
  })

  it('a reader that has gone is no failure', async () => {
    const place = rehearsal()
    const { child, ended } = place.start(['models'])
    child.stdout.destroy()
    expect((await ended).code).toBe(0)
  })

  it('a state folder that is not ours to write: an error that names it', async () => {
    const { run: rehearse, folder } = rehearsal()
    writeFileSync(join(folder, 'state'), '')
    expect((await rehearse(['list'])).stderr).toContain(join(folder, 'state'))
  })
})

/** What is no harm there: an empty word means the default, or is nobody's. */
const isHarmless = (what: string, kind: string): boolean =>
  kind === 'nothing' &&
  ['a command', 'a topic', 'a scenario', 'a domain', 'a model', 'a region', 'a form'].includes(what)
