import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const program = new URL('../../templates/bin/idle-stop', import.meta.url).pathname
const there = spawnSync('python3', ['-c', 'pass']).status === 0

let work: string
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-idle-'))
  for (const name of ['bin', 'state', 'run', 'proc/1']) mkdirSync(join(work, name), { recursive: true })
  writeFileSync(join(work, 'proc/1/cmdline'), '/sbin/init\0')
  writeFileSync(join(work, '.env'), 'LAB_REGION=us-east-1\nLAB_IDLE_STOP=120\n')
  metrics({ requests: 7, inFlight: 0 })
  says('chats', '0')
  says('portainer', '5')
  mkdirSync(join(work, 'proc/42/net'), { recursive: true })
  sockets()
  shim(
    'docker',
    `case "$*" in
  *service=proxy*) echo proxy ;;
  *service=mongodb*) echo mongodb ;;
  *service=portainer*) echo portainer ;;
  inspect*portainer) echo 42 ;;
  exec\\ proxy*) exec cat '${work}/metrics' ;;
  exec\\ mongodb*) exec cat '${work}/chats' ;;
esac`,
  )
  shim(
    'iptables',
    `echo "  $(cat '${work}/portainer')  300 DNAT tcp -- !br-1 * 0.0.0.0/0 0.0.0.0/0 tcp dpt:9443"`,
  )
  shim('who', `cat '${work}/who' 2>/dev/null`)
  shim('systemctl', `[ "$1" != show ] || cat '${work}/unit' 2>/dev/null; echo "$*" >>'${work}/systemctl.log'`)
  const made = work
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
})

function shim(name: string, text: string): void {
  writeFileSync(join(work, 'bin', name), `#!/bin/bash\n${text}\n`)
  chmodSync(join(work, 'bin', name), 0o755)
}

const says = (name: string, text: string) => writeFileSync(join(work, name), `${text}\n`)

/** As Caddy prints them; the proxy's own health checks are none of LibreChat's. */
const metrics = ({ requests, inFlight }: { requests: number; inFlight: number }) =>
  says(
    'metrics',
    `caddy_http_requests_in_flight{handler="metrics",server="srv0"} 1
caddy_http_requests_in_flight{handler="subroute",server="srv1"} ${inFlight}
caddy_http_requests_total{handler="static_response",server="srv0"} ${Math.round(Math.random() * 1000)}
caddy_http_requests_total{handler="subroute",server="srv1"} ${requests}`,
  )

const sockets = (...lines: string[]) => {
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
  const listens =
    '   0: 00000000000000000000000000000000:24E3 00000000000000000000000000000000:0000 0A 00000000:00000000'
  says('proc/42/net/tcp6', [head, listens, ...lines].join('\n'))
  says('proc/42/net/tcp', head)
}

/** One look; whether the machine was shut down, and what the look kept. */
function look(): { stopped: boolean; awake: string; since: number } {
  const env = {
    ...process.env,
    PATH: `${work}/bin:${process.env.PATH}`,
    LAB: work,
    RUN: `${work}/run`,
    PROC: `${work}/proc`,
  }
  const { status, stderr } = spawnSync('python3', [program], { env, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const log = join(work, 'systemctl.log')
  const stopped = existsSync(log) && readFileSync(log, 'utf8').includes('poweroff')
  const state = join(work, 'run/idle.json')
  const { awake, since } = existsSync(state)
    ? JSON.parse(readFileSync(state, 'utf8'))
    : { awake: '', since: 0 }
  return { stopped, awake, since }
}

/** As if the last look had been so many minutes after the last use. */
function idleFor(minutes: number): void {
  const path = join(work, 'run/idle.json')
  const state = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...state, since: state.since - minutes * 60 }))
}

async function holding(path: string): Promise<ChildProcess> {
  const code =
    'import fcntl, sys; f = open(sys.argv[1], "a"); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()'
  const holder = spawn('python3', ['-c', code, path], { stdio: ['pipe', 'pipe', 'ignore'] })
  await new Promise((resolve) => holder.stdout?.once('data', resolve))
  onTestFinished(() => void holder.kill())
  return holder
}

