import { afterAll, beforeAll, expect, it } from 'vitest'
import { payloads } from '../../src/host/payload.js'
import { stackInput } from '../../src/host/settings.js'
import { setUpHost } from '../../src/host/setup.js'
import { runStage } from '../../src/host/stage.js'
import { Lab } from './lab.js'

let lab: Lab

beforeAll(async () => {
  lab = await Lab.start()
})
afterAll(() => lab?.stop())

const sh = (script: string): Promise<string> => lab.machine.sh(script)

/** All that Run Commands would carry, as one script. */
const payload = (...args: Parameters<typeof payloads> extends [unknown, ...infer Rest] ? Rest : never) =>
  payloads(lab.host, ...args)
    .map((script) => `(\n${script})`)
    .join('\n')

// Not in .ci/run until they were seen green with host files that go over in several commands.
const notYetInCi = it.skipIf(process.env.CI)

/** Starts a stage and kills it, with all its children, as soon as its log says that it is in its middle. */
async function killed(stage: string, middle: string): Promise<void> {
  const input = stage === 'stack' ? stackInput(lab.settings, lab.templates) : {}
  const running = lab.machine.start(payload(input, `bash "$CODE/run.sh" ${stage}`, { withFiles: true }))
  await sh(
    `for _ in $(seq 600); do grep -qE '${middle}' /var/log/librechat-lab/${stage}.log 2>/dev/null && exit 0; sleep 0.2; done; exit 1`,
  )
  await running.kill()
}

it('is refused on a kernel on which MongoDB does not start', async () => {
  await sh(
    `printf '#!/bin/sh\\n[ "$1" = -r ] && echo 6.19.4-1.amzn2023 || /usr/bin/uname "$@"\\n' >/usr/local/sbin/uname && chmod +x /usr/local/sbin/uname`,
  )
  const refused = runStage(lab.host, 'system', { timeoutSeconds: 600 })
  await expect(refused).rejects.toMatchObject({
    code: 'kernel-unfit',
    message: expect.stringContaining('6.19.4'),
  })
  await sh('rm /usr/local/sbin/uname')
})

it('refuses a daemon.json that contradicts the lab, and keeps it to the byte', async () => {
  const theirs = '{"userns-remap": "somebody",\n  "dns": ["10.0.0.2"]}'
  await sh(`mkdir -p /etc/docker && printf '%s' '${theirs}' >/etc/docker/daemon.json`)
  await runStage(lab.host, 'system', { timeoutSeconds: 600 })
  const refused = runStage(lab.host, 'docker', { timeoutSeconds: 900 })
  await expect(refused).rejects.toMatchObject({
    code: 'docker-config-conflict',
    why: expect.stringContaining('userns-remap'),
  })
  expect(await sh('cat /etc/docker/daemon.json')).toBe(theirs)
  await sh(`echo '{"iptables": false}' >/etc/docker/daemon.json`)
  await expect(runStage(lab.host, 'docker', { timeoutSeconds: 900 })).rejects.toMatchObject({
    code: 'docker-config-conflict',
    why: expect.stringContaining('iptables'),
  })
  // From here on a machine with settings of its own that agree.
  await sh(
    `echo '{"dns": ["10.0.2.3"], "log-opts": {"max-size": "50m"}}' >/etc/docker/daemon.json; rm -f /swapfile.new`,
  )
})

notYetInCi('goes on where a stage was killed, at every stage', async () => {
  await sh('swapoff /swapfile; rm /swapfile')
  const system = lab.machine.start(payload({}, 'bash "$CODE/run.sh" system', { withFiles: true }))
  await sh('for _ in $(seq 300); do [ -e /swapfile ] && exit 0; sleep 0.1; done; exit 1')
  await system.kill()
  await killed('docker', 'docker-compose.new|Created symlink.*docker')
  await runStage(lab.host, 'docker', { timeoutSeconds: 900 })
  const images = lab.machine.start(payload({}, 'bash "$CODE/run.sh" images', { withFiles: true }))
  await sh('sleep 6')
  await images.kill()
  await runStage(lab.host, 'images', { timeoutSeconds: 900 })
  await killed('stack', 'Container .*mongodb.* (Starting|Waiting)')
  const half = lab.machine.start(
    payload(stackInput(lab.settings, lab.templates), 'bash "$CODE/run.sh" stack', {
      withFiles: true,
    }),
  )
  await sh(
    'for _ in $(seq 300); do grep -q "LibreChat answers" /var/log/librechat-lab/stack.log && exit 0; sleep 1; done; exit 1',
  )
  await half.kill()
  const asked = lab.machine.start(payload({}, 'bash "$CODE/run.sh" health', { withFiles: true }))
  await sh('sleep 2')
  await asked.kill()
  const { health } = await setUpHost(lab.host, lab.settings)
  expect(health.healthy).toBe(true)
  const daemon = JSON.parse(await sh('cat /etc/docker/daemon.json'))
  expect(daemon).toMatchObject({
    dns: ['10.0.2.3'],
    'log-opts': { 'max-size': '50m' },
    'userns-remap': 'default',
  })
})

notYetInCi('is sent a version’s files again that it has lost, and keeps two versions apart', async () => {
  const kept = async () => (await sh('ls -d /run/librechat-lab/[0-9a-f]*')).split('\n')
  const before = await kept()
  expect(before).toHaveLength(1)
  await sh('rm -rf /run/librechat-lab')
  expect(await runStage(lab.host, 'health', { timeoutSeconds: 600 })).toContain('"healthy":true')
  expect(await kept()).toEqual(before)
  // Killed while they are unpacked: there as a whole or not at all.
  lab.pin({ COMPOSE_VERSION: 'v2 ' })
  const half = payload({}, 'true', { withFiles: true }).replace(/^python3 .*$/gm, '$&; kill -9 $$')
  await lab.machine.start(half).result
  expect(await kept()).toEqual(before)
  await lab.machine.start(payload({}, 'true', { withFiles: true })).result
  expect(await kept()).toHaveLength(2)
  lab.pin({})
  expect(await runStage(lab.host, 'health', { timeoutSeconds: 600 })).toContain('"healthy":true')
})

notYetInCi('waits for a stage under way, and then finds its work done', async () => {
  // The first boot's script, still at work when the command line comes.
  const boot = lab.firstBoot()
  await sh(
    'for _ in $(seq 100); do [ -s /opt/librechat-lab/state/running ] && exit 0; sleep 0.1; done; exit 1',
  )
  const output = await runStage(lab.host, 'images', { timeoutSeconds: 900 })
  expect(output).toContain('waiting for the running stage: ')
  expect((await boot.result).code).toBe(0)
})
