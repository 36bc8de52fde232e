import { afterAll, beforeAll, expect } from 'vitest'
import { type HostHealth, readHealth } from '../../src/host/host-health.js'
import { stackInput } from '../../src/host/settings.js'
import { runStage } from '../../src/host/stage.js'
import { Browser } from './browser.js'
import { adminEmail, type Healthy, healthy as prepared } from './healthy.js'
import { Lab } from './lab.js'
import type { Network } from './machine.js'

export const services = {
  librechat: 'healthy',
  mongodb: 'healthy',
  meilisearch: 'healthy',
  proxy: 'healthy',
  portainer: 'healthy',
}

/** What a boot has started so far. */
const started =
  'uptime; systemctl list-jobs; systemctl --failed; systemctl status docker --no-pager | tail -n 20; docker ps -a'

/** The health of a host that is about to be well again, as after a restart. */
export async function healthyHost({ host, machine }: Lab): Promise<HostHealth> {
  for (const deadline = Date.now() + 240_000; ; ) {
    const health = await readHealth(host)
    if (health.healthy) return health
    if (Date.now() > deadline)
      throw new Error(`${JSON.stringify(health.problems)}\n${await machine.sh(started)}`)
    await new Promise((resolve) => setTimeout(resolve, 3000))
  }
}

/** A machine for one file's tests, on which the first run of the command line has just ended. */
export class Suite {
  lab!: Lab
  first!: Healthy['first']

  constructor(network?: Network) {
    beforeAll(async () => {
      const { snapshot, first } = prepared()
      this.first = first
      this.lab = await Lab.start(snapshot, network)
    })
    afterAll(() => this.lab?.stop())
  }

  readonly sh = (script: string): Promise<string> => this.lab.machine.sh(script)

  /** The stages that put another stack there; the first two have nothing to do with it. */
  readonly putStack = async (settings = this.lab.settings): Promise<void> => {
    const { host, templates } = this.lab
    await runStage(host, 'images', { timeoutSeconds: 900 })
    await runStage(host, 'stack', { input: stackInput(settings, templates), timeoutSeconds: 900 })
  }

  /** Ids and times of the start of all containers. */
  readonly containers = (): Promise<string> =>
    this.sh(`docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}}' $(docker ps -aq) | sort`)

  readonly secrets = (): Promise<string> => this.sh('cat /opt/librechat-lab/secrets/*')

  readonly healthy = (): Promise<HostHealth> => healthyHost(this.lab)

  readonly signedIn = async (): Promise<Browser> => {
    const browser = new Browser(this.lab.machine.ports.https)
    const answer = await browser.login(adminEmail, this.first.password)
    expect(answer.status).toBe(200)
    return browser
  }
}
