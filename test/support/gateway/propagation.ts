import type { Call } from './call.js'
import type { Supplement } from './gateway.js'
import { type Answer, errorAnswer } from './wire.js'

/** How long AWS takes, in milliseconds, for what moto does at once. All 0 at first. */
export interface Slowness {
  /** Until other calls know a thing that has just been made. */
  instance: number
  group: number
  address: number
  profile: number
  /** An instance pending before it runs, and shutting down before it is terminated. */
  starting: number
  terminating: number
}

interface Kind {
  slowness: 'instance' | 'group' | 'address' | 'profile'
  /** The identifier in the creating call's answer, or in the call itself. */
  made(call: Call, answer: Answer): string | undefined
  /** What a call that names it is answered meanwhile. */
  refusal(call: Call, id: string): Answer
}

const inAnswer = (tag: string) => (_call: Call, answer: Answer) =>
  new RegExp(`<${tag}>([^<]+)<`).exec(answer.body)?.[1]
const missing = (code: string, noun: string) => (call: Call, id: string) =>
  errorAnswer(call, code, `The ${noun} '${id}' does not exist`)

const kinds: Record<string, Kind> = {
  RunInstances: {
    slowness: 'instance',
    made: inAnswer('instanceId'),
    refusal: missing('InvalidInstanceID.NotFound', 'instance ID'),
  },
  CreateSecurityGroup: {
    slowness: 'group',
    made: inAnswer('groupId'),
    refusal: missing('InvalidGroup.NotFound', 'security group'),
  },
  AllocateAddress: {
    slowness: 'address',
    made: inAnswer('allocationId'),
    refusal: missing('InvalidAllocationID.NotFound', 'allocation ID'),
  },
  // EC2 learns of a profile, and of the role in it, some seconds after IAM.
  AddRoleToInstanceProfile: {
    slowness: 'profile',
    made: (call) => String(call.params.InstanceProfileName),
    refusal: (call, id) =>
      errorAnswer(
        call,
        'InvalidParameterValue',
        `Value (${id}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`,
      ),
  },
}

/** AWS is eventually consistent: for a while, what was made is not seen by calls that name it or list it. */
export function propagation(slowness: Slowness): Supplement {
  const hidden = new Map<string, { until: number; kind: Kind }>()
  const starting = new Map<string, number>()
  const terminating = new Map<string, number>()
  const hiddenNow = () => [...hidden].filter(([, { until }]) => until > Date.now())

  return {
    before(call) {
      if (call.service !== 'ec2') return undefined
      const values = Object.values(call.params).map(String)
      const named = hiddenNow().find(([id]) =>
        values.some((value) => value === id || value.endsWith(`/${id}`)),
      )
      // Filters never fail: they find nothing.
      if (
        !named ||
        Object.keys(call.params).some((key) => key.startsWith('Filter.1.') && call.params[key] === named[0])
      ) {
        return undefined
      }
      return named[1].kind.refusal(call, named[0])
    },
    after(call, answer) {
      if (answer.status >= 300) return undefined
      const kind = kinds[call.action]
      const id = kind?.made(call, answer)
      if (kind && id && slowness[kind.slowness] > 0) {
        hidden.set(id, { until: Date.now() + slowness[kind.slowness], kind })
      }
      if (call.action === 'RunInstances' && id) starting.set(id, Date.now() + slowness.starting)
      if (call.action === 'TerminateInstances') {
        for (const [, gone] of answer.body.matchAll(/<instanceId>([^<]+)</g)) {
          terminating.set(String(gone), Date.now() + slowness.terminating)
        }
      }
      if (call.service !== 'ec2' || !call.action.startsWith('Describe')) return undefined
      const ids = hiddenNow().map(([name]) => name)
      let body = ids.length
        ? withoutItems(answer.body, (item) => ids.some((name) => item.includes(`>${name}<`)))
        : answer.body
      body = still(body, starting, 16, 'running', 0, 'pending')
      body = still(body, terminating, 48, 'terminated', 32, 'shutting-down')
      return { ...answer, body }
    },
  }
}

/** Shows the state that comes before, for the instances whose time has not come. */
function still(
  body: string,
  until: Map<string, number>,
  code: number,
  name: string,
  was: number,
  before: string,
): string {
  let text = body
  for (const [id, time] of until) {
    if (time <= Date.now() || !text.includes(id)) continue
    text = text.replace(
      new RegExp(`(<instanceId>${id}</instanceId>[\\s\\S]*?<code>)${code}(</code>\\s*<name>)${name}`),
      `$1${was}$2${before}`,
    )
  }
  return text
}

/** Leaves out of an EC2 list the outermost items of which `hide` says so. */
function withoutItems(body: string, hide: (item: string) => boolean): string {
  let depth = 0
  let from = 0
  let kept = ''
  let last = 0
  for (const tag of body.matchAll(/<(\/?)item(\/?)>/g)) {
    if (tag[2]) continue
    if (!tag[1]) {
      if (depth === 0) from = tag.index
      depth += 1
      continue
    }
    depth -= 1
    if (depth > 0) continue
    const end = tag.index + tag[0].length
    if (hide(body.slice(from, end))) {
      kept += body.slice(last, from)
      last = end
    }
  }
  return kept + body.slice(last)
}
