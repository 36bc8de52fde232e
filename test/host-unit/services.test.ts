import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const code = new URL('../../templates', import.meta.url).pathname
const there = spawnSync('bash', ['-c', 'command -v pkill']).status === 0

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-services-'))
  for (const name of ['bin', 'state']) mkdirSync(join(work, name))
  const made = work
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
})

/**
 * Starts LibreChat where Docker has restarted it so many times before, and restarts it once between two looks for as
 * often as it fails; then it is healthy. Compose has a program of its own that waits, as its plugin does.
 */
function up({ restartsBefore, fails }: { restartsBefore: number; fails: number }) {
  const shim = (name: string, text: string) => {
    writeFileSync(join(work, 'bin', name), `#!/bin/bash\n${text}\n`)
    chmodSync(join(work, 'bin', name), 0o755)
  }
  const count = join(work, 'count')
  writeFileSync(count, String(restartsBefore))
  shim('sleep', '/bin/sleep 0.05')
  shim(
    'docker',
    `case "$1 $2" in
  'compose up') bash -c 'for _ in $(seq 200); do [ ! -e ${work}/healthy ] || exit 0; /bin/sleep 0.05; done; touch ${work}/in-vain; exit 1' || exit ;;
  'compose ps') echo 'librechat: Restarting (1) 1 second ago' ;;
  'ps -aq') echo one ;;
  inspect*)
    now=$(cat '${count}'); echo "one $now"
    if [ "$now" -lt ${restartsBefore + fails} ]; then echo $((now + 1)) >'${count}'; else touch '${work}/healthy.new'; fi
    [ ! -e '${work}/healthy.new' ] || [ ${fails} -ge 3 ] || touch '${work}/healthy' ;;
esac`,
  )
  const script = `. '${code}/stages/common.sh'; . '${code}/stages/services.sh'; up librechat`
  const { status, stderr } = spawnSync('bash', ['-c', `exec 3>/dev/null; ${script}`], {
    env: { ...process.env, PATH: `${join(work, 'bin')}:${process.env.PATH}`, LAB: work, CODE: code },
    encoding: 'utf8',
  })
  const error = join(work, 'state/error.json')
  return {
    status,
    stderr,
    waited: existsSync(join(work, 'in-vain')),
    error: existsSync(error) ? JSON.parse(readFileSync(error, 'utf8')) : undefined,
  }
}

/** Runs a stage's own lines, with what it reads at first replaced: the calls it makes, until one of them fails. */
function calls(stage: string, { at = 'code', fails = '' } = {}): string[] {
  mkdirSync(join(work, at, 'stages'), { recursive: true })
  for (const name of ['secrets', 'state', 'images', 'input']) mkdirSync(join(work, name), { recursive: true })
  writeFileSync(join(work, '.env'), '')
  writeFileSync(
    join(work, at, 'stages/common.sh'),
    `set -euo pipefail
call() { echo "$*" >>"$LAB/calls"; [ "$*" != '${fails}' ]; }
for name in step say up docker systemctl openssl need_space update place_units enable_units; do eval "$name() { call $name \\"\\$@\\"; }"; done
# Everything is there already.
put() { return 1; }`,
  )
  for (const name of ['fetch.sh', 'services.sh']) writeFileSync(join(work, at, 'stages', name), '')
  writeFileSync(join(work, 'calls'), '')
  spawnSync('bash', [join(code, 'stages', `${stage}.sh`)], {
    env: { ...process.env, LAB: work, CODE: join(work, at), INPUT: join(work, 'input') },
  })
  return readFileSync(join(work, 'calls'), 'utf8').split('\n')
}

describe.skipIf(!there)('a stage', () => {
  it('enables what continues an update, also where an earlier run was cut off after writing it', () => {
    const made = calls('stack', { fails: 'update begin' })
    expect(made).toContain('update rollback')
    expect(made).toContain('enable_units librechat-lab-update.service')
  })

  it('that opens a new lab starts the proxy alone, and else everything that is not what it should be', () => {
    expect(calls('open').filter((call) => call.startsWith('up '))).toEqual(['up proxy'])
    writeFileSync(join(work, 'state/release'), 'one')
    expect(calls('open').filter((call) => call.startsWith('up '))).toEqual(['up --remove-orphans'])
  })

  it('that sets the host up lets LibreChat run where another instance was to take its place', () => {
    mkdirSync(join(work, 'state'), { recursive: true })
    writeFileSync(join(work, 'state/closed'), '')
    calls('stack', { fails: 'update begin' })
    expect(existsSync(join(work, 'state/closed'))).toBe(false)
  })

  it('that opens the lab ends the hold of idle stop for a command, which has checked it, and not at a boot', () => {
    for (const at of ['update', 'code']) {
      mkdirSync(join(work, 'state'), { recursive: true })
      writeFileSync(join(work, 'state/idle-stop-held'), '')
      expect(calls('open', { at })).toContain('update keep')
      expect(existsSync(join(work, 'state/idle-stop-held'))).toBe(at === 'update')
    }
  })
})

describe.skipIf(!there)('a service that is started', () => {
  it('is not waited for any longer when it has ended and been restarted three times', () => {
    expect(up({ restartsBefore: 4, fails: 3 })).toMatchObject({
      status: 1,
      waited: false,
      error: { code: 'stack-unhealthy', why: expect.stringContaining('librechat: Restarting') },
    })
  })

  it('may end twice, and may have been restarted before', () => {
    expect(up({ restartsBefore: 4, fails: 2 })).toMatchObject({ status: 0, error: undefined })
  })
})
