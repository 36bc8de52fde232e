import { Refusal } from './refusal.js'
import type { Scenario } from './scenarios.js'

/** Every n-th kind of call is throttled, once. */
const throttledEvery = 3

/** A scenario's effect on a call before it reaches the account; `memory` exists as long as the process. */
export function interfere(
  scenario: Scenario | undefined,
  service: string,
  call: string,
  memory: Map<string, string>,
): void {
  if (scenario === 'throttling') {
    const key = `called ${service} ${call}`
    const isNew = !memory.has(key)
    memory.set(key, 'yes')
    if (isNew && memory.size % throttledEvery === 1) throw throttled(service)
  }
  if (scenario === 'credentials-expired') {
    if (call === 'SendCommand') memory.set('expired', 'yes')
    if (memory.has('expired')) throw expired(service)
  }
}

const throttled = (service: string): Refusal =>
  service === 'ec2'
    ? new Refusal('RequestLimitExceeded', 'Request limit exceeded.', 503)
    : new Refusal(isQuery(service) ? 'Throttling' : 'ThrottlingException', 'Rate exceeded')

const expired = (service: string): Refusal =>
  new Refusal(
    isQuery(service) ? 'ExpiredToken' : 'ExpiredTokenException',
    'The security token included in the request is expired',
    isQuery(service) ? 403 : 400,
  )

/** The services that answer in XML, whose error codes don't end in "Exception". */
const isQuery = (service: string) => ['ec2', 'iam', 'sts'].includes(service)
