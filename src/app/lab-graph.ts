import { bedrockPolicy } from '../bedrock/policy.js'
import { type LabGraph, labGraph } from '../lab/graph.js'
import { findLaunchTarget } from '../lab/launch-target.js'
import type { ReadSettings } from '../resources/settings-parameter.js'
import type { OpenLab, Settings } from './open-lab.js'

/** The graph of the settings' resources, for commands that observe them or change some. */
export const wantedGraph = (
  { clients, lab }: OpenLab,
  settings: Settings,
  settingsRead?: ReadSettings,
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

/** The same with the schedule's resources, wanted or not, for commands that create nothing in a VPC. */
export const graphWithSchedule = (
  { clients, lab }: OpenLab,
  settings: Settings,
  settingsRead?: ReadSettings,
): LabGraph =>
  labGraph({
    clients,
    lab,
    settings,
    policy: { Version: '2012-10-17', Statement: [] },
    adopt: false,
    place: undefined,
    userData: undefined,
    settingsRead,
    withSchedule: true,
  })
