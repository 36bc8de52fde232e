import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BudgetsClient } from '@aws-sdk/client-budgets'
import { EC2Client } from '@aws-sdk/client-ec2'
import { IAMClient } from '@aws-sdk/client-iam'
import { SchedulerClient } from '@aws-sdk/client-scheduler'
import { SSMClient } from '@aws-sdk/client-ssm'
import { STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { rehearse } from '../../src/rehearsal/clients.js'
import { describeAws } from '../support/moto.js'
import { differences, knownIn } from './differences.js'
import { Seen, type Side, script } from './script.js'

const region = 'us-east-1'

/** One answer, with everything replaced that must differ between two accounts: ids, addresses, times. */
async function played(side: Side): Promise<Map<string, unknown>> {
  const seen = new Seen()
  const answers = new Map<string, unknown>()
  for (const { name, call } of script) {
    answers.set(
      name,
      await call(side, seen).then(
        (output) => neutral({ ...output, $metadata: undefined }),
        (error) => ({
          error: {
            // The class that a caller catches: the SDK chooses moto's, the rehearsal its own.
            class: error.constructor.name,
            name: error.name,
            code: error.Code ?? error.name,
            fault: error.$fault,
            status: error.$metadata?.httpStatusCode,
          },
        }),
      ),
    )
  }
  return answers
}

function neutral(value: unknown): unknown {
  if (value instanceof Date) return '<time>'
  if (typeof value === 'string') {
    return value
      .replace(/\b([a-z]+(?:-assoc)?)-[0-9a-f]{8,17}\b/g, '<$1>')
      .replace(/\b(AROA|AIPA|AIDA|AKIA)[A-Z0-9]+/g, '<$1>')
      .replace(/\b\d{1,3}(\.\d{1,3}){3}(?!\/)\b/g, '<ip>')
  }
  if (Array.isArray(value)) return value.map(neutral)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, neutral(inner)]))
}

/** What the rehearsal says and moto doesn't, as paths; what moto says besides is no matter. */
function unmatched(ours: unknown, theirs: unknown, path = ''): string[] {
  if (Array.isArray(ours)) {
    if (!Array.isArray(theirs) || theirs.length !== ours.length) return [path]
    return ours.flatMap((one, i) => unmatched(one, theirs[i], `${path}[]`))
  }
  if (typeof ours === 'object' && ours !== null) {
    if (typeof theirs !== 'object' || theirs === null) return [path]
    return Object.entries(ours).flatMap(([key, one]) =>
      one === undefined
        ? []
        : unmatched(one, (theirs as Record<string, unknown>)[key], path ? `${path}.${key}` : key),
    )
  }
  return ours === theirs ? [] : [path]
}

describeAws('the rehearsal account answers as moto does', (moto) => {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-parity-'))
  let ours = new Map<string, unknown>()
  let theirs = new Map<string, unknown>()

  beforeAll(async () => {
    const options = { region, endpoint: moto().url, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }
    const real: Side = {
      region,
      ec2: new EC2Client(options),
      iam: new IAMClient(options),
      ssm: new SSMClient(options),
      scheduler: new SchedulerClient(options),
      sts: new STSClient(options),
      budgets: new BudgetsClient(options),
    }
    const rehearsed = await rehearse({ region, statePath: join(folder, 'rehearsal.json') })
    ;[ours, theirs] = await Promise.all([played(rehearsed.clients), played(real)])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each(script.map(({ name }) => name))('%s', (name) => {
    const found = [...new Set(unmatched(ours.get(name), theirs.get(name)))].sort()
    const seen = { ours: ours.get(name), theirs: theirs.get(name) }
    // In both directions: a difference that is no more must leave the list, and the docs.
    expect(found, JSON.stringify(seen, null, 1)).toEqual(knownIn(name))
  })

  it('knows no difference in a step that is not there', () => {
    const steps = script.map(({ name }) => name)
    for (const difference of differences)
      expect(steps).toEqual(expect.arrayContaining(Object.keys(difference.in)))
  })
})
