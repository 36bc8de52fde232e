import { judgeChat, proveChat } from '../app/chat-proof.js'
import type { Context, Run } from '../app/context.js'
import { askHealth, hostOf, hostSettingsOf } from '../app/host-work.js'
import { type OpenLab, openLab } from '../app/open-lab.js'
import { findModels } from '../bedrock/models.js'
import { bedrockPolicy } from '../bedrock/policy.js'
import { type Proof, proofIn } from '../bedrock/proof.js'
import { LabError } from '../core/error.js'
import { observe, plan } from '../engine/converge.js'
import { release } from '../host/settings.js'
import { isAllowed } from '../lab/cidr.js'
import { labGraph } from '../lab/graph.js'
import { findLaunchTarget } from '../lab/launch-target.js'
import { monthlyCost } from '../lab/prices.js'
import { nothingChosen, type Settings } from '../lab/settings.js'
import { releaseRefusal } from '../resources/address.js'
import { isStrangers } from '../resources/ownership.js'
import { urlsOf } from '../ui/lab-view.js'
import { type Status, statusJson, statusText } from '../ui/status-view.js'

/** Observes everything anew. Exit code 0 healthy, 2 there but not as it should be, 3 no such lab. */
export const run: Run<{ chat?: boolean }> = async (options, context) => {
  const open = await openLab(options, context)
  const status = await lookAt(open, options.chat ?? false, context)
  context.ui.result(statusText(status, context.ui), statusJson(status))
  return status.exitCode
}

async function lookAt(open: OpenLab, chat: boolean, context: Context): Promise<Status> {
  const { lab, stored, clients, connection } = open
  const settings = stored ?? nothingChosen
  const graph = labGraph({
    clients,
    lab,
    settings,
    policy: bedrockPolicy(lab.partition, settings.profileArns),
    adopt: false,
    place: () => findLaunchTarget(clients, settings),
    userData: undefined,
  })
  const [observation, here] = await Promise.all([
    observe(graph.all, isStrangers),
    connection.internet.publicAddress().catch((error) => {
      if (error instanceof LabError) return undefined
      throw error
    }),
  ])
  const address = observation.of(graph.address)
  const instance = observation.of(graph.instance)
  const onlyAddress = observation.present.length === 1 && address !== undefined
  if (observation.present.length === 0 || onlyAddress)
    return gone(open, onlyAddress ? address.publicIp : undefined)

  const askedFor = instance?.state === 'running' && address ? address.publicIp : undefined
  const [health, https, portainer, refusal, lostModels, asked] = await Promise.all([
    askHealth(open, instance, context),
    askedFor ? connection.internet.answers(askedFor, 443) : false,
    askedFor ? connection.internet.answers(askedFor, 9443) : false,
    address ? releaseRefusal(clients.ec2, address.allocationId) : undefined,
    lostFrom(open, settings, context),
    chat ? askChat(open, settings, instance, context) : undefined,
  ])
  const items = plan(graph.all, observation)
  const asWanted = items.every(({ changes }) => changes.length === 0) && stored !== undefined
  const kept = proofIn(health?.proof)
  const proof = asked ?? kept
  const current = address
    ? health?.release === release(hostSettingsOf(open, settings, address.publicIp, proof))
    : false
  const judged = judgeChat(proof, settings)
  // At least one model answers, and none that is silent is left in the menu.
  const chatWell = proof === undefined || judged.silent.length === 0 || (judged.exitCode === 0 && current)
  const well = asWanted && health?.healthy === true && lostModels.length === 0 && chatWell
  return {
    lab,
    exitCode: well ? 0 : 2,
    settings: stored,
    items,
    address,
    refusal,
    ...(instance ? { urls: urlsOf(lab, address?.publicIp ?? '', instance.instanceId, settings.domain) } : {}),
    health,
    hostCurrent: current,
    answers: { https, portainer },
    here: here === undefined ? undefined : { address: here, allowed: isAllowed(here, settings.allow.cidrs) },
    lostModels,
    proof,
    proofKept: asked === undefined,
    judged,
    cost: monthlyCost({
      region: lab.region,
      instanceType: instance?.type ?? settings.instanceType,
      diskGb: instance?.volume?.sizeGb ?? settings.diskGb,
      addresses: address ? 1 : 0,
    }),
    now: context.clock.now(),
  }
}

/** Nothing there, or only the address that a destroy kept: said with what it costs. */
function gone({ lab }: OpenLab, keptAddress: string | undefined): Status {
  if (keptAddress === undefined) {
    throw new LabError({
      code: 'no-such-lab',
      what: `There is no lab "${lab.name}" in ${lab.region}.`,
      fix: ['librechat-lab up   makes one', 'librechat-lab list --all-regions   shows where there are any'],
      exitCode: 3,
    })
  }
  return { lab, exitCode: 0, keptAddress }
}

/** Models in the menu that can't be called any more. */
async function lostFrom({ clients, lab }: OpenLab, settings: Settings, context: Context): Promise<string[]> {
  if (settings.models.length === 0) return []
  const models = await findModels(clients.bedrock, {
    clock: context.clock,
    signal: context.signal,
    home: clients.bedrockHome,
    emit: context.ui.emit,
    region: lab.region,
  })
  return settings.models
    .filter(
      ({ id }) => !models.some((model) => model.callable && model.routes.some((route) => route.id === id)),
    )
    .map(({ label }) => label)
}

const askChat = async (
  open: OpenLab,
  settings: Settings,
  instance: { instanceId: string; state: string } | undefined,
  context: Context,
): Promise<Proof | undefined> =>
  instance?.state === 'running'
    ? await proveChat(hostOf(open, instance.instanceId, context), settings)
    : undefined
