import type { Association } from '../account.js'
import type { Answers } from '../answers.js'
import { profileArn } from '../iam/common.js'
import { Refusal } from '../refusal.js'
import type { World } from '../world.js'
import { passes } from './filter.js'
import { agentIn, instanceOf, profileFor } from './launch.js'

const associations = ({ here }: World) =>
  Object.entries(here.instances).flatMap(([id, instance]) =>
    instance.association && instance.state !== 'terminated'
      ? [{ id, instance, of: instance.association }]
      : [],
  )

const associationView = (
  InstanceId: string,
  association: Association,
  State: 'associated' | 'associating' | 'disassociating',
) => ({
  AssociationId: association.id,
  InstanceId,
  IamInstanceProfile: { Arn: profileArn(association.profile), Id: association.profileId },
  State,
})

/** An instance's profile. */
export const associated = {
  DescribeIamInstanceProfileAssociations(input, world) {
    return {
      IamInstanceProfileAssociations: associations(world)
        .filter(({ of }) => input.AssociationIds?.includes(of.id) ?? true)
        .filter(({ id }) => passes(input.Filters, {}, { 'instance-id': id, state: 'associated' }))
        .map(({ id, of }) => associationView(id, of, 'associated')),
    }
  },

  AssociateIamInstanceProfile(input, world) {
    const id = input.InstanceId ?? ''
    const instance = instanceOf(world, id)
    if (instance.association) {
      throw new Refusal('IncorrectState', `There is an existing association for instance ${id}`)
    }
    instance.association = { id: world.id('iip-assoc'), ...profileNamed(input, world) }
    instance.onlineAt = Math.max(instance.onlineAt, world.after(agentIn))
    return { IamInstanceProfileAssociation: associationView(id, instance.association, 'associating') }
  },

  ReplaceIamInstanceProfileAssociation(input, world) {
    const one = associationOf(world, input.AssociationId)
    Object.assign(one.of, profileNamed(input, world))
    return { IamInstanceProfileAssociation: associationView(one.id, one.of, 'associating') }
  },
} satisfies Answers<typeof import('@aws-sdk/client-ec2')>

function profileNamed(input: Parameters<typeof profileFor>[0], world: World) {
  const profile = profileFor(input, world)
  if (profile) return profile
  throw new Refusal('MissingParameter', 'The request must contain the parameter IamInstanceProfile')
}

function associationOf(world: World, id: string | undefined) {
  const one = associations(world).find(({ of }) => of.id === id)
  if (one) return one
  throw new Refusal('InvalidAssociationID.NotFound', `The association ID '${id}' does not exist`)
}
