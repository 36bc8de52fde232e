import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { onTestFinished } from 'vitest'
import { selfSigned } from '../../src/rehearsal/certificate.js'

export interface Listening {
  url: string
  /** The service and the access key of each request: "sts AKIAKEYS". */
  requests: string[]
}

/** Listens until the test has finished. */
async function listening(server: Server, scheme: string, requests: string[] = []): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const signed = ({ headers }: IncomingMessage) =>
  /Credential=([^/]*)\/\d+\/[^/]*\/([^/]*)\//.exec(headers.authorization ?? '') ?? []

const xml = (code: string, message: string) =>
  `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`

const identity = (key: string) =>
  `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/${key}</Arn><UserId>u</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

const assumed = `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIAASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2036-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>a</Arn><AssumedRoleId>i</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`

export interface Answering {
  /** By how much its clock is ahead; it refuses what is five minutes off, as AWS does. */
  aheadMs?: number
  /** A clock that refuses every signature, corrected or not. */
  refuses?: boolean
  /** The bodies of its AssumeRole calls are put here. */
  assumeRole?: string[]
}

function answerOf(options: Answering, requests: string[]): RequestListener {
  return (request, response) => {
    const [, key = '', service = 'none'] = signed(request)
    requests.push(`${service} ${key}`)
    let body = ''
    request.setEncoding('utf8').on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      const now = Date.now() + (options.aheadMs ?? 0)
      const date = new Date(now).toUTCString()
      const stamp = String(request.headers['x-amz-date'] ?? '')
      const said = Date.parse(stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
      const answer = (status: number, text: string) =>
        response.writeHead(status, { date, 'content-type': 'text/xml' }).end(text)
      if (options.refuses || Math.abs(now - said) > 5 * 60_000) {
        const code = service === 'ec2' ? 'RequestExpired' : 'SignatureDoesNotMatch'
        return answer(403, xml(code, `Signature not yet current: ${stamp}`))
      }
      if (body.includes('Action=AssumeRole')) options.assumeRole?.push(body)
      if (body.includes('Action=AssumeRole')) return answer(200, assumed)
      if (service === 'sts') return answer(200, identity(key))
      if (service === 'ec2')
        return answer(200, '<DescribeRegionsResponse><regionInfo/></DescribeRegionsResponse>')
      return response.writeHead(200, { date, 'content-type': 'application/x-amz-json-1.1' }).end('{}')
    })
  }
}

/** STS, EC2 and Systems Manager, as far as signing goes. */
export async function fakeAws(options: Answering = {}): Promise<Listening> {
  const requests: string[] = []
  return await listening(createServer(answerOf(options, requests)), 'http', requests)
}

/** The same behind a certificate that nobody trusts; it answers everything else with a public address. */
export async function impostor(): Promise<Listening> {
  const requests: string[] = []
  const aws = answerOf({}, requests)
  const server = createSecureServer(selfSigned(Date.now()), (request, response) => {
    if (signed(request).length > 0) return aws(request, response)
    requests.push('look-up')
    response.end('81.2.69.160')
  })
  return await listening(server, 'https', requests)
}

/** A proxy as offices have them: forwards plain requests by itself, and tunnels CONNECT. */
export async function officeProxy(answer: RequestListener = (_, response) => void response.end()) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    answer(request, response)
  })
  server.on('connect', (incoming, socket) => {
    requests.push(incoming.url ?? '')
    const [host, port] = (incoming.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  return await listening(server, 'http', requests)
}
