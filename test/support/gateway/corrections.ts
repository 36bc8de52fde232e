import { DescribeInstancesCommand, ModifyInstanceMetadataOptionsCommand } from '@aws-sdk/client-ec2'
import {
  GetInstanceProfileCommand,
  GetRolePolicyCommand,
  ListRolePoliciesCommand,
  NoSuchEntityException,
} from '@aws-sdk/client-iam'
import type { Witness } from '../clients.js'
import type { Call } from './call.js'
import type { Supplement } from './gateway.js'
import { type Answer, ec2Answer, errorAnswer } from './wire.js'

/** Small things in which moto's instances differ from AWS's. */
export function corrections(witness: (region: string) => Witness): Supplement {
  return {
    before(call) {
      if (call.action === 'ModifyInstanceMetadataOptions') return keepTheRest(witness(call.region), call)
      if (call.action === 'PutRolePolicy') return tooMuchInline(witness(call.region), call)
      return undefined
    },
    after(call, answer) {
      if (call.service !== 'ec2') return undefined
      if (
        call.action === 'RunInstances' &&
        answer.status >= 300 &&
        /Instance profile .* not found/.test(answer.body)
      ) {
        const name = call.params['IamInstanceProfile.Name'] ?? call.params['IamInstanceProfile.Arn']
        const why = `Value (${name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`
        return errorAnswer(call, 'InvalidParameterValue', why)
      }
      if (call.action === 'DescribeInstances') return profilesById(witness(call.region), answer)
      return undefined
    },
  }
}

/** moto stores inline policies of any size: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
async function tooMuchInline({ iam }: Witness, call: Call): Promise<Answer | undefined> {
  const RoleName = String(call.params.RoleName)
  try {
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }))
    const others = await Promise.all(
      PolicyNames.filter((name) => name !== call.params.PolicyName).map((PolicyName) =>
        iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })),
      ),
    )
    const documents = others.map(({ PolicyDocument = '' }) => decodeURIComponent(PolicyDocument))
    const size = [...documents, call.params.PolicyDocument].join('').replace(/\s/g, '').length
    if (size <= 10_240) return undefined
    return errorAnswer(
      call,
      'LimitExceeded',
      `Maximum policy size of 10240 bytes exceeded for role ${RoleName}`,
    )
  } catch (error) {
    if (error instanceof NoSuchEntityException) return undefined // moto refuses it itself
    throw error
  }
}

/** moto forgets the metadata options that a change does not name. */
async function keepTheRest({ ec2 }: Witness, call: Call): Promise<Answer> {
  const InstanceId = String(call.params.InstanceId)
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [InstanceId] }))
  const now = Reservations?.[0]?.Instances?.[0]?.MetadataOptions ?? {}
  const said = (name: string, is: unknown) => String(call.params[name] ?? is)
  const options = {
    HttpTokens: said('HttpTokens', now.HttpTokens) as 'required',
    HttpPutResponseHopLimit: Number(said('HttpPutResponseHopLimit', now.HttpPutResponseHopLimit)),
    HttpEndpoint: said('HttpEndpoint', now.HttpEndpoint) as 'enabled',
  }
  await ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId, ...options }))
  return ec2Answer(
    call,
    `<instanceId>${InstanceId}</instanceId><instanceMetadataOptions><state>pending</state>` +
      `<httpTokens>${options.HttpTokens}</httpTokens><httpEndpoint>${options.HttpEndpoint}</httpEndpoint>` +
      `<httpPutResponseHopLimit>${options.HttpPutResponseHopLimit}</httpPutResponseHopLimit></instanceMetadataOptions>`,
  )
}

/** moto gives an instance's profile the association's id; AWS gives it the profile's own. */
async function profilesById({ iam }: Witness, answer: Answer): Promise<Answer> {
  const pattern = /(<iamInstanceProfile>\s*<arn>([^<]+)<\/arn>\s*<id>)[^<]*(<\/id>)/g
  let body = answer.body
  for (const [, , arn] of answer.body.matchAll(pattern)) {
    const InstanceProfileName = String(arn).split('/').pop()
    const found = await iam
      .send(new GetInstanceProfileCommand({ InstanceProfileName }))
      .catch((error: Error) => {
        if (error.name === 'NoSuchEntityException') return undefined // deleted under the instance
        throw error
      })
    const id = found?.InstanceProfile?.InstanceProfileId
    if (id)
      body = body.replace(pattern, (all, before, one, after) =>
        one === arn ? `${before}${id}${after}` : all,
      )
  }
  return { ...answer, body }
}
