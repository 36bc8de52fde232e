import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listDumps, restoreDump } from '../../src/host/dumps.js'
import { readHealth } from '../../src/host/health.js'
import { setUpHost } from '../../src/host/setup.js'
import { addUser, removeUser } from '../../src/host/users.js'
import { Browser } from './browser.js'
import { Lab } from './lab.js'

const email = 'ann@example.org'
let lab: Lab
let password = ''

beforeAll(async () => {
  lab = await Lab.start()
  await setUpHost(lab.host, lab.settings, { email: 'admin@example.org' })
  password = (await addUser(lab.host, { email })).password ?? ''
})
afterAll(() => lab?.stop())

const sh = (script: string): Promise<string> => lab.machine.sh(script)
const dump = async (...args: string[]) =>
  JSON.parse((await sh(`/opt/librechat-lab/bin/dump ${args.join(' ')}`)).split('\n').at(-1) ?? '')
const volume = (name: string) => sh(`docker inspect -f '{{range .Mounts}}{{println .Name}}{{end}}' ${name}`)

async function statusOfLogin(): Promise<number> {
  const browser = new Browser(lab.machine.ports.https)
  try {
    return (await browser.login(email, password)).status
  } finally {
    browser.close()
  }
}

it('is made every night, and brings users, files, owners and keys back as they were', async () => {
  const file = randomBytes(300_000)
  const browser = new Browser(lab.machine.ports.https)
  await browser.login(email, password)
  await browser.ask('POST', '/api/files', file)
  browser.close()
  const uploads =
    'docker exec librechat-lab-librechat-1 sh -c "stat -c %u /app/uploads/last; cat /app/uploads/last" | sha256sum'
  const before = await sh(uploads)
  const keys = await sh('docker exec librechat-lab-librechat-1 env | grep -E "CREDS|JWT" | sort')
  expect(await sh('systemctl is-active librechat-lab-dump.timer')).toBe('active')
  await sh('systemctl start librechat-lab-dump.service')
  const [made] = await listDumps(lab.host)
  expect(made?.reason).toBe('nightly')
  expect((await readHealth(lab.host)).dump).toMatchObject({ result: 'made', id: made?.id })

  await removeUser(lab.host, email)
  await sh('docker exec librechat-lab-librechat-1 sh -c "echo other >/app/uploads/last"')
  expect(await statusOfLogin()).toBe(422)
  const { before: kept } = await restoreDump(lab.host, made?.id ?? '', false)
  expect(await statusOfLogin()).toBe(200)
  expect(await sh(uploads)).toBe(before)
  expect(await sh('docker exec librechat-lab-librechat-1 env | grep -E "CREDS|JWT" | sort')).toBe(keys)
  // Another run of the stack keeps what was restored, and nothing is left of the volumes from before.
  await setUpHost(lab.host, lab.settings)
  expect(await statusOfLogin()).toBe(200)
  expect(await volume('librechat-lab-mongodb-1')).toMatch(/librechat-lab_mongodb-r\d+/)
  expect(await sh("docker volume ls -q | grep -cE 'lab_(mongodb|images|uploads|data)(-r[0-9]+)?$'")).toBe('4')
  await dump('restore', kept)
  expect(await statusOfLogin()).toBe(422)
})

it('leaves LibreChat running when the power goes in the middle of one', async () => {
  lab.machine.start('/opt/librechat-lab/bin/dump make nightly')
  await sh(
    'for _ in $(seq 600); do [ -e /opt/librechat-lab/state/librechat-stopped ] && exit 0; sleep 0.1; done; exit 1',
  )
  await lab.machine.reset()
  await sh(
    'for _ in $(seq 300); do [ ! -e /opt/librechat-lab/state/librechat-stopped ] && exit 0; sleep 1; done; exit 1',
  )
  expect((await readHealth(lab.host)).services.librechat).toBe('healthy')
})