describe.skipIf(!there)('idle stop', () => {
  it('counts from its first look, and stops the machine when the time is over', () => {
    expect(look()).toMatchObject({ stopped: false, awake: '' })
    idleFor(119)
    expect(look().stopped).toBe(false)
    idleFor(2)
    expect(look().stopped).toBe(true)
    expect(JSON.parse(readFileSync(join(work, 'state/idle-stop.json'), 'utf8'))).toMatchObject({
      minutes: 120,
    })
  })

  it.each<[string, () => void, string]>([
    ['a request came', () => metrics({ requests: 8, inFlight: 0 }), 'somebody used LibreChat'],
    [
      'an answer is being written',
      () => metrics({ requests: 7, inFlight: 1 }),
      'a request or an answer is under way',
    ],
    ['Portainer was opened', () => says('portainer', '6'), 'somebody used Portainer'],
    [
      'a shell is open in Portainer',
      () =>
        sockets(
          '   1: 0000000000000000FFFF0000020012AC:24E3 0000000000000000FFFF00000114FBC6:C001 01 00000000:00000000',
        ),
      'a connection to Portainer is open',
    ],
    [
      'Portainer’s sockets can’t be read',
      () => rmSync(join(work, 'proc/42'), { recursive: true }),
      "Portainer can't be asked",
    ],
    ['a scheduled chat is ahead', () => says('chats', '2'), 'a scheduled chat is ahead'],
    [
      'a tunnel or a shell is open',
      () => {
        mkdirSync(join(work, 'proc/77'))
        writeFileSync(join(work, 'proc/77/cmdline'), '/usr/bin/ssm-session-worker\0ana-0123\0')
      },
      'a tunnel, a shell or a command is open',
    ],
    ['somebody is logged in', () => says('who', 'ec2-user tty1'), 'somebody is logged in'],
    ['the system is being updated', () => says('unit', 'activating'), 'the system is being updated'],
    ['the proxy can’t be asked', () => rmSync(join(work, 'metrics')), 'LibreChat does not answer'],
    ['the database can’t be asked', () => says('chats', 'connection refused'), 'LibreChat does not answer'],
  ])('stays awake when %s, and counts from then on', (_, use, why) => {
    const { since } = look()
    idleFor(500)
    use()
    const seen = look()
    expect(seen).toMatchObject({ stopped: false, awake: why })
    expect(seen.since).toBeGreaterThanOrEqual(since)
  })

  it.each([
    ['a stage, as of a backup or an update', 'lock'],
    ['whoever asked not to be interrupted', 'run/keep-awake'],
  ])('stays awake while a lock is held by %s', async (_, path) => {
    look()
    idleFor(500)
    await holding(join(work, path))
    expect(look()).toMatchObject({
      stopped: false,
      awake: 'a backup, an update or another stage is under way',
    })
  })

  it('never stops where a shutdown would terminate the instance', () => {
    look()
    idleFor(500)
    says('state/idle-stop-held', '')
    expect(look().stopped).toBe(false)
    rmSync(join(work, 'state/idle-stop-held'))
    expect(look().stopped).toBe(true)
  })

  it.each(['\xff\xfe', '', '[]', '"x"', '{}', '{"since":"x"}'])(
    'counts anew where what the last look kept is damaged: %s',
    (text) => {
      look()
      idleFor(500)
      writeFileSync(join(work, 'run/idle.json'), Buffer.from(text, 'latin1'))
      expect(look()).toMatchObject({ stopped: false, awake: '' })
      expect(look()).toMatchObject({ stopped: false, awake: '' })
    },
  )

  it.each([
    ['\xff\xfe', 'somebody used LibreChat'],
    [
      'caddy_http_requests_in_flight{handler="subroute"} many\ncaddy_http_requests_total{handler="subroute"} nan\n',
      'LibreChat does not answer',
    ],
  ])('stays awake where the proxy answers what is no number: %s', (text, awake) => {
    look()
    idleFor(500)
    writeFileSync(join(work, 'metrics'), Buffer.from(text, 'latin1'))
    expect(look()).toMatchObject({ stopped: false, awake })
  })

  it('does nothing where it is off', () => {
    writeFileSync(join(work, '.env'), 'LAB_REGION=us-east-1\n')
    look()
    expect(existsSync(join(work, 'run/idle.json'))).toBe(false)
  })

  it('forgets what it counted before a boot, because that is kept in memory alone', () => {
    rmSync(join(work, 'run'), { recursive: true })
    expect(look()).toMatchObject({ stopped: false, awake: '' })
  })
})
