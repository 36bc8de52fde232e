import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listDumps } from '../../src/host/dumps.js'
import { type HostHealth, readHealth } from '../../src/host/health.js'
import { setUpHost } from '../../src/host/setup.js'
import { listUsers } from '../../src/host/users.js'
import { Browser } from './browser.js'
import { Lab } from './lab.js'

const email = 'ana@example.org'

let lab: Lab
let password = ''
const sh = (script: string): Promise<string> => lab.machine.sh(script)

beforeAll(async () => {
  lab = await Lab.start()
  const { firstUser } = await setUpHost(lab.host, { ...lab.settings, idleStop: 60 }, { email })
  password = firstUser?.password ?? ''
  // The stand-in for MongoDB's shell says nothing; the question for scheduled chats wants a number.
  await sh(`docker exec -i -u 0 librechat-lab-mongodb-1 sh -c 'cat >/usr/bin/mongosh' <<'SCRIPT'
#!/bin/sh
case "$*" in *schedules*) echo 0 ;; *) [ "$(echo '["ping"]' | nc -w 5 127.0.0.1 27017)" = '"ok"' ] ;; esac
SCRIPT`)
}, 1_200_000)
afterAll(() => lab?.stop())

/** As if the last look had been two hours after the last use. */
const idle = () =>
  sh(`python3 - <<'CODE'
import json
path = "/run/librechat-lab/idle.json"
state = json.load(open(path))
state["since"] -= 7200
json.dump(state, open(path, "w"))
CODE`)

async function look(): Promise<{ awake: string }> {
  return JSON.parse(await sh('/opt/librechat-lab/bin/idle-stop >/dev/null; cat /run/librechat-lab/idle.json'))
}

/** What a boot has started so far. */
const started =
  'uptime; systemctl list-jobs; systemctl --failed; systemctl status docker --no-pager | tail -n 20; docker ps -a'

async function healthy(): Promise<HostHealth> {
  for (const deadline = Date.now() + 240_000; ; ) {
    const health = await readHealth(lab.host)
    if (health.healthy) return health
    if (Date.now() > deadline) throw new Error(`${JSON.stringify(health.problems)}\n${await sh(started)}`)
    await new Promise((resolve) => setTimeout(resolve, 3000))
  }
}

describe('a host that stops itself', () => {
  it('is kept awake by a request, an answer, a shell in Portainer, a tunnel and a dump', async () => {
    expect(await sh('systemctl is-enabled librechat-lab-idle.timer')).toBe('enabled')
    const browser = new Browser(lab.machine.ports.https)
    await browser.login(email, password)
    await look()

    await idle()
    await browser.ask('GET', '/api/config')
    expect((await look()).awake).toBe('somebody used LibreChat')

    await idle()
    let streams = true
    const answers = Promise.all(
      [1, 2, 3].map(async () => {
        while (streams) await browser.ask('GET', '/api/stream')
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect((await look()).awake).toBe('a request or an answer is under way')
    streams = false
    await answers
    browser.close()

    const shell = connect({ port: lab.machine.ports.portainer, host: '127.0.0.1', rejectUnauthorized: false })
    await new Promise((resolve) => shell.once('secureConnect', resolve))
    await look()
    await idle()
    expect((await look()).awake).toBe('a connection to Portainer is open')
    shell.destroy()

    await look()
    await idle()
    await sh('cp /bin/sleep /tmp/ssm-session-worker; (/tmp/ssm-session-worker 600 >/dev/null 2>&1 &)')
    expect((await look()).awake).toBe('a tunnel, a shell or a command is open')
    await sh("kill $(pidof ssm-session-worker || pgrep -f '^/tmp/ssm-session-worker')")

    await idle()
    await sh(
      '(flock /run/librechat-lab/keep-awake sleep 600 >/dev/null 2>&1 & echo $! >/run/dump.pid); sleep 1',
    )
    expect((await look()).awake).toBe('a backup, an update or another stage is under way')
    await sh('pkill -P $(cat /run/dump.pid); true')
  })

  it('finishes a dump that a shutdown through EC2 meets, and starts LibreChat at the next boot', async () => {
    await sh('systemctl start --no-block librechat-lab-dump.service')
    await sh(
      'for _ in $(seq 600); do [ -e /opt/librechat-lab/state/librechat-stopped ] && exit 0; sleep 0.1; done; exit 1',
    )
    // What the ACPI button of a stop through EC2 makes systemd do.
    lab.machine.start('systemctl poweroff')
    await lab.machine.startAgain()
    const { dump, warnings } = await healthy()
    expect(dump).toMatchObject({ result: 'made' })
    expect(warnings.filter(({ code }) => code === 'interrupted')).toEqual([])
    expect(await listDumps(lab.host)).toMatchObject([{ reason: 'nightly', id: dump?.id }])
  })

  it('shuts down in good order when nobody uses it, and is healthy at the next boot', async () => {
    const before = await listUsers(lab.host)
    await look()
    await idle()
    expect((await readHealth(lab.host)).idleStop).toMatchObject({ minutes: 60, awake: '', held: false })
    lab.machine.start('/opt/librechat-lab/bin/idle-stop')
    await lab.machine.startAgain()
    const health = await healthy()
    expect(health.problems).toEqual([])
    expect(await listUsers(lab.host)).toEqual(before)
    expect(JSON.parse(await sh('cat /opt/librechat-lab/state/idle-stop.json'))).toMatchObject({ minutes: 60 })
    expect(health.idleStop?.minutes).toBe(60)
  })
})
