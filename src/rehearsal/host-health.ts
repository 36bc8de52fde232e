import { pinnedVersions } from '../host/versions.js'
import type { Instance } from './account.js'
import { moneyNow } from './host-usage.js'
import type { World } from './world.js'

const services = ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer']
const GiB = 1024 ** 3

/** The line that `templates/host/health.py` prints, for a host that is as its stages left it. */
export function healthLine({ host, volume }: Instance, { now }: World): string {
  const set = host.release !== undefined
  const money = set ? moneyNow(host, now) : null
  const problems = set ? [] : services.map((name) => ({ code: 'service', text: `${name} is missing.` }))
  return JSON.stringify({
    healthy: set,
    release: host.release ?? '',
    services: Object.fromEntries(services.map((name) => [name, set ? 'healthy' : 'missing'])),
    restarts: Object.fromEntries(services.map((name) => [name, 0])),
    images: set ? Object.fromEntries(services.map((name) => [name, `${name}:rehearsal`])) : {},
    versions: set ? { ...pinnedVersions(), ...(host.librechat ? { librechat: host.librechat } : {}) } : {},
    data: host.data ?? '',
    disk: { totalBytes: volume.size * GiB, freeBytes: (volume.size - 9) * GiB },
    memory: { totalBytes: 4 * GiB, availableBytes: 2 * GiB, swapTotalBytes: 2 * GiB, swapFreeBytes: 2 * GiB },
    certificate: set
      ? {
          notAfter: new Date(now + 90 * 86_400_000).toISOString(),
          issuer: 'CN = Caddy Local Authority (played)',
        }
      : null,
    metadataProtected: true,
    hostPortsProtected: true,
    site: host.site ?? '',
    models: host.models ?? [],
    users: set ? host.users.length : null,
    money,
    updates: { portainer: null, system: null, librechat: host.update ?? null },
    updatePending: false,
    rebootNeeded: false,
    proof: host.proof ?? null,
    idleStop: host.idleStop
      ? {
          minutes: host.idleStop,
          idleSince: new Date(now).toISOString(),
          awake: '',
          held: host.idleHeld ?? false,
        }
      : null,
    firstSetup: host.firstSetup ?? null,
    running: '',
    problems,
    warnings: [
      ...(money?.stopped ? [stoppedWarning(money)] : []),
      ...(host.update?.result === 'rolled-back'
        ? [
            {
              code: 'update-rolled-back',
              text: `An update was rolled back on ${host.update.at}. ${host.update.detail}`,
              fix: [{ code: 'update' }],
            },
          ]
        : []),
    ],
  })
}

const stoppedWarning = ({ usd, limit }: ReturnType<typeof moneyNow>) => ({
  code: 'limit',
  text: `The models have cost $${usd.toFixed(2)} this month, and the limit is $${(limit ?? 0).toFixed(2)}: new messages are stopped.`,
  fix: [{ code: 'raise-limit' }],
})
