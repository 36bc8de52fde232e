import type { IncomingMessage } from 'node:http'

/** One AWS call as it came over the wire, and what became of it. */
export interface Call {
  readonly index: number
  readonly service: string
  /** `RunInstances`; for REST services the method and path: `GET /foundation-models`. */
  readonly action: string
  /** Query services: flat, as sent (`TagSpecification.1.Tag.1.Key`). JSON services: the body. */
  readonly params: Record<string, unknown>
  readonly region: string
  /** Would it change anything? A dry run and the read-only health command do not. */
  readonly changing: boolean
  /** Milliseconds since the epoch at which it arrived. */
  readonly at: number
  /** What the caller was answered: HTTP status, AWS's error code, request id. Absent where it got no answer. */
  status?: number
  error?: string
  requestId?: string
  /** Did it reach the account? */
  carriedOut?: boolean
}

export interface Incoming {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const reading = /^(Describe|Get|List|Lookup|Decode|Simulate|Search)/

/** Reads service and region from the signature's credential scope, and the action from wherever its protocol puts it. */
export function parseCall(incoming: Incoming, index: number, at: number): Call {
  const scope = /Credential=[^/]+\/\d{8}\/([^/]+)\/([^/]+)\//.exec(incoming.headers.authorization ?? '')
  const region = scope?.[1] ?? 'unsigned'
  const service = scope?.[2] ?? 'unsigned'
  const { action, params } = whatIsAsked(incoming)
  return { index, service, action, params, region, changing: changes(action, params), at }
}

function whatIsAsked({ method, url, headers, body }: Incoming): Pick<Call, 'action' | 'params'> {
  const target = headers['x-amz-target']
  if (typeof target === 'string') {
    return { action: target.split('.').pop() ?? target, params: JSON.parse(body || '{}') }
  }
  const form = new URLSearchParams(body)
  const action = form.get('Action')
  if (action) return { action, params: Object.fromEntries(form) }
  const params = body.startsWith('{') ? JSON.parse(body) : Object.fromEntries(url.searchParams)
  return { action: `${method} ${url.pathname}`, params }
}

function changes(action: string, params: Record<string, unknown>): boolean {
  if (reading.test(action) || action.startsWith('GET ')) return false
  if (params.DryRun === 'true') return false
  return !(action === 'SendCommand' && / health$/.test(String(params.Comment)))
}

/** The values of a list in the query protocol: `InstanceId.1`, `InstanceId.2`, … */
export function list(params: Record<string, unknown>, name: string): string[] {
  const values: string[] = []
  for (let n = 1; params[`${name}.${n}`] !== undefined; n += 1) values.push(String(params[`${name}.${n}`]))
  return values
}
