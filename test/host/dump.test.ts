import { randomBytes } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import { listDumps, restoreDump } from '../../src/host/dumps.js'
import { readHealth } from '../../src/host/host-health.js'
import { setUpHost } from '../../src/host/setup.js'
import { addUser, removeUser } from '../../src/host/users.js'
import { Browser } from './browser.js'
import { Suite } from './suite.js'

const email = 'ann@example.org'
const suite = new Suite()
const { sh, healthy } = suite
let password = ''

beforeAll(async () => {
  password = (await addUser(suite.lab.host, { email })).password ?? ''
})

const dump = async (...args: string[]) =>
  JSON.parse((await sh(`/opt/librechat-lab/bin/dump ${args.join(' ')}`)).split('\n').at(-1) ?? '')
const volume = (name: string) => sh(`docker inspect -f '{{range .Mounts}}{{println .Name}}{{end}}' ${name}`)

async function statusOfLogin(): Promise<number> {
  const browser = new Browser(suite.lab.machine.ports.https)
  try {
    return (await browser.login(email, password)).status
  } finally {
    browser.close()
  }
}

it('is made every night, and brings users, files, owners and keys back as they were', async () => {
  const file = randomBytes(300_000)
  const browser = new Browser(suite.lab.machine.ports.https)
  await browser.login(email, password)
  await browser.ask('POST', '/api/files', file)
  browser.close()
  const uploads =
    'docker exec librechat-lab-librechat-1 sh -c "stat -c %u /app/uploads/last; cat /app/uploads/last" | sha256sum'
  const before = await sh(uploads)
  const keys = await sh('docker exec librechat-lab-librechat-1 env | grep -E "CREDS|JWT" | sort')
  expect(await sh('systemctl is-active librechat-lab-dump.timer')).toBe('active')
  await sh('systemctl start librechat-lab-dump.service')
  const [made] = await listDumps(suite.lab.host)
  expect(made?.reason).toBe('nightly')
  expect((await readHealth(suite.lab.host)).dump).toMatchObject({ result: 'made', id: made?.id })

  await removeUser(suite.lab.host, email)
  await sh('docker exec librechat-lab-librechat-1 sh -c "echo other >/app/uploads/last"')
  expect(await statusOfLogin()).toBe(422)
  const { before: kept } = await restoreDump(suite.lab.host, { id: made?.id ?? '' })
  expect(await statusOfLogin()).toBe(200)
  expect(await sh(uploads)).toBe(before)
  expect(await sh('docker exec librechat-lab-librechat-1 env | grep -E "CREDS|JWT" | sort')).toBe(keys)
  // Another run of the stack keeps what was restored, and nothing is left of the volumes from before.
  await setUpHost(suite.lab.host, suite.lab.settings)
  expect(await statusOfLogin()).toBe(200)
  expect(await volume('librechat-lab-mongodb-1')).toMatch(/librechat-lab_mongodb-r\d+/)
  expect(await sh("docker volume ls -q | grep -cE 'lab_(mongodb|images|uploads|data)(-r[0-9]+)?$'")).toBe('4')
  await dump('restore', kept)
  expect(await statusOfLogin()).toBe(422)
})

it('leaves LibreChat running when the power goes in the middle of one', async () => {
  suite.lab.machine.start('/opt/librechat-lab/bin/dump make nightly')
  await sh(
    'for _ in $(seq 600); do [ -e /opt/librechat-lab/state/librechat-stopped ] && exit 0; sleep 0.1; done; exit 1',
  )
  await suite.lab.machine.reset()
  await sh(
    'for _ in $(seq 300); do [ ! -e /opt/librechat-lab/state/librechat-stopped ] && exit 0; sleep 1; done; exit 1',
  )
  expect((await healthy()).services.librechat).toBe('healthy')
})
