import { isIPv4 } from 'node:net'
import * as z from 'zod'
import { LabError } from '../core/error.js'
import { digest, type Files, templates } from './archive.js'

/** The values that differ between hosts; everything else is a static template. */
export interface HostSettings {
  /** The Elastic IP. */
  readonly address: string
  /** A domain that points to it; its certificate is publicly trusted. */
  readonly domain?: string | undefined
  /** Whether the address gets a publicly trusted certificate. */
  readonly trustedCertificate?: true | undefined
  /** The contact for the certificate's issuer; hostmaster@<domain> by default. */
  readonly acmeEmail?: string | undefined
  /** Bedrock's region. */
  readonly region: string
  /** Minutes without use after which the host shuts itself down; undefined: never. */
  readonly idleStop?: number | undefined
  /** The text of librechat.yaml. */
  readonly librechatYaml: string
  /** US dollars: what each user may spend on models in a calendar month, and all of them together. */
  readonly allowance?: number | undefined
  readonly limit?: number | undefined
}

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const domain = z
  .string()
  .max(253)
  .regex(new RegExp(`^(?:${label}\\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`), 'not a domain name in lower case')

/** Strict, because a shell, Compose and Caddy read the file with these values. */
const schema = z.object({
  address: z.string().refine(isIPv4, 'not an IPv4 address'),
  domain: domain.optional(),
  trustedCertificate: z.literal(true).optional(),
  acmeEmail: z
    .string()
    .max(254)
    .regex(/^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$/, 'not a plain e-mail address')
    .optional(),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, 'not a region'),
  idleStop: z.int().positive().optional(),
  librechatYaml: z.string(),
  allowance: z.number().positive().optional(),
  limit: z.number().positive().optional(),
})

function checked(settings: HostSettings): z.infer<typeof schema> {
  const result = schema.safeParse(settings)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new LabError({
    code: 'setting-refused',
    what: `The setting ${issue?.path.join('.')} is not valid.`,
    why: `It is ${issue?.message}: ${JSON.stringify(settings[issue?.path[0] as keyof HostSettings] ?? '').slice(0, 100)}`,
    fix: ['Use another value.'],
  })
}

/** The settings as the files that the stack stage expects, without the release's name. */
function filesOf(settings: HostSettings): Files {
  const {
    address,
    domain,
    trustedCertificate,
    acmeEmail,
    region,
    idleStop,
    librechatYaml,
    allowance,
    limit,
  } = checked(settings)
  const env = {
    LAB_ADDRESS: address,
    LAB_SITE: domain ?? address,
    LAB_CERTIFICATE: domain ? 'domain' : trustedCertificate ? 'trusted' : 'address',
    // An address that every domain should have (RFC 2142). Caddy's second issuer needs one.
    LAB_ACME_EMAIL: domain === undefined ? '' : (acmeEmail ?? `hostmaster@${domain}`),
    // Browsers accept it only for names (RFC 6797, 8.1.1), and apply it to all ports.
    LAB_HSTS: String(domain !== undefined),
    // The socket in the proxy's container with which bin/certificate loads a renewed certificate.
    ...(trustedCertificate && !domain ? { LAB_PROXY_ADMIN: 'unix//run/caddy-admin.sock' } : {}),
    LAB_REGION: region,
    ...(allowance === undefined ? {} : { LAB_ALLOWANCE: String(allowance) }),
    ...(limit === undefined ? {} : { LAB_LIMIT: String(limit) }),
    ...(idleStop === undefined ? {} : { LAB_IDLE_STOP: String(idleStop) }),
  }
  const lines = Object.entries(env).map(([key, value]) => `${key}=${value}\n`)
  return new Map([
    ['settings.env', lines.join('')],
    ['librechat.yaml', librechatYaml],
  ])
}

/**
 * Identifies what this version installs on a host with these settings: 16 hex characters. `status` compares it with
 * the health's `release`.
 */
export function release(settings: HostSettings, directory?: string): string {
  return digest(new Map([...templates(directory), ...filesOf(settings)]))
}

/** The input of the stack stage. */
export function stackInput(
  settings: HostSettings,
  directory?: string,
): Record<string, string> & { release: string } {
  return { ...Object.fromEntries(filesOf(settings)), release: release(settings, directory) }
}
