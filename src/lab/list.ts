import { DescribeAddressesCommand, paginateDescribeInstances } from '@aws-sdk/client-ec2'
import { paginateGetParametersByPath } from '@aws-sdk/client-ssm'
import type { Clients } from '../aws/clients.js'
import { tagKeys } from '../resources/ownership.js'
import { isName } from './names.js'

/** A lab as three calls for a whole region show it. */
export interface ListedLab {
  name: string
  region: string
  /** The instance's state; undefined when there is no instance. */
  state: string | undefined
  type: string | undefined
  address: string | undefined
  instanceId: string | undefined
  /** Whether settings, instance and address are all there. */
  whole: boolean
}

/** Every lab of the clients' region, by name. */
export async function listLabs({ ec2, ssm, region }: Clients): Promise<ListedLab[]> {
  const labs = new Map<string, ListedLab & { settings: boolean }>()
  const at = (name: string) => {
    const lab = labs.get(name) ?? {
      name,
      region,
      state: undefined,
      type: undefined,
      address: undefined,
      instanceId: undefined,
      whole: false,
      settings: false,
    }
    labs.set(name, lab)
    return lab
  }
  const nameOf = (tags: readonly { Key?: string | undefined; Value?: string | undefined }[] = []) => {
    if (!tags.some(({ Key, Value }) => Key === tagKeys.region && Value === region)) return undefined
    // Anybody may have set a tag; what is no lab's name names no lab.
    return tags.find(({ Key, Value }) => Key === tagKeys.lab && isName(Value ?? ''))?.Value
  }
  const tagged = { Name: 'tag-key', Values: [tagKeys.lab] }

  const instances = async () => {
    const states = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] }
    for await (const page of paginateDescribeInstances({ client: ec2 }, { Filters: [tagged, states] })) {
      for (const instance of (page.Reservations ?? []).flatMap((r) => r.Instances ?? [])) {
        const name = nameOf(instance.Tags)
        if (!name) continue
        Object.assign(at(name), {
          state: instance.State?.Name,
          type: instance.InstanceType,
          instanceId: instance.InstanceId,
        })
      }
    }
  }
  const addresses = async () => {
    const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({ Filters: [tagged] }))
    for (const address of Addresses) {
      const name = nameOf(address.Tags)
      if (name) at(name).address = address.PublicIp
    }
  }
  const settings = async () => {
    const path = { Path: '/librechat-lab', Recursive: true }
    for await (const page of paginateGetParametersByPath({ client: ssm }, path)) {
      for (const { Name = '' } of page.Parameters ?? []) {
        const [, name = ''] = /^\/librechat-lab\/([^/]+)\/spec$/.exec(Name) ?? []
        if (isName(name)) at(name).settings = true
      }
    }
  }
  await Promise.all([instances(), addresses(), settings()])
  return [...labs.values()]
    .map(({ settings, ...lab }) => ({ ...lab, whole: settings && Boolean(lab.instanceId && lab.address) }))
    .sort((a, b) => a.name.localeCompare(b.name))
}
