import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as S3 gets it. */
export interface S3Request {
  method: string
  /** Path and query. */
  target: string
  headers: Record<string, string>
  body: Buffer
  /** "begin", "part 1", "complete", "abort" */
  does: string
}

/** What S3 does with a request instead of its work; "lost": does it, and its answer never comes. */
export type S3Fault =
  | { status: number; code: string; message?: string; region?: string }
  | 'cut'
  | 'lost'
  | undefined

export const account = '123456789012'
const keys = {
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: 'secret/of+the/role',
  Token: 'token/of+the/role==',
}

/**
 * S3 as moto plays it, and before it what moto does not refuse: another owner of the bucket, a part that is not what its
 * checksum says, an object that exists, another region. Beside it the instance metadata service with the role's
 * credentials. Signatures are checked by botocore, which this project did not write.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 */
export class FakeS3 {
  readonly requests: S3Request[] = []
  fault: (request: S3Request) => S3Fault = () => undefined
  /** Whose the bucket is, and where. */
  owner = account
  region = 'us-east-1'
  url = ''
  private readonly server = createServer((request, response) => void this.answer(request, response))

  private constructor(
    private readonly moto: string,
    readonly bucket: string,
  ) {}

  static async start(moto: string): Promise<FakeS3> {
    const s3 = new FakeS3(moto, `backups-${process.pid}-${Date.now()}`)
    await s3.ofMoto('PUT', `/${s3.bucket}`)
    s3.server.listen(0, '127.0.0.1')
    await once(s3.server, 'listening')
    s3.url = `http://127.0.0.1:${(s3.server.address() as AddressInfo).port}`
    return s3
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }

  get env() {
    return { S3_ENDPOINT: this.url, METADATA_ENDPOINT: this.url, S3_PAUSE: '0.01' }
  }

  get did(): string[] {
    return this.requests.map(({ does }) => does)
  }

  object = async (key: string): Promise<Buffer | undefined> => {
    const answer = await this.ofMoto('GET', `/${this.bucket}/${key}`)
    return answer.ok ? Buffer.from(await answer.arrayBuffer()) : undefined
  }
  objects = async (): Promise<string[]> => await this.named('Key', '?list-type=2')
  /** Multipart uploads that were begun and neither completed nor aborted. */
  uploads = async (): Promise<string[]> => await this.named('UploadId', '?uploads')

  private async named(name: string, query: string): Promise<string[]> {
    const text = await (await this.ofMoto('GET', `/${this.bucket}${query}`)).text()
    return [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, found = '']) => found)
  }

  private ofMoto(method: string, target: string, headers: Record<string, string> = {}, body?: Buffer) {
    const authorization = 'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request'
    return fetch(`${this.moto}${target}`, {
      method,
      headers: { authorization, ...headers },
      ...(body && body.length > 0 ? { body } : {}),
    })
  }

  private async answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: target = '' } = incoming
    if (target.startsWith('/latest/')) return metadata(method, target, incoming, response)
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const headers = incoming.headers as Record<string, string>
    const request = { method, target, headers, body: Buffer.concat(chunks), does: doing(method, target) }
    this.requests.push(request)
    const fault = this.fault(request) ?? (await this.refused(request))
    if (fault === 'cut') return void incoming.socket.destroy()
    if (typeof fault === 'object') return refuse(response, fault)
    const { host, connection, 'content-length': _, ...passed } = headers
    const answer = await this.ofMoto(method, target, passed, request.body)
    const body = Buffer.from(await answer.arrayBuffer())
    if (fault === 'lost') return void incoming.socket.destroy()
    response.writeHead(answer.status, { etag: answer.headers.get('etag') ?? '' }).end(body)
  }

  /** What AWS refuses and moto takes. */
  private async refused({ headers, body, does, target }: S3Request): Promise<S3Fault> {
    const [, scope = ''] = /Credential=[^/]+\/\d+\/([^/]+)\/s3\//.exec(headers.authorization ?? '') ?? []
    if (scope !== this.region)
      return {
        status: scope === 'eu-north-1' ? 400 : 301,
        code: scope === 'eu-north-1' ? 'AuthorizationHeaderMalformed' : 'PermanentRedirect',
        region: this.region,
      }
    if (headers['x-amz-expected-bucket-owner'] !== this.owner)
      return { status: 403, code: 'AccessDenied', message: 'Access Denied' }
    const digest = createHash('sha256').update(body)
    if (does.startsWith('part') && headers['x-amz-checksum-sha256'] !== digest.digest('base64'))
      return { status: 400, code: 'BadDigest' }
    const [path = ''] = target.slice(1).split('?')
    const key = decodeURIComponent(path.slice(this.bucket.length + 1))
    if (does === 'complete' && headers['if-none-match'] === '*' && (await this.objects()).includes(key))
      return { status: 412, code: 'PreconditionFailed' }
    return undefined
  }

  /** The requests whose signature botocore does not make of the same request and keys. */
  wronglySigned(python: string): string[] {
    const told = this.requests.map(({ method, target, headers, body }) => ({
      method,
      url: `${this.url}${target}`,
      headers,
      sha256: createHash('sha256').update(body).digest('hex'),
    }))
    const input = JSON.stringify({ keys, told })
    return JSON.parse(execFileSync(python, ['-c', verifier], { input, encoding: 'utf8' }))
  }
}

