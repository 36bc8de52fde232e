import * as z from 'zod'
import { LabError } from '../core/error.js'
import { templates } from './archive.js'
import type { Host } from './host.js'
import { isOnline } from './online.js'
import { script } from './payload.js'
import { runCommand } from './run-command.js'
import { endOf, lastJson } from './stage.js'
import { fixSchema } from './steps.js'

const finding = z.object({ code: z.string(), text: z.string(), fix: fixSchema.default([]) })
const update = z
  .object({
    at: z.string(),
    result: z.string(),
    detail: z.string().optional(),
    /** For an update of LibreChat: its versions, by service. */
    to: z.record(z.string(), z.string()).optional(),
  })
  .nullable()

/** `sha256` is its fingerprint as browsers show it: "AB:CD:…"; empty from a host with an older version. */
const certificate = z.object({ notAfter: z.string(), issuer: z.string(), sha256: z.string().default('') })

/** The last dump of the data on the host's own disk: "made" or "failed", and why. */
const dump = z
  .object({
    at: z.string(),
    result: z.string(),
    detail: z.string().optional(),
    id: z.string().optional(),
    bytes: z.number().optional(),
    seconds: z.number().optional(),
    stoppedSeconds: z.number().optional(),
  })
  .nullable()

/** The host's health line, as `templates/host/health.py` prints it. Sizes in bytes, times in UTC. */
const schema = z.object({
  healthy: z.boolean(),
  /** The release that the host was last set up with; empty before the first set-up. See `release` in settings.ts. */
  release: z.string(),
  /** healthy, starting, unhealthy, or a container's state (exited, restarting, missing). */
  services: z.record(z.string(), z.string()),
  /** Restarts per service, if the last one was within 15 minutes. */
  restarts: z.record(z.string(), z.number()),
  images: z.record(z.string(), z.string()),
  disk: z.object({ totalBytes: z.number(), freeBytes: z.number() }),
  memory: z.object({
    totalBytes: z.number(),
    availableBytes: z.number(),
    swapTotalBytes: z.number(),
    swapFreeBytes: z.number(),
  }),
  /** The host's load; null from a host with an older version. Shares (0 to 1) are since its start. */
  load: z
    .object({
      cores: z.int().min(1),
      /** The load average of 15 minutes, of all cores together. */
      load15: z.number(),
      busyShare: z.number(),
      /** CPU time that the hypervisor withheld (steal). */
      stealShare: z.number(),
      uptimeSeconds: z.number(),
      /** Processes that the kernel ended for lack of memory. */
      oomKills: z.int(),
      /** Percentage of the last five minutes in which a process waited for memory; null if unknown. */
      memoryPressure: z.number().nullable(),
      /** Like `restarts`, if the last one was within 24 hours. */
      restarts: z.record(z.string(), z.number()),
    })
    .nullable()
    .default(null),
  /** The certificate that port 443 serves for the site. */
  certificate: certificate.nullable(),
  /** The lab's own certificate, which port 443 serves for the address without a trusted one. */
  ownCertificate: certificate.nullable().default(null),
  /** The certificate that Portainer made for port 9443; null from a host with an older version. */
  portainerCertificate: certificate.nullable().default(null),
  /**
   * If a trusted certificate is wanted for the address: whether it is served, and the result of the last attempt to
   * get one.
   */
  trustedCertificate: z
    .object({
      served: z.boolean(),
      last: z.object({ at: z.string(), result: z.string(), detail: z.string().optional() }).nullable(),
    })
    .nullable()
    .default(null),
  /** Whether only LibreChat's container may ask the instance's metadata. */
  metadataProtected: z.boolean(),
  /** Whether containers can't reach the host's ports, including Portainer's. */
  hostPortsProtected: z.boolean().default(false),
  /** The domain or address that its certificate is for; empty before it was set up. */
  site: z.string().default(''),
  /** The ids in LibreChat's menu. */
  models: z.array(z.string()).default([]),
  /** How many users LibreChat has; null when its database did not answer. */
  users: z.int().min(0).nullable().default(null),
  /** The tags of the images of librechat, mongodb and meilisearch that run. */
  versions: z.record(z.string(), z.string()).default({}),
  /** The suffix of the volumes in use: empty for the first ones, a new one after each restore. */
  data: z.string().default(''),
  updates: z.object({ portainer: update, system: update, librechat: update.default(null) }),
  /** Whether an update was interrupted; the next run continues it. */
  updatePending: z.boolean().default(false),
  dump: dump.default(null),
  /** The models' cost this month, at the last check; null before the first one. Amounts in US dollars. */
  money: z
    .object({
      /** The configured amounts; null: none. */
      allowance: z.number().nullable(),
      limit: z.number().nullable(),
      /** Users with their own allowance: their number, and the sum of their allowances. */
      own: z.object({ users: z.int(), usd: z.number() }),
      /** "2026-11", in UTC. */
      month: z.string(),
      usd: z.number(),
      at: z.string(),
      /** Whether the limit is reached, so that no new message is taken. */
      stopped: z.boolean(),
    })
    .nullable()
    .default(null),
  rebootNeeded: z.boolean(),
  /** The last chat proof, for src/bedrock/proof.ts to read; null or absent where there is none. */
  proof: z.unknown().optional(),
  /** Idle stop, if it is on: minutes, and what keeps the host awake; `held`: switched off by `holdIdleStop`. */
  idleStop: z
    .object({ minutes: z.int(), idleSince: z.string(), awake: z.string(), held: z.boolean() })
    .nullable()
    .optional(),
  /** Duration of the first set-up since the instance's boot, and of each stage; null if unknown. */
  firstSetup: z
    .object({ seconds: z.number(), stages: z.record(z.string(), z.number()) })
    .nullable()
    .optional(),
  /** The running stage and its start, or empty. */
  running: z.string(),
  /** Why it is unhealthy. */
  problems: z.array(finding),
  /** Problems that will make it unhealthy later. */
  warnings: z.array(finding),
})

