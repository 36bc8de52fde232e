import { isIPv4 } from 'node:net'
import { proofIn } from '../bedrock/proof.js'
import type { HostHealth } from '../host/host-health.js'
import { type BudgetState, readersOf } from '../resources/budget.js'
import { usersOf } from '../resources/host-setup.js'
import type { InstanceState } from '../resources/instance.js'
import type { RoleState } from '../resources/role.js'
import type { SecurityGroupState } from '../resources/security-group.js'

/** HTTP, LibreChat and Portainer. */
type LabPort = 80 | 443 | 9443

/** The actual state of what the settings choose; undefined if it doesn't exist, or can't be observed. */
export interface Actual {
  /** The sources that the rules let in, for each port of the lab. */
  allowed?: Readonly<Record<LabPort, readonly string[]>> | undefined
  /** Whether port 80 is open to everybody. */
  port80?: boolean | undefined
  /** "none": the role has no boundary. */
  boundary?: string | undefined
  instanceType?: string | undefined
  diskGb?: number | undefined
  subnetId?: string | undefined
  /** The host's domain; "none": it uses its address. */
  domain?: string | undefined
  /** Whether the host gets a trusted certificate for its address. */
  trustedCertificate?: boolean | undefined
  /**
   * The ids in LibreChat's menu and in the last proof: a model that did not answer is out of the menu for a while.
   */
  models?: readonly string[] | undefined
  users?: number | undefined
  /** US dollars; null: none; undefined: unknown. */
  allowance?: number | null | undefined
  limit?: number | null | undefined
  /** AWS's budget; undefined: there is none. */
  budget?: { usd: number; alerts: readonly string[] } | undefined
  /** Minutes until the host stops itself; 0: never. */
  idleStop?: number | undefined
  /** The most tokens of an answer that the last proof asked for. */
  maxTokens?: number | undefined
  /** The role's policy, as text. */
  policy?: string | undefined
}

/** Converts what was observed into the terms of the settings. */
export function actualOf(seen: {
  group?: Pick<SecurityGroupState, 'ingress'> | undefined
  role?: Pick<RoleState, 'boundary' | 'inline'> | undefined
  instance?: Pick<InstanceState, 'type' | 'subnetId' | 'volume'> | undefined
  budget?: Pick<BudgetState, 'usd' | 'notices'> | undefined
  health?:
    | (Pick<HostHealth, 'release' | 'site' | 'models' | 'users' | 'proof' | 'idleStop' | 'money'> &
        Partial<Pick<HostHealth, 'trustedCertificate'>>)
    | undefined
}): Actual {
  const { group, role, instance, budget, health } = seen
  const rules = group?.ingress ?? []
  const sourcesOf = (port: LabPort) => [
    ...new Set(
      rules
        .filter(
          ({ protocol, fromPort, toPort }) => protocol === 'tcp' && fromPort === port && toPort === port,
        )
        .map(({ source }) => source),
    ),
  ]
  const setUp = health !== undefined && health.release !== ''
  const proof = proofIn(health?.proof)
  return {
    ...(group
      ? {
          allowed: { 80: sourcesOf(80), 443: sourcesOf(443), 9443: sourcesOf(9443) },
          port80: sourcesOf(80).includes('0.0.0.0/0'),
        }
      : {}),
    ...(role ? { boundary: role.boundary ?? 'none', policy: role.inline } : {}),
    ...(instance
      ? { instanceType: instance.type, diskGb: instance.volume?.sizeGb, subnetId: instance.subnetId }
      : {}),
    ...(budget ? { budget: { usd: budget.usd, alerts: readersOf(budget) } } : {}),
    ...(setUp
      ? {
          domain: health.site === '' || isIPv4(health.site) ? 'none' : health.site,
          trustedCertificate: Boolean(health.trustedCertificate),
          models: [...new Set([...health.models, ...(proof?.chat ?? []).map(({ model }) => model)])],
          ...(proof?.presets.length
            ? { maxTokens: Math.max(...proof.presets.map(({ maxTokens }) => maxTokens)) }
            : {}),
          ...(health.money ? { allowance: health.money.allowance, limit: health.money.limit } : {}),
          idleStop: health.idleStop?.minutes ?? 0,
        }
      : {}),
    ...(health === undefined ? {} : { users: usersOf(health) }),
  }
}
