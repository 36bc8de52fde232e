import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { pinnedVersions } from '../host/versions.js'
import type { Instance } from './account.js'
import { moneyNow } from './host-usage.js'
import type { World } from './world.js'

const services = ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer']
const GiB = 1024 ** 3

/** The last that is still there, as bin/dump notes it. */
function lastDump({ dumps = [] }: Instance['host']) {
  const last = dumps.at(-1)
  return last
    ? { at: last.at, result: 'made', id: last.id, bytes: last.bytes, seconds: 4, stoppedSeconds: 31 }
    : null
}

/** The output of `templates/host/health.py` for a host in the state that its stages left. */
export function healthLine({ host, volume }: Instance, { now, scenario }: World): string {
  const busy = scenario === 'busy-host'
  const set = host.release !== undefined
  const money = set ? moneyNow(host, now) : null
  const certificates = certificatesOf(host, now, scenario === 'certificate-refused')
  const problems = set ? [] : services.map((name) => ({ code: 'service', text: `${name} is missing.` }))
  return JSON.stringify({
    healthy: set,
    release: host.release ?? '',
    services: Object.fromEntries(services.map((name) => [name, set ? 'healthy' : 'missing'])),
    restarts: Object.fromEntries(services.map((name) => [name, 0])),
    images: set ? Object.fromEntries(services.map((name) => [name, `${name}:rehearsal`])) : {},
    versions: set ? { ...pinnedVersions(), ...(host.librechat ? { librechat: host.librechat } : {}) } : {},
    data: host.data ?? '',
    dump: lastDump(host),
    disk: { totalBytes: volume.size * GiB, freeBytes: (volume.size - 9) * GiB },
    memory: {
      totalBytes: 4 * GiB,
      availableBytes: (busy ? 0.3 : 2) * GiB,
      swapTotalBytes: 2 * GiB,
      swapFreeBytes: 2 * GiB,
    },
    load: {
      cores: 2,
      load15: busy ? 3.4 : 0.1,
      busyShare: busy ? 0.6 : 0.03,
      stealShare: 0,
      uptimeSeconds: busy ? 7200 : 600,
      oomKills: busy ? 2 : 0,
      memoryPressure: busy ? 14 : 0,
      restarts: Object.fromEntries(services.map((name) => [name, busy && name === 'librechat' ? 3 : 0])),
    },
    ...certificates,
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
      ...(certificates.trustedCertificate?.served === false
        ? [ownWarning(certificates.trustedCertificate.last)]
        : []),
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

/** Played: a trusted one comes at once, or not at all. */
function certificatesOf({ release, trusted, site = '' }: Instance['host'], now: number, refused: boolean) {
  if (release === undefined)
    return { certificate: null, ownCertificate: null, portainerCertificate: null, trustedCertificate: null }
  const named = !isIPv4(site)
  const until = (days: number) => new Date(now + days * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z')
  const own = {
    notAfter: until(90),
    issuer: 'CN = Caddy Local Authority (played)',
    sha256: fingerprintOf(site),
  }
  // Made by itself when it starts for the first time.
  const portainer = {
    notAfter: until(5 * 365),
    issuer: 'O = Portainer (played), CN = localhost',
    sha256: fingerprintOf(`portainer ${site}`),
  }
  const issued = {
    notAfter: until(named ? 90 : 6),
    issuer: "O = Let's Encrypt (played), CN = E8",
    sha256: fingerprintOf(''),
  }
  const last = refused
    ? { at: until(0), result: 'failed', detail: unreachable(site) }
    : { at: until(0), result: 'issued' }
  return {
    certificate: named || (trusted && !refused) ? issued : own,
    ownCertificate: own,
    portainerCertificate: portainer,
    trustedCertificate: trusted ? { served: !refused, last } : null,
  }
}

/** As Let's Encrypt words it. */
const unreachable = (site: string) =>
  `${site}: Fetching http://${site}/.well-known/acme-challenge/played: Timeout during connect (likely firewall problem)`

const ownWarning = ({ at, detail }: { at: string; detail?: string }) => ({
  code: 'own-certificate',
  text: `There is no trusted certificate for the address at the moment, so the lab shows its own one. The host goes on trying. The last attempt, on ${at}, failed: ${detail}.`,
  fix: [portEighty, { code: 'own-certificate' }],
})
const portEighty =
  'Check that the network ACL of the subnet and the security group allow port 80 from everywhere.'

/** Looks like one, and stays the same for a site. */
const fingerprintOf = (site: string) =>
  createHash('sha256').update(site).digest('hex').toUpperCase().match(/../g)?.join(':') ?? ''

const stoppedWarning = ({ usd, limit }: ReturnType<typeof moneyNow>) => ({
  code: 'limit',
  text: `The models have cost $${usd.toFixed(2)} this month, and the limit is $${(limit ?? 0).toFixed(2)}: new messages are stopped.`,
  fix: [{ code: 'raise-limit' }],
})
