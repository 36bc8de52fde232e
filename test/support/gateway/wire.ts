import { randomUUID } from 'node:crypto'
import type { Call } from './call.js'

/** An HTTP answer, ready to be sent. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

/** HTTP statuses of the codes that are not plain 400s, as AWS's documentation of common errors gives them. */
const statuses: Record<string, number> = {
  AccessDenied: 403,
  AuthFailure: 401,
  Blocked: 403,
  DryRunOperation: 412,
  ExpiredToken: 403,
  InsufficientInstanceCapacity: 500,
  InternalError: 500,
  InternalFailure: 500,
  InternalServerError: 500,
  InternalServerException: 500,
  InvalidClientTokenId: 403,
  LimitExceeded: 409,
  NoSuchEntity: 404,
  OptInRequired: 403,
  RequestLimitExceeded: 503,
  ServiceFailure: 500,
  ServiceUnavailable: 503,
  UnauthorizedOperation: 403,
  Unavailable: 503,
}

/** An error in the wire format of the call's own protocol. */
export function errorAnswer(call: Call, code: string, message: string): Answer {
  const requestId = randomUUID()
  const status = statuses[code] ?? 400
  if (call.service === 'ec2') {
    const error = `<Code>${code}</Code><Message>${escaped(message)}</Message>`
    return xml(
      `<Response><Errors><Error>${error}</Error></Errors><RequestID>${requestId}</RequestID></Response>`,
      status,
    )
  }
  if (call.service === 'iam' || call.service === 'sts') {
    const error = `<Type>Sender</Type><Code>${code}</Code><Message>${escaped(message)}</Message>`
    return xml(
      `<ErrorResponse><Error>${error}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
      status,
    )
  }
  const body = JSON.stringify({ __type: code, message })
  const headers = { 'x-amzn-requestid': requestId, 'x-amzn-errortype': code }
  return { status, headers: { ...headers, 'content-type': 'application/x-amz-json-1.1' }, body }
}

/** EC2's answer to `action`; `content` is XML. */
export function ec2Answer(call: Call, content: string): Answer {
  const namespace = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
  const body = `<requestId>${randomUUID()}</requestId>${content}`
  return xml(`<${call.action}Response ${namespace}>${body}</${call.action}Response>`, 200)
}

/** An answer of the query protocol (IAM, STS); `content` is XML. */
export function queryAnswer(call: Call, content: string): Answer {
  const result = `<${call.action}Result>${content}</${call.action}Result>`
  const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`
  return xml(`<${call.action}Response>${result}${metadata}</${call.action}Response>`, 200)
}

/** An answer of the JSON 1.1 protocol (Systems Manager). */
export function jsonAnswer(body: object): Answer {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() }
  return { status: 200, headers, body: JSON.stringify(body) }
}

/** AWS's error code in an answer of any protocol. */
export function codeOf(answer: Answer): string | undefined {
  if (answer.status < 300) return undefined
  return /<Code>([^<]+)<|"__type":\s*"(?:[^"]*#)?([^"]+)"/.exec(answer.body)?.slice(1).find(Boolean)
}

export function requestIdOf(answer: Answer): string | undefined {
  const inBody = /<request_?id>([^<]+)</i.exec(answer.body)?.[1]
  return answer.headers['x-amzn-requestid'] ?? inBody
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}

function xml(content: string, status: number): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>${content}`
  const requestId = /<request_?id>([^<]+)</i.exec(content)?.[1] ?? ''
  return {
    status,
    headers: { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId },
    body,
  }
}
