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
