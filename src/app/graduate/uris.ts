import { LabError } from '../../core/error.js'

/** A database connection. `uri` can contain a password, so it is never in an event, an error or a README. */
export interface Database {
  uri: string
  /** The same without secrets: "mongodb+srv://<user>:<password>@cluster.example.net/LibreChat". */
  shown: string
  name: string
  ports: readonly number[]
  /** Amazon DocumentDB: its certificates are signed by AWS's own authority. */
  isDocumentDb: boolean
}

export interface Redis {
  uri: string
  shown: string
  ports: readonly number[]
}

/** The path of DocumentDB's certificate authority in the pods. */
export const authority = { folder: '/etc/librechat/authority', file: 'ca.pem' } as const

const longest = 2048
const name = '[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?'
const oneHost = new RegExp(`^(${name}|\\[[0-9a-fA-F:.]{2,45}\\])(?::(\\d{1,5}))?$`)
/** `mongodb://user:password@host:port,host:port/database?option=value` */
const parts = /^(mongodb(?:\+srv)?):\/\/(?:([^@/?#\s]*)@)?([^@/?#\s]+)(?:\/([^?#\s]*))?(?:\?([^#\s]*))?$/

/** Options without secrets, which are shown. */
const harmless =
  /^(authSource|authMechanism|replicaSet|tls|ssl|tlsCAFile|retryWrites|retryReads|readPreference|w|journal|directConnection|loadBalanced|maxPoolSize|minPoolSize|connectTimeoutMS|socketTimeoutMS|serverSelectionTimeoutMS|appName|compressors)$/

/** LabError `bad-mongodb`, which repeats only host names of the URI. */
export function parseMongodb(text: string): Database {
  const [whole, scheme = '', user, hosts = '', path = '', query = ''] = parts.exec(text) ?? []
  if (whole === undefined || text.length > longest)
    throw bad(
      'It has the form mongodb+srv://user:password@host/LibreChat; "@", "/" and ":" in a password are percent-encoded.',
    )
  const found = hostsOf(hosts)
  const isSrv = scheme.endsWith('+srv')
  if (isSrv && (found.length !== 1 || /:\d+$/.test(hosts)))
    throw bad('mongodb+srv:// has one host name and no port.')
  const database = decoded(path || 'LibreChat')
  if (user !== undefined) decoded(user)
  // Names that MongoDB accepts everywhere: https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions
  if (!/^[A-Za-z0-9_-]{1,38}$/.test(database))
    throw bad('The name of a database has 1 to 38 letters, digits, dashes and underscores.')
  const isDocumentDb = found.every(({ host }) => /\.docdb\.amazonaws\.com(\.cn)?$/.test(host))
  const options = optionsOf(query, isDocumentDb)
  const end = (shown: typeof options) =>
    `/${database}${shown.length > 0 ? `?${shown.map((pair) => pair.join('=')).join('&')}` : ''}`
  const secretOptions = options.map(([key, value]): [string, string] =>
    harmless.test(key) ? [key, value] : [key, '<value>'],
  )
  return {
    uri: `${scheme}://${user === undefined ? '' : `${user}@`}${hosts}${end(options)}`,
    shown: `${scheme}://${user === undefined ? '' : '<user>:<password>@'}${hosts}${end(secretOptions)}`,
    name: database,
    ports: [...new Set(found.map(({ port }) => port ?? 27017))].sort((a, b) => a - b),
    isDocumentDb,
  }
}

/** LabError `bad-redis`. */
export function parseRedis(text: string): Redis {
  const found = /^(rediss?):\/\/(?:([^@/?#\s]*)@)?([^@/?#\s,]+)(?:\/(\d{1,3})?)?$/.exec(text)
  const [, scheme, user, host = '', index] = found ?? []
  const at = oneHost.exec(host)
  if (!found || !at || text.length > longest)
    throw new LabError({
      code: 'bad-redis',
      what: 'This is not a URI of Redis.',
      why: 'It has the form rediss://user:password@host:6379; "@", "/" and ":" in a password are percent-encoded.',
    })
  if (isLoopback(at[1] ?? '')) throw loopback('redis', at[1] ?? '')
  const port = Number(at[2] ?? 6379)
  if (port < 1 || port > 65_535) throw new LabError({ code: 'bad-redis', what: `${port} is not a port.` })
  const end = index === undefined ? '' : `/${index}`
  return {
    uri: text,
    shown: `${scheme}://${user === undefined ? '' : '<user>:<password>@'}${host}${end}`,
    ports: [port],
  }
}

function hostsOf(text: string): { host: string; port: number | undefined }[] {
  return text.split(',').map((one) => {
    const [, host = '', digits] = oneHost.exec(one) ?? []
    const port = digits === undefined ? undefined : Number(digits)
    if (host === '' || (port !== undefined && (port < 1 || port > 65_535)))
      throw bad('One of its hosts is not a host name with a port from 1 to 65535.')
    if (isLoopback(host)) throw loopback('mongodb', host)
    return { host: host.toLowerCase(), port }
  })
}

/** Each option once, in order, plus those that DocumentDB needs. */
function optionsOf(query: string, isDocumentDb: boolean): [string, string][] {
  const options = query.split('&').flatMap((pair): [string, string][] => {
    if (pair === '') return []
    const at = pair.indexOf('=')
    const key = pair.slice(0, at)
    if (at < 1 || !/^[A-Za-z]{1,50}$/.test(key))
      throw bad('One of its options is not of the form name=value.')
    decoded(pair.slice(at + 1))
    return [[key, pair.slice(at + 1)]]
  })
  const has = (name: string) => options.some(([key]) => key.toLowerCase() === name.toLowerCase())
  if (['tlsCAFile', 'tlsCertificateKeyFile', 'tlsCRLFile'].some(has))
    throw bad('It names a file on a computer, which the pods do not have. Leave that option out.')
  if (!isDocumentDb) return options
  // https://docs.aws.amazon.com/documentdb/latest/developerguide/connect_programmatically.html
  const needed: [string, string][] = [
    ['tls', 'true'],
    ['tlsCAFile', `${authority.folder}/${authority.file}`],
    ['retryWrites', 'false'],
  ]
  return [...options, ...needed.filter(([key]) => !has(key) && !(key === 'tls' && has('ssl')))]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) throw bad('A "%" in it is not followed by two hexadecimal digits.')
    throw error
  }
}

const isLoopback = (host: string): boolean =>
  /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|\[(::1|::)\])$/i.test(host)

const bad = (why: string) => new LabError({ code: 'bad-mongodb', what: 'This is not a URI of MongoDB.', why })

const loopback = (flag: 'mongodb' | 'redis', host: string) =>
  new LabError({
    code: `bad-${flag}`,
    what: `${host} is the pod itself.`,
    why: 'LibreChat runs in a pod of its own and can’t reach your computer by this name.',
    fix: [`Give the name by which the cluster reaches it: --${flag} <uri>`],
  })
