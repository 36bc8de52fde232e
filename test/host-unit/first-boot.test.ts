import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const runner = new URL('../../templates/run.sh', import.meta.url)
const there = spawnSync('bash', ['-c', 'command -v flock sha256sum cmp']).status === 0

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-first-boot-'))
  for (const name of ['bin', 'run', 'lab']) mkdirSync(join(work, name))
  const made = work
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  disk(8)
})

function shim(name: string, text: string): void {
  writeFileSync(join(work, 'bin', name), `#!/bin/bash\n${text}\n`)
  chmodSync(join(work, 'bin', name), 0o755)
}

/** The host's only disk, in GiB. */
const disk = (size: number) => shim('lsblk', `echo nvme0n1 ${size * 2 ** 30}`)

/** The runner itself, with folders of the test's, and stages that say which ran for the how many-th time. */
function code(name: string, change: Readonly<Record<string, string>> = {}): string {
  const folder = join(work, name)
  for (const one of ['stages', 'host']) mkdirSync(join(folder, one), { recursive: true })
  const text = readFileSync(runner, 'utf8')
    .replace('LAB=/opt/librechat-lab RUN=/run/librechat-lab', `LAB=${work}/lab RUN=${work}/run`)
    .replace('/var/log/librechat-lab "$RUN"', `${work}/log "$RUN"`)
    .replaceAll('log=/var/log/librechat-lab/', `log=${work}/log/`)
    .replace('PATH=/usr/local/sbin', `PATH=${work}/bin:/usr/local/sbin`)
  const stage = (one: string) =>
    `echo x >>${work}/${one}; echo "${one}, time $(grep -c x ${work}/${one})" >&3; [ ! -e ${work}/failing ]\n`
  const files = {
    'run.sh': text,
    'pins.env': '',
    'daemon.json': '{}',
    'host/firewall.py': '',
    ...Object.fromEntries(['system', 'docker', 'stack'].map((one) => [`stages/${one}.sh`, stage(one)])),
    ...change,
  }
  for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content)
  return folder
}

function run(folder: string, stages: string[], env: Record<string, string> = {}): string {
  return spawnSync('bash', [join(folder, 'run.sh'), ...stages], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  }).stdout
}

const firstBoot = (folder: string) => run(folder, ['system', 'docker'], { FIRST_BOOT: 'yes' })

describe.skipIf(!there)('what the first boot has done', () => {
  it('is passed on once, in the order of the stages, and is in the output of the boot too', () => {
    const boot = code('boot')
    expect(firstBoot(boot)).toBe('system, time 1\ndocker, time 1\n')
    cpSync(boot, join(work, 'sent'), { recursive: true })
    // The command line's files are more than those that the first boot needs.
    writeFileSync(join(work, 'sent/stages/open.sh'), '')
    const sent = join(work, 'sent')
    expect(run(sent, ['system'])).toBe('system, time 1\n')
    expect(run(sent, ['docker'])).toBe('docker, time 1\n')
    expect(run(sent, ['system'])).toBe('system, time 2\n')
    expect(run(sent, ['docker'])).toBe('docker, time 2\n')
  })

  it.each([
    ['of another version', () => code('other', { 'pins.env': 'MONGODB_IMAGE=mongo:9\n' })],
    ['with other programs', () => code('changed', { 'host/firewall.py': 'print()\n' })],
  ])('is no answer for a command line %s, nor for the next one', (_, other) => {
    const boot = code('boot')
    firstBoot(boot)
    expect(run(other(), ['system'])).toBe('system, time 2\n')
    expect(run(boot, ['docker'])).toBe('docker, time 2\n')
  })

  it('is done again after a disk has grown', () => {
    const boot = code('boot')
    firstBoot(boot)
    disk(16)
    expect(run(boot, ['system'])).toBe('system, time 2\n')
  })

  it('counts no longer once any stage has run', () => {
    const boot = code('boot')
    firstBoot(boot)
    run(boot, ['stack'])
    expect(run(boot, ['system', 'docker'])).toBe('system, time 2\ndocker, time 2\n')
  })

  it('and has failed is done again', () => {
    const boot = code('boot')
    writeFileSync(join(work, 'failing'), '')
    firstBoot(boot)
    rmSync(join(work, 'failing'))
    expect(run(boot, ['system', 'docker'])).toBe('system, time 2\ndocker, time 1\n')
  })

  it('before is forgotten when the first boot runs again', () => {
    const boot = code('boot')
    firstBoot(boot)
    const newer = code('newer', { 'daemon.json': '{"debug": true}' })
    writeFileSync(join(work, 'failing'), '')
    firstBoot(newer)
    rmSync(join(work, 'failing'))
    expect(run(newer, ['docker'])).toBe('docker, time 2\n')
  })

  it('is nothing where the host is set up already, as on a copy of its disk', () => {
    mkdirSync(join(work, 'lab/state'))
    writeFileSync(join(work, 'lab/state/release'), 'r1')
    const boot = code('boot')
    expect(firstBoot(boot)).toBe('')
    expect(run(boot, ['system', 'docker'])).toBe('system, time 1\ndocker, time 1\n')
  })
})
