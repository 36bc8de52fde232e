import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, describe, expect, inject, it } from 'vitest'
import type { Model } from '../../src/bedrock/model.js'
import { findModels } from '../../src/bedrock/models.js'
import { pick } from '../../src/bedrock/pick.js'
import { bedrockPolicy, profileArnsOf } from '../../src/bedrock/policy.js'
import type { PolicyDocument } from '../../src/core/policy.js'
import { account } from './control-plane.js'

/**
 * moto's policy evaluator, which is not ours: for each line {policy, asked: [[action, resource]]} it prints a list of
 * booleans.
 */
const EVALUATOR = `
import json, sys
from moto.iam.access_control import IAMPolicy, PermissionResult
for line in sys.stdin:
    given = json.loads(line)
    policy = IAMPolicy(json.dumps(given["policy"]))
    print(json.dumps([
        policy.is_action_permitted(action, resource) == PermissionResult.PERMITTED
        for action, resource in given["asked"]
    ]), flush=True)
`

let evaluator: { child: ChildProcessWithoutNullStreams; answers: NodeJS.AsyncIterator<string> } | undefined
afterAll(() => void evaluator?.child.kill())

function startEvaluator() {
  const python = inject('python')
  if (!python) throw new Error('The policy evaluator needs Python 3.10 or later.')
  const child = spawn(python, ['-c', EVALUATOR])
  child.stderr.pipe(process.stderr)
  return { child, answers: createInterface(child.stdout)[Symbol.asyncIterator]() }
}

async function judge(
  policy: PolicyDocument,
  asked: [action: string, resource: string][],
): Promise<boolean[]> {
  evaluator ??= startEvaluator()
  evaluator.child.stdin.write(`${JSON.stringify({ policy, asked })}\n`)
  const { value } = await evaluator.answers.next()
  return JSON.parse(value) as boolean[]
}

const INVOKE = ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream']

async function chosenIn(region: string, wanted?: string[]): Promise<{ all: Model[]; chosen: Model[] }> {
  const { bedrock, ask } = await account('open', region)
  const all = await findModels(bedrock, { region, ...ask })
  return { all, chosen: pick(all, wanted).chosen }
}

describe("the role's policy", () => {
  it('holds first the two Invoke actions on every foundation model, exactly', () => {
    for (const [partition, arns] of [
      ['aws', []],
      ['aws-us-gov', ['arn:aws-us-gov:bedrock:us-gov-west-1:1:inference-profile/x']],
    ] as const) {
      expect(bedrockPolicy(partition, arns).Statement[0]).toEqual({
        Sid: 'FoundationModels',
        Effect: 'Allow',
        Action: INVOKE,
        Resource: `arn:${partition}:bedrock:*::foundation-model/*`,
      })
    }
    expect(bedrockPolicy('aws', []).Statement).toHaveLength(1)
  })

  it('names a geographic profile by one ARN, a global one by its own and the one without a region', async () => {
    const { chosen } = await chosenIn('us-east-1', [
      'claude-sonnet-5',
      'global.anthropic.claude-opus-5',
      'nova-pro',
    ])
    expect(profileArnsOf(chosen)).toEqual([
      'arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5',
      'arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-opus-5',
      'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-5',
    ])
  })

  describe.each([
    ['us-east-1', undefined],
    ['eu-central-1', undefined],
    ['ap-southeast-2', undefined],
    ['sa-east-1', undefined],
    ['us-east-1', ['global.anthropic.claude-sonnet-5', 'nova-pro']],
  ] as const)('in %s with %j, judged by an evaluator that we did not write', (region, wanted) => {
    let found: ReturnType<typeof chosenIn> | undefined
    const lab = async () => {
      found ??= chosenIn(region, wanted ? [...wanted] : undefined)
      const world = await found
      const policy = bedrockPolicy('aws', profileArnsOf(world.chosen))
      return { ...world, may: (asked: [string, string][]) => judge(policy, asked) }
    }

    it('allows each chosen model: its profile and the model in every region that may answer', async () => {
      const { chosen, may } = await lab()
      const needed = chosen.flatMap(({ profile, modelId }) =>
        profile
          ? [profile.arn, ...profile.models]
          : [`arn:aws:bedrock:${region}::foundation-model/${modelId}`],
      )
      const asked = needed.flatMap((arn) => INVOKE.map((action): [string, string] => [action, arn]))
      expect(asked.length).toBeGreaterThan(2)
      expect(await may(asked)).toEqual(asked.map(() => true))
    })

    it('denies every other profile', async () => {
      const { all, may, ...rest } = await lab()
      const chosen = new Set(rest.chosen.map(({ id }) => id))
      const others = all.flatMap(({ routes }) =>
        routes.flatMap(({ id, profile }) => (profile && !chosen.has(id) ? profile.arn : [])),
      )
      const asked = [
        ...others,
        `arn:aws:bedrock:${region}:123456789012:application-inference-profile/abc`,
        `arn:aws:bedrock:${region}:123456789012:provisioned-model/abc`,
        `arn:aws:bedrock:${region}:999999999999:inference-profile/us.anthropic.claude-sonnet-5`,
      ].map((arn): [string, string] => ['bedrock:InvokeModelWithResponseStream', arn])
      expect(await may(asked)).toEqual(asked.map(() => false))
    })

    it('denies every other action', async () => {
      const { may } = await lab()
      const resources = ['*', 'arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-5']
      const asked = [
        'bedrock:CreateFoundationModelAgreement',
        'bedrock:PutUseCaseForModelAccess',
        'bedrock:CreateModelCustomizationJob',
        'bedrock:InvokeModelWithBidirectionalStream',
        'bedrock:InvokeAgent',
        'bedrock:ListFoundationModels',
        'aws-marketplace:Subscribe',
        'aws-marketplace:ViewSubscriptions',
        'iam:PassRole',
        's3:GetObject',
      ].flatMap((action) => resources.map((resource): [string, string] => [action, resource]))
      expect(await may(asked)).toEqual(asked.map(() => false))
    })
  })
})
