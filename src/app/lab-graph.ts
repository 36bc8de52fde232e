import { bedrockPolicy } from '../bedrock/policy.js'
import { type LabGraph, labGraph } from '../lab/graph.js'
import { findLaunchTarget } from '../lab/launch-target.js'
import type { OpenLab, Settings, settingsReadBy } from './open-lab.js'

/** The lab's resources as its settings want them, for commands that look at them or change some. */
export const wantedGraph = (
  { clients, lab }: OpenLab,
  settings: Settings,
  settingsRead?: ReturnType<typeof settingsReadBy>,
): LabGraph =>
  labGraph({
    clients,
    lab,
    settings,
    policy: bedrockPolicy(lab.partition, settings.profileArns),
    adopt: false,
    place: () => findLaunchTarget(clients, settings),
    userData: undefined,
    settingsRead,
  })

/** The same with the schedule's resources, wanted or not, for commands that create nothing that has a place. */
export const graphWithSchedule = (
  { clients, lab }: OpenLab,
  settings: Settings,
  settingsRead?: ReturnType<typeof settingsReadBy>,
): LabGraph =>
  labGraph({
    clients,
    lab,
    settings,
    policy: { Version: '2012-10-17', Statement: [] },
    adopt: false,
    place: async () => ({ vpcId: '', subnetIds: [], imageId: '' }),
    userData: undefined,
    settingsRead,
    withSchedule: true,
  })
