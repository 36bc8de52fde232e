import { connect } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { listDumps } from '../../src/host/dumps.js'
import { readHealth } from '../../src/host/host-health.js'
import { listUsers } from '../../src/host/users.js'
import { Browser } from './browser.js'
import { adminEmail } from './healthy.js'
import { Suite } from './suite.js'

const suite = new Suite()
const { sh } = suite

beforeAll(async () => {
  await suite.putStack({ ...suite.lab.settings, idleStop: 60 })
})

/** Only the tests look; the timer would come in between. */
const pauseTimer = () => sh('systemctl stop librechat-lab-idle.timer')

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

describe('a host that stops itself', () => {
  it('is kept awake by a request, an answer, a shell in Portainer, a tunnel and a dump', async () => {
    expect(await sh('systemctl is-active librechat-lab-idle.timer')).toBe('active')
    await pauseTimer()
    const browser = new Browser(suite.lab.machine.ports.https)
    await browser.login(adminEmail, suite.first.password)
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

    const shell = connect({
      port: suite.lab.machine.ports.portainer,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
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
    suite.lab.machine.start('systemctl poweroff')
    await suite.lab.machine.startAgain()
    const { dump, warnings } = await suite.healthy()
    expect(dump).toMatchObject({ result: 'made' })
    expect(warnings.filter(({ code }) => code === 'interrupted')).toEqual([])
    expect(await listDumps(suite.lab.host)).toMatchObject([{ reason: 'nightly', id: dump?.id }])
  })

  it('shuts down in good order when nobody uses it, and is healthy at the next boot', async () => {
    await pauseTimer()
    const before = await listUsers(suite.lab.host)
    await look()
    await idle()
    expect((await readHealth(suite.lab.host)).idleStop).toMatchObject({ minutes: 60, awake: '', held: false })
    suite.lab.machine.start('/opt/librechat-lab/bin/idle-stop')
    await suite.lab.machine.startAgain()
    const health = await suite.healthy()
    expect(await listUsers(suite.lab.host)).toEqual(before)
    expect(JSON.parse(await sh('cat /opt/librechat-lab/state/idle-stop.json'))).toMatchObject({ minutes: 60 })
    expect(health.idleStop?.minutes).toBe(60)
  })
})