const verifier = `
import json, re, sys
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
asked = json.load(sys.stdin)
keys = asked["keys"]
wrong = []
for one in asked["told"]:
    headers = one["headers"]
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\\d+)/([^/]+)/s3/aws4_request, SignedHeaders=([^,]+), Signature=(\\w+)", headers["authorization"])
    signed = found.group(4).split(";")
    auth = S3SigV4Auth(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"]), "s3", found.group(3))
    request = AWSRequest(one["method"], one["url"], {name: headers[name] for name in signed})
    request.context["timestamp"] = headers["x-amz-date"]
    text = auth.string_to_sign(request, auth.canonical_request(request))
    needed = [name for name in headers if name == "host" or name.startswith("x-amz-")]
    ok = (auth.signature(text, request) == found.group(5) and set(needed) <= set(signed)
          and headers["x-amz-content-sha256"] == one["sha256"] and headers["x-amz-security-token"] == keys["Token"]
          and found.group(1) == keys["AccessKeyId"] and headers["x-amz-date"][:8] == found.group(2))
    if not ok:
        wrong.append(one["method"] + " " + one["url"])
print(json.dumps(wrong))
`

const doing = (method: string, target: string): string => {
  const query = new URLSearchParams(target.split('?')[1])
  if (method === 'PUT') return `part ${query.get('partNumber')}`
  if (method === 'DELETE') return 'abort'
  return query.has('uploads') ? 'begin' : 'complete'
}

function refuse(
  response: ServerResponse,
  { status, code, message = code, region }: Exclude<S3Fault, string | undefined>,
): void {
  const where = region ? `<Region>${region}</Region>` : ''
  // With 400 the region is in the body, with 301 in a header: both have been seen of S3.
  response.writeHead(status, region && status === 301 ? { 'x-amz-bucket-region': region } : {})
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message>${where}</Error>`,
  )
}

/** Version 2 of the instance metadata service: nothing without its token. */
function metadata(
  method: string,
  target: string,
  { headers }: IncomingMessage,
  response: ServerResponse,
): void {
  const path = target.slice('/latest/'.length)
  if (method === 'PUT' && path === 'api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds'])
    return void response.end('imds-token')
  if (headers['x-aws-ec2-metadata-token'] !== 'imds-token') return void response.writeHead(401).end()
  const role = 'meta-data/iam/security-credentials/'
  if (path === role) return void response.end('LibreChatInstanceRole')
  if (path === `${role}LibreChatInstanceRole`)
    return void response.end(JSON.stringify({ Code: 'Success', ...keys }))
  response.writeHead(404).end()
}
