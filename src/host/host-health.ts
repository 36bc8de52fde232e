import * as z from 'zod'
import { LabError } from '../core/error.js'
import { templates } from './archive.js'
import type { Host } from './host.js'
import { isOnline } from './online.js'
import { script } from './payload.js'
import { runCommand } from './run-command.js'
import { lastJson } from './stage.js'
import { fixSchema } from './steps.js'

const finding = z.object({ code: z.string(), text: z.string(), fix: fixSchema.default([]) })
const update = z
  .object({
    at: z.string(),
    result: z.string(),
    detail: z.string().optional(),
    /** Of LibreChat's: the versions that it was to bring, by service. */
    to: z.record(z.string(), z.string()).optional(),
  })
  .nullable()

/** `sha256` is its fingerprint as browsers show it: "AB:CD:…"; empty from a host of an older version. */
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
  /** What the host was last set up with; empty before the first time. See `release` in settings.ts. */
  release: z.string(),
  /** healthy, starting, unhealthy, or a container's state (exited, restarting, missing). */
  services: z.record(z.string(), z.string()),
  /** Per service: how often it was started again, when the last time was within 15 minutes. */
  restarts: z.record(z.string(), z.number()),
  images: z.record(z.string(), z.string()),
  disk: z.object({ totalBytes: z.number(), freeBytes: z.number() }),
  memory: z.object({
    totalBytes: z.number(),
    availableBytes: z.number(),
    swapTotalBytes: z.number(),
    swapFreeBytes: z.number(),
  }),
  /** How busy the host is; null from a host of an older version. Shares (0 to 1) are since it started. */
  load: z
    .object({
      cores: z.int().min(1),
      /** The load average of 15 minutes, of all cores together. */
      load15: z.number(),
      busyShare: z.number(),
      /** What the hypervisor kept back. */
      stealShare: z.number(),
      uptimeSeconds: z.number(),
      /** Processes that the kernel ended for lack of memory. */
      oomKills: z.int(),
      /** Percent of the last five minutes in which a process waited for memory; null where it isn't counted. */
      memoryPressure: z.number().nullable(),
      /** As `restarts`, when the last time was within 24 hours. */
      restarts: z.record(z.string(), z.number()),
    })
    .nullable()
    .default(null),
  /** What port 443 shows for the site. */
  certificate: certificate.nullable(),
  /** The lab's own one, which port 443 shows for the address wherever there is no trusted one. */
  ownCertificate: certificate.nullable().default(null),
  /** Where a trusted one is wanted for the address: whether it serves, and how the last attempt to get one went. */
  trustedCertificate: z
    .object({
      served: z.boolean(),
      last: z.object({ at: z.string(), result: z.string(), detail: z.string().optional() }).nullable(),
    })
    .nullable()
    .default(null),
  /** Whether only LibreChat's container may ask the instance's metadata. */
  metadataProtected: z.boolean(),
  /** Whether no container reaches a port of the host, Portainer's among them. */
  hostPortsProtected: z.boolean().default(false),
  /** The domain or address that its certificate is for; empty before it was set up. */
  site: z.string().default(''),
  /** The ids in LibreChat's menu. */
  models: z.array(z.string()).default([]),
  /** How many users LibreChat has; null when its database did not answer. */
  users: z.int().min(0).nullable().default(null),
  /** The tags of the images of librechat, mongodb and meilisearch that run. */
  versions: z.record(z.string(), z.string()).default({}),
  /** Which of its volumes serve: empty for the first ones, another word after each dump that was restored. */
  data: z.string().default(''),
  updates: z.object({ portainer: update, system: update, librechat: update.default(null) }),
  /** Whether an update was interrupted; the next run goes on with it. */
  updatePending: z.boolean().default(false),
  dump: dump.default(null),
  /** What the models have cost this month, at the last look; null before the first. Amounts in US dollars. */
  money: z
    .object({
      /** What the host was told; null: none. */
      allowance: z.number().nullable(),
      limit: z.number().nullable(),
      /** The users whose allowance is their own: how many, and what they may spend together. */
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
  /** Idle stop, where it is on: minutes, and what keeps the host awake; `held`: it is off, see `holdIdleStop`. */
  idleStop: z
    .object({ minutes: z.int(), idleSince: z.string(), awake: z.string(), held: z.boolean() })
    .nullable()
    .optional(),
  /** How long the first set-up took from the instance's boot on, and each stage of it; null where it isn't known. */
  firstSetup: z
    .object({ seconds: z.number(), stages: z.record(z.string(), z.number()) })
    .nullable()
    .optional(),
  /** The stage under way and since when, or empty. */
  running: z.string(),
  /** What makes it unhealthy. */
  problems: z.array(finding),
  /** What will, if nobody looks after it. */
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
    why: `Its answer ends with: ${stdout.trimEnd().slice(-200) || '(nothing)'}`,
    fix: ['Run the command again with --debug, and report it if that does not help.'],
    fault: 'program',
    cause: parsed.error,
  })
}

const programs = ['host/health.py', 'host/firewall.py']

/**
 * Asks the host how it is: one Run Command that leaves nothing there and waits for nobody.
 * @param holdIdleStop switches idle stop off on the host, until it is set up again: a shutdown would terminate the
 *   instance, and only EC2's attribute says so
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

/** The health of a running host; undefined where Systems Manager does not reach it, or it was never set up. */
export async function askHealth(
  host: Host,
  options: { holdIdleStop?: boolean } = {},
): Promise<HostHealth | undefined> {
  // A command to an agent that is away would wait for it for minutes.
  if (!(await isOnline(host))) return undefined
  try {
    return await readHealth(host, options)
  } catch (error) {
    if (error instanceof LabError && notReached.has(error.code)) return undefined
    throw error
  }
}
