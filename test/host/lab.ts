import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.js'
import type { Event } from '../../src/core/event.js'
import type { Host } from '../../src/host/host.js'
import { payloads } from '../../src/host/payload.js'
import type { HostSettings } from '../../src/host/settings.js'
import { firstBootUserData } from '../../src/host/user-data.js'
import { disk } from './disk.js'
import { Machine, type Network, type Running, type Snapshot } from './machine.js'
import { SystemsManager } from './systems-manager.js'

const packaged = new URL('../../templates', import.meta.url).pathname

/** The pins of the guest: the same images and tags in its own registry, Compose from its own disk. */
export function guestPins(change: Readonly<Record<string, string>> = {}): string {
  const pins: Record<string, string> = {
    LIBRECHAT_IMAGE: '127.0.0.1:5000/librechat-ai/librechat:v0.8.8',
    LIBRECHAT_IMAGE_FALLBACK: '127.0.0.1:5000/librechat-ai/librechat:v0.8.8',
    MONGODB_IMAGE: '127.0.0.1:5000/library/mongo:8.0.20',
    MONGODB_IMAGE_FALLBACK: '127.0.0.1:5000/library/mongo:8.0.20',
    MEILISEARCH_IMAGE: '127.0.0.1:5000/getmeili/meilisearch:v1.35.1',
    MEILISEARCH_VOLUME: 'v1.35.1',
    CADDY_IMAGE: '127.0.0.1:5000/library/caddy:2.10.2',
    CADDY_IMAGE_FALLBACK: '127.0.0.1:5000/library/caddy:2.10.2',
    PORTAINER_IMAGE: '127.0.0.1:5000/portainer/portainer-ce:lts',
    PORTAINER_RESET_IMAGE: '127.0.0.1:5000/portainer/helper-reset-password:latest',
    COMPOSE_VERSION: 'v2',
    COMPOSE_URL: 'file:///srv/compose',
    COMPOSE_SHA256_X86_64: '',
    COMPOSE_SHA256_AARCH64: '',
    ...change,
  }
  const wanted = readFileSync(join(packaged, 'pins.env'), 'utf8').match(/^[A-Z0-9_]+(?==)/gm) ?? []
  if (wanted.sort().join() !== Object.keys(pins).sort().join())
    throw new Error('the pins have changed their names')
  return Object.entries(pins)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Another version of LibreChat as a change of the pins. */
export const libreChat = (tag: string) => ({
  LIBRECHAT_IMAGE: `127.0.0.1:5000/librechat-ai/librechat:${tag}`,
})

const librechatYaml = 'version: "1.3.17"\nendpoints:\n  bedrock:\n    titleModel: current_model\n'

/** A host that is a real machine, and what the command line says while it sets it up. */
export class Lab {
  readonly machine: Machine
  readonly systemsManager: SystemsManager
  readonly said: { at: number; event: Event }[] = []
  /** The package's templates with the guest's pins. */
  readonly templates = mkdtempSync(join(tmpdir(), 'librechat-lab-templates-'))
  readonly settings: HostSettings = { address: '203.0.113.7', region: 'us-east-1', librechatYaml }

  private constructor(machine: Machine, systemsManager: SystemsManager) {
    this.machine = machine
    this.systemsManager = systemsManager
    cpSync(packaged, this.templates, { recursive: true })
    this.pin({})
  }

  static async start(snapshot?: Snapshot, network?: Network, processors?: number): Promise<Lab> {
    const machine = await Machine.start(
      disk((text) => console.error(`machine: ${text}`)),
      snapshot,
      network,
      processors,
    )
    return new Lab(machine, await SystemsManager.start(machine))
  }

  pin(change: Readonly<Record<string, string>>): void {
    writeFileSync(join(this.templates, 'pins.env'), guestPins(change))
  }

  /** As if LibreChat's next migration were needed for data of older versions than this one. */
  migratesBelow(version: string): void {
    const [migration] = JSON.parse(readFileSync(join(packaged, 'migrations.json'), 'utf8'))
    writeFileSync(join(this.templates, 'migrations.json'), JSON.stringify([{ ...migration, below: version }]))
  }

  get host(): Host {
    return {
      ssm: this.systemsManager.client,
      region: 'us-east-1',
      instanceId: 'i-0123456789abcdef0',
      lab: 'default',
      clock: systemClock,
      emit: (event) => this.said.push({ at: Date.now(), event }),
      signal: new AbortController().signal,
      templates: this.templates,
    }
  }

  /** The instance's user data, run as cloud-init does: uncompressed into a file, and executed as it is. */
  firstBoot(): Running {
    return this.machine.start(`set -eu
mkdir -p /var/lib/cloud/instance/scripts
base64 -d <<'END' | gzip -d >/var/lib/cloud/instance/scripts/part-001
${firstBootUserData(this.templates).toString('base64').replace(/.{76}/g, '$&\n')}
END
chmod 700 /var/lib/cloud/instance/scripts/part-001
cd / && env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /var/lib/cloud/instance/scripts/part-001
`)
  }

  async stop(): Promise<void> {
    this.systemsManager.close()
    await this.machine.stop()
    rmSync(this.templates, { recursive: true, force: true })
  }
}

/** All that Run Commands would carry, as one script. */
export const payload = (...args: Parameters<typeof payloads>): string =>
  payloads(...args)
    .map((script) => `(\n${script})`)
    .join('\n')
