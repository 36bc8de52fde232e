import type { Proof } from '../bedrock/proof.js'
import type { Host } from '../host/host.js'
import { askHealth as askHost, type HostHealth } from '../host/host-health.js'
import { librechatYaml } from '../host/librechat-yaml.js'
import type { HostSettings } from '../host/settings.js'
import type { LabGraph } from '../lab/graph.js'
import { firstUserTask } from '../lab/opening.js'
import type { Settings } from '../lab/settings.js'
import { type HostResource, hostSetup } from '../resources/host-setup.js'
import { chatScript, isSameMenu, menuFor, proveChat } from './chat-proof.js'
import type { Context } from './context.js'
import type { OpenLab } from './open-lab.js'

export type { HostHealth } from '../host/host-health.js'
export type { HostResource } from '../resources/host-setup.js'

/**
 * The lab's host as a resource, after all resources in AWS. `destroy` and `doctor` don't use it, because it is
 * deleted with its instance and needs more permissions.
 * @param more.saysEmail whether this run names the first user
 * @param more.password the first user's, when the user typed one
 */
export function labHost(
  { clients, lab }: OpenLab,
  graph: LabGraph,
  settings: Settings,
  { clock, signal, ui: { emit } }: Context,
  more: { saysEmail?: boolean; password?: string | undefined } = {},
): HostResource {
  const { email, instanceType, diskGb, passwordDue } = settings
  const { saysEmail = false, password } = more
  return hostSetup({
    ssm: clients.ssm,
    lab,
    instanceType,
    diskGb,
    settings: (address, proof) => hostSettingsOf(lab, settings, address, proof),
    firstUser: email === undefined ? undefined : { email, ...(password ? { password } : {}) },
    passwordDue: passwordDue ?? false,
    userTask: (there) => firstUserTask(settings, there, saysEmail),
    prove: (host) => proveChat(host, settings),
    proofScript: (host) => chatScript(host, settings),
    isSameMenu: (before, after) => isSameMenu(settings, before, after),
    instance: graph.instance,
    address: graph.address,
    after: graph.all,
    progress: { clock, signal, emit },
  })
}

/** The host's settings, from the lab's settings and the last proof on the host. */
export const hostSettingsOf = (
  { region }: Pick<OpenLab['lab'], 'region'>,
  settings: Settings,
  address: string,
  proof: Proof | undefined,
): HostSettings => ({
  address,
  domain: settings.domain,
  trustedCertificate: settings.trustedCertificate,
  region,
  idleStop: settings.idleStop,
  librechatYaml: librechatYaml({ region, ...menuFor(settings, proof), allowance: settings.allowance }),
  allowance: settings.allowance,
  limit: settings.limit,
})

export const hostOf = ({ clients, lab }: OpenLab, instanceId: string, context: Context): Host => ({
  ssm: clients.ssm,
  region: lab.region,
  instanceId,
  lab: lab.name,
  clock: context.clock,
  emit: context.ui.emit,
  signal: context.signal,
})

/** The host's health; undefined if it is stopped, or Systems Manager does not reach it. */
export async function askHealth(
  open: OpenLab,
  instance: { instanceId: string; state: string; shutdownBehavior?: string } | undefined,
  context: Context,
): Promise<HostHealth | undefined> {
  if (instance?.state !== 'running') return undefined
  return await askHost(hostOf(open, instance.instanceId, context))
}
