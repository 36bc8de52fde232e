import { CreateDefaultVpcCommand } from '@aws-sdk/client-ec2'
import { isCode } from '../../aws/errors.js'
import { LabError } from '../../core/error.js'
import { findLaunchTarget, type LaunchTarget } from '../../lab/launch-target.js'
import type { Settings } from '../../lab/settings.js'
import type { Run } from './run.js'

/** Where an instance is launched; creates the default VPC where there is none and the user agrees. */
export async function findOrCreateTarget(run: Run, settings: Settings): Promise<LaunchTarget> {
  const { clients } = run.open
  try {
    return await findLaunchTarget(clients, settings)
  } catch (error) {
    const isMissing = error instanceof LabError && error.code === 'no-default-vpc'
    if (!isMissing || run.options.dryRun || !(await mayCreate(run))) throw error
    await createDefaultVpc(run)
    return await findLaunchTarget(clients, settings)
  }
}

async function mayCreate({ options, context: { ui }, open }: Run): Promise<boolean> {
  if (options.createDefaultVpc !== undefined) return options.createDefaultVpc
  if (!ui.interactive || options.yes) return false
  return await ui.confirm({
    flag: '--create-default-vpc',
    message: `There is no default VPC in ${open.clients.region}. Create it?`,
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
    type: 'note',
    text: `Created the default VPC ${Vpc?.VpcId ?? ''}; destroy keeps it.`,
  })
}
