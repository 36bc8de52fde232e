import type { Run } from '../app/context.js'
import type { Clients } from '../aws/clients.js'
import { LabError } from '../core/error.js'
import { labGraph } from '../lab/graph.js'
import { checkedName } from '../lab/names.js'
import { operatorPolicy } from '../lab/operator-policy.js'
import { needsOf } from '../lab/permissions.js'
import { nothingChosen } from '../lab/settings.js'

/** Prints the least policy for all commands, or for those named. Calls nothing. */
export const run: Run = async (options, { ui }, args) => {
  const region = options.region ?? 'us-east-1'
  const partition = region.startsWith('us-gov-') ? 'aws-us-gov' : region.startsWith('cn-') ? 'aws-cn' : 'aws'
  const graph = labGraph({
    clients: noClients(region),
    lab: { name: checkedName(options.name), region, account: '', partition },
    settings: nothingChosen,
    policy: { Version: '2012-10-17', Statement: [] },
    adopt: false,
    place: async () => ({ vpcId: '', subnetIds: [], imageId: '' }),
    userData: undefined,
  })
  const needed = needsOf(graph)
  const unknown = args.find((name) => !Object.hasOwn(needed, name))
  if (unknown !== undefined) {
    throw new LabError({
      code: 'bad-usage',
      what: `${JSON.stringify(unknown.slice(0, 60))} is no command that calls AWS.`,
      fix: [`Those are: ${Object.keys(needed).join(', ')}`],
    })
  }
  // Adopting widens it to every security group: it is named, or left out.
  const commands = args.length > 0 ? args : Object.keys(needed).filter((name) => name !== 'adopt')
  const policy = operatorPolicy(
    partition,
    commands.flatMap((name) => needed[name] ?? []),
  )
  ui.result(JSON.stringify(policy, null, 2), policy)
  return 0
}

/** The graph is only asked for its actions; whoever called AWS with these would hear of it. */
const noClients = (region: string): Clients =>
  new Proxy({ region } as Clients, {
    get: (target, key) => (key === 'region' ? target.region : undefined),
  })
