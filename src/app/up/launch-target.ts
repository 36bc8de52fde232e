import { CreateDefaultVpcCommand } from '@aws-sdk/client-ec2'
import { isCode } from '../../aws/errors.js'
import { LabError } from '../../core/error.js'
import { findLaunchTarget, type LaunchTarget } from '../../lab/launch-target.js'
import type { Settings } from '../../lab/settings.js'
import type { Run } from './run.js'

/** Where an instance is launched. */
export interface Target {
  /** Undefined if the default VPC is missing and the plan creates it. Creates nothing; may ask the user. */
  look(): Promise<LaunchTarget | undefined>
  /** The same for the resources; creates the default VPC after agreement. */
  place(): Promise<LaunchTarget>
  /** Whether the plan creates the default VPC. */
  createsVpc(): Promise<boolean>
  /** The user has agreed to the plan. */
  agree(): void
}

export function targetFor(run: Run, settings: Settings): Target {
  const { clients } = run.open
  let isAgreed = false
  let looked: ReturnType<Target['look']> | undefined
  let created: Promise<LaunchTarget> | undefined

  const find = async (): Promise<LaunchTarget | undefined> => {
    try {
      return await findLaunchTarget(clients, settings)
    } catch (error) {
      const isMissing = error instanceof LabError && error.code === 'no-default-vpc'
      if (isMissing && (await mayCreate(run))) return undefined
      throw error
    }
  }
  const look = () => {
    looked ??= find()
    return looked
  }
  const create = async (): Promise<LaunchTarget> => {
    await createDefaultVpc(run)
    return await findLaunchTarget(clients, settings)
  }
  return {
    look,
    async place() {
      const found = await look()
      if (found) return found
      // A VPC that doesn't exist yet contains no conflicting resources.
      if (!isAgreed) return { vpcId: '', subnetIds: [], imageId: '' }
      created ??= create()
      return await created
    },
    createsVpc: async () => looked !== undefined && (await looked) === undefined,
    agree() {
      isAgreed = true
    },
  }
}

async function mayCreate({ options, context: { ui }, open }: Run): Promise<boolean> {
  if (options.createDefaultVpc !== undefined) return options.createDefaultVpc
  if (!ui.interactive || options.yes || options.dryRun) return false
  return await ui.confirm({
    flag: '--create-default-vpc',
    message: `There is no default VPC in ${open.clients.region}. Add it to the plan?`,
    hint: 'It costs nothing. librechat-lab does not tag it, and destroy keeps it.',
    default: true,
  })
}

async function createDefaultVpc({ open: { clients }, context: { ui, signal } }: Run): Promise<void> {
  signal.throwIfAborted()
  const { Vpc } = await clients.ec2.send(new CreateDefaultVpcCommand({})).catch((failure) => {
    if (isCode(failure, 'DefaultVpcAlreadyExists')) return { Vpc: undefined }
    throw failure
  })
  ui.emit({
    type: 'task',
    id: 'default VPC',
    name: 'default VPC',
    state: 'done',
    detail: Vpc?.VpcId ? `created ${Vpc.VpcId}` : 'is there already',
  })
}
