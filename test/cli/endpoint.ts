import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A call as it came in. */
export interface Heard {
  /** "GetCallerIdentity", "AmazonSSM.GetParameter", or a path. */
  action: string
  /** Whose key signed it, and for where. */
  key: string
  region: string
  body: string
}

export type Answer = { status: number; body: string; type?: string } | 'nothing'

/** Something that is called like AWS, and answers each call as a test wishes. */
export async function openEndpoint(answer: (heard: Heard) => Answer | Promise<Answer>) {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    const call = await read(request)
    heard.push(call)
    const said = await answer(call)
    if (said === 'nothing') return
    response.writeHead(said.status, {
      'content-type': said.type ?? 'text/xml',
      'x-amzn-requestid': 'request-0123',
    })
    response.end(said.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    heard,
    /** What leads the program there, as an administrator called operator. */
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT',
      AWS_SECRET_ACCESS_KEY: 'secret-of-the-environment',
      AWS_REGION: 'us-east-1',
      LIBRECHAT_LAB_CHECKIP_URL: `http://127.0.0.1:${port}/checkip`,
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function read(request: IncomingMessage): Promise<Heard> {
  let body = ''
  for await (const part of request.setEncoding('utf8')) body += part
  const [, key = '', region = ''] =
    /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? []
  const target = request.headers['x-amz-target']
  const action = target ?? /(?:^|&)Action=(\w+)/.exec(body)?.[1] ?? request.url ?? ''
  return { action: String(action), key, region, body }
}

/** STS's answer to who is calling. */
export const identity: Answer = {
  status: 200,
  body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/operator</Arn><UserId>AIDA</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>`,
}

/** A refusal in the words of AWS's query protocol. */
export const refusal = (code: string, message: string): Answer => ({
  status: 403,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>request-0123</RequestId></ErrorResponse>`,
})