export type HostHealth = z.infer<typeof schema>

/** The health in a stage's output: its last line. */
export function healthIn(stdout: string): HostHealth {
  const parsed = schema.safeParse(lastJson(stdout))
  if (parsed.success) return parsed.data
  throw new LabError({
    code: 'health-unreadable',
    what: 'This version cannot read the health report of the host.',
    why: endOf(stdout),
    fix: ['Run the command again with --debug, and report it if that does not help.'],
    fault: 'program',
    cause: parsed.error,
  })
}

const programs = ['host/health.py', 'host/firewall.py']

/**
 * Reads the host's health: one Run Command that changes nothing and doesn't wait for the host's lock.
 * @param holdIdleStop switches idle stop off on the host, until it is set up again: for an instance that terminates
 * on shutdown, which only EC2's attribute shows
 */
export async function readHealth(host: Host, { holdIdleStop = false } = {}): Promise<HostHealth> {
  const files = new Map([...templates(host.templates)].filter(([path]) => programs.includes(path)))
  const hold = holdIdleStop ? ' --hold-idle-stop' : ''
  const asking = script(files, `python3 "$CODE/host/health.py"${hold}`)
  const { stdout } = await runCommand(host, { stage: 'health', script: asking, timeoutSeconds: 120 })
  return healthIn(stdout)
}

/** Codes that mean that the host is not reachable, or was never set up. */
const notReached = new Set([
  'host-offline',
  'health-unreadable',
  'command-lost',
  'command-undelivered',
  'command-deadline',
])

/** The health of a running host; undefined if Systems Manager does not reach it, or it was never set up. */
export async function askHealth(
  host: Host,
  options: { holdIdleStop?: boolean } = {},
): Promise<HostHealth | undefined> {
  // A command to an unreachable agent would wait for minutes.
  if (!(await isOnline(host))) return undefined
  try {
    return await readHealth(host, options)
  } catch (error) {
    if (error instanceof LabError && notReached.has(error.code)) return undefined
    throw error
  }
}
