import type { EC2Client } from '@aws-sdk/client-ec2'
import type { EnsureContext, Resource } from '../../src/engine/resource.js'
import type { CreationProof } from '../../src/resources/creation.js'
import type { Identity } from '../../src/resources/identity.js'
import type { InstanceOptions } from '../../src/resources/instance/describe.js'
import type { InstanceProfileState } from '../../src/resources/instance-profile.js'
import type { LabId } from '../../src/resources/ownership.js'
import type { SecurityGroupState } from '../../src/resources/security-group.js'

export const lab: LabId = { name: 'default', region: 'us-east-1', account: '123456789012', partition: 'aws' }

export const claim = [
  { Key: 'librechat-lab:name', Value: 'default' },
  { Key: 'librechat-lab:region', Value: 'us-east-1' },
]

/** A time that passes at once. */
const clock = {
  now: () => 0,
  sleep: async () => {},
}

/** A resource that was observed as this. */
export const observed = <State>(name: string, state: State | undefined): Resource<State> => ({
  name,
  after: [],
  id: () => name,
  observe: async () => state,
  changes: () => [],
  ensure: async () => state as State,
  remove: async () => {},
})

export const nothing: Identity = {
  instance: undefined,
  superseded: [],
  address: undefined,
  group: undefined,
  strangers: [],
  unconfirmed: undefined,
  volumes: [],
  held: [],
}

/** The tags of a resource that `proofOf` proves. */
export const marked = [{ Key: 'librechat-lab:creation', Value: '0123456789abcdef' }, ...claim]

/** How a role or a profile is proven, where the settings and the instance are these. */
export const proofOf = (of: {
  isRecorded?: boolean
  isStored?: boolean
  instance?: Identity['instance']
}): CreationProof => ({
  id: '0123456789abcdef',
  isRecorded: of.isRecorded ?? true,
  settings: observed<unknown>('settings', of.isStored === false ? undefined : {}),
  identity: observed<Identity>('identity', { ...nothing, instance: of.instance }),
})

/** What ensure and remove work with, where the others are as they were observed. */
export const context = (states: readonly [Resource<never>, unknown][] = []): EnsureContext => {
  const of = new Map<unknown, unknown>(states)
  return {
    ready: async (resource) => of.get(resource) as never,
    seen: (resource) => of.get(resource) as never,
    progress: () => {},
    clock,
    signal: new AbortController().signal,
  }
}

/** What observe is given: the states of the others. */
export const seen = async <State>(resource: Resource<State>): Promise<State | undefined> =>
  await resource.observe(seen)

/** An error as the SDK throws it. */
export const awsError = (name: string, message = name): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } })

export const profile = observed('profile', { id: 'AIPA', arn: 'arn:profile' } as InstanceProfileState)
const group = observed('group', { groupId: 'sg-lab' } as SecurityGroupState)

/** A default instance, of the profile and the group above. */
export const instanceOptions = (ec2: EC2Client, more: Partial<InstanceOptions> = {}): InstanceOptions => ({
  ec2,
  ec2Once: ec2,
  lab,
  name: 'LibreChat',
  type: 't3.medium',
  diskGb: 30,
  place: async () => ({ imageId: 'ami-1', subnetIds: ['subnet-a', 'subnet-b'] }),
  generation: () => '01234567',
  isNewGeneration: false,
  renew: async () => 'ffffffff',
  identity: observed<Identity>('identity', nothing),
  userData: undefined,
  profile,
  group,
  after: [],
  ...more,
})

/** What an instance's ensure works with. */
export const instanceContext = (): EnsureContext =>
  context([
    [profile as Resource<never>, { id: 'AIPA', arn: 'arn:profile' }],
    [group as Resource<never>, { groupId: 'sg-lab' }],
  ])
