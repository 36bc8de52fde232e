import { LabError } from '../core/error.js'
import { Observation, observe, type PlanItem, plan } from '../engine/converge.js'
import type { Change, Resource } from '../engine/resource.js'
import { type AccessEdit, editedAllow } from '../lab/access-list.js'
import { refuseUnsaidAdoption } from '../lab/adoption.js'
import { countAddresses, isAllowed } from '../lab/cidr.js'
import type { LabGraph } from '../lab/graph.js'
import type { Settings } from '../lab/settings.js'
import { describeSettingsChange, formatSettings } from '../lab/stored-settings.js'
import { isStrangers, type LabId } from '../resources/ownership.js'
import type { Rule } from '../resources/security-group.js'
import type { Context, GlobalOptions } from './context.js'
import { wantedGraph } from './lab-graph.js'
import { type OpenLab, openLab } from './open-lab.js'

export type { Change } from '../engine/resource.js'

/** A range that the settings allow. */
interface AllowedRange {
  cidr: string
  addresses: number
  /** Whether the security group allows it on 443. */
  open: boolean
  /** Whether this machine's public address is in it. */
  here: boolean
}

/** Who can reach a lab. */
export interface Access {
  lab: LabId
  allow: Settings['allow']
  openPort80: boolean
  ranges: readonly AllowedRange[]
  /** Rules of the security group that the settings do not ask for. */
  unlisted: readonly Rule[]
  /** This machine's public address, where it is known. */
  here: string | undefined
}

/** The effect of a change of the list; empty `changes` mean that there is nothing to do. */
export interface AccessPlan {
  /** The list after the change. */
  after: Access
  before: Settings['allow']
  /** Changes of the settings and of the security group. */
  changes: readonly Change[]
  /** Whether it removes this machine's own address. */
  locksOut: boolean
}

/** An observation of a lab, compared with settings. */
export interface AccessLook {
  readonly settings: Settings
  readonly graph: LabGraph
  readonly observation: Observation
  readonly group: PlanItem
}

/** Who can reach the lab; LabError `no-such-lab` (exit code 3). */
export async function listAccess(options: GlobalOptions, context: Context): Promise<Access> {
  const open = await openLab(options, context)
  const settings = storedIn(open)
  const [look, here] = await Promise.all([lookAtAccess(open, settings, isStrangers), ownAddress(open)])
  return accessOf(open, look, here)
}

/** The lab's settings; LabError `no-such-lab` (exit code 3) without any. */
export function storedIn({ stored, lab }: OpenLab): Settings {
  if (stored) return stored
  throw new LabError({
    code: 'no-such-lab',
    what: `There is no lab "${lab.name}" in ${lab.region}.`,
    fix: [
      { command: { path: 'list', flags: { 'all-regions': true } }, text: 'lists the labs of all regions' },
      { command: { path: 'up' }, text: 'creates one here' },
    ],
    exitCode: 3,
  })
}

/**
 * Observes the settings' parameter and the security group.
 * @param absent errors that count as "does not exist"
 */
async function lookAtAccess(
  open: OpenLab,
  settings: Settings,
  absent?: (error: unknown) => boolean,
): Promise<AccessLook> {
  const graph = wantedGraph(open, settings)
  const observation = await observe([graph.settings, graph.group], absent)
  return { settings, graph, observation, group: groupItem(graph, observation) }
}

const groupItem = ({ group }: LabGraph, observation: Observation): PlanItem =>
  plan([group], observation)[0] as PlanItem

/** The same observation, compared with other settings. */
function comparedWith(
  settings: Settings,
  open: OpenLab,
  { graph: seen, observation }: AccessLook,
): AccessLook {
  const graph = wantedGraph(open, settings)
  const states = new Observation(
    new Map<Resource, unknown>([
      [graph.settings as Resource, observation.of(seen.settings)],
      [graph.group as Resource, observation.of(seen.group)],
    ]),
  )
  return { settings, graph, observation: states, group: groupItem(graph, states) }
}

/** This machine's public address. If it is only shown, a failed look-up is ignored. */
export async function ownAddress({ connection }: OpenLab): Promise<string | undefined> {
  try {
    return await connection.internet.publicAddress()
  } catch (error) {
    if (error instanceof LabError) return undefined
    throw error
  }
}

/** Who can reach the lab, by its settings and its security group. */
function accessOf(
  { lab }: OpenLab,
  { settings, graph, observation }: AccessLook,
  here: string | undefined,
): Access {
  const ingress = observation.of(graph.group)?.ingress ?? []
  const { allow, openPort80 } = settings
  const open = httpsSources(ingress)
  const isWanted = ({ protocol, fromPort, toPort, source }: Rule) =>
    protocol === 'tcp' &&
    fromPort === toPort &&
    ((fromPort === 80 && openPort80 && source === '0.0.0.0/0') ||
      ([80, 443, 9443].includes(fromPort) && allow.cidrs.includes(source)))
  return {
    lab,
    allow,
    openPort80,
    ranges: allow.cidrs.map((cidr) => ({
      cidr,
      addresses: countAddresses([cidr]),
      open: open.includes(cidr),
      here: here !== undefined && isAllowed(here, [cidr]),
    })),
    unlisted: ingress.filter((rule) => !isWanted(rule)),
    here,
  }
}

const httpsSources = (ingress: readonly Rule[]): string[] =>
  ingress
    .filter(({ protocol, fromPort, toPort }) => protocol === 'tcp' && fromPort === 443 && toPort === 443)
    .map(({ source }) => source)

/** What the edit would change. LabErrors of the list, `not-proven`, `no-group` if the lab has no security group. */
export async function planAccess(
  open: OpenLab,
  { stored, edit, here }: { stored: Settings; edit: AccessEdit; here: string | undefined },
): Promise<{ plan: AccessPlan; look: AccessLook }> {
  const { lab } = open
  const seen = await lookAtAccess(open, stored)
  refuseUnsaidAdoption(lab, seen.observation.of(seen.graph.identity), 'Only up adopts them.')
  const state = seen.observation.of(seen.graph.group)
  if (!state) throw noGroup(lab)
  const settings = { ...stored, allow: editedAllow(stored.allow, edit) }
  const look = comparedWith(settings, open, seen)
  const after = accessOf(open, look, here)
  const [before, text] = [formatSettings(stored, lab), formatSettings(settings, lab)]
  return {
    look,
    plan: {
      after: { ...after, ranges: after.ranges.map((range) => ({ ...range, open: true })), unlisted: [] },
      before: stored.allow,
      changes: [...describeSettingsChange(before, text, lab), ...look.group.changes],
      locksOut:
        here !== undefined &&
        isAllowed(here, [...stored.allow.cidrs, ...httpsSources(state.ingress)]) &&
        !isAllowed(here, settings.allow.cidrs),
    },
  }
}

const noGroup = ({ name, region }: LabId) =>
  new LabError({
    code: 'no-group',
    what: `The lab "${name}" in ${region} has no security group.`,
    why: 'The up that creates it has not finished, or somebody deleted it.',
    fix: [{ command: { path: 'up' }, text: 'creates it' }],
  })
