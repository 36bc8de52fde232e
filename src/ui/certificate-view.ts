import type { HostHealth } from '../app/host-work.js'
import type { Settings } from '../app/open-lab.js'
import { findingText } from './finding-text.js'
import { clean } from './style.js'
import type { Ui } from './ui.js'

/**
 * The certificate that port 443 serves: issuer and expiry; and the fingerprints to compare with the browser's warnings,
 * of the lab's own certificate and of Portainer's.
 */
export function certificateFacts(health: HostHealth): string[] {
  const { certificate, ownCertificate, portainerCertificate, trustedCertificate } = health
  if (!certificate) return []
  const isOwn = certificate.sha256 !== '' && certificate.sha256 === ownCertificate?.sha256
  const end = trustedCertificate?.served ? minute(certificate.notAfter) : certificate.notAfter.slice(0, 10)
  const whose = isOwn ? 'the lab’s own' : `issued by ${issuerText(certificate.issuer)}`
  const last = trustedCertificate?.last
  const reason = unsaidReason(health)
  return [
    `certificate ${whose}, valid until ${end}`,
    ...(last
      ? [
          `trusted certificate ${last.result === 'issued' ? 'last issued' : 'last failed'} on ${minute(last.at)}${reason === undefined ? '' : `: ${reason}`}`,
        ]
      : []),
    ...headed('SHA-256 fingerprint of the lab’s own certificate:', fingerprintLines(ownCertificate?.sha256)),
    ...headed(
      'SHA-256 fingerprint of Portainer’s certificate:',
      fingerprintLines(portainerCertificate?.sha256),
    ),
  ]
}

/** "2026-11-26 08:00 UTC" */
const minute = (time: string): string => time.replace(/T(\d\d:\d\d).*/, ' $1 UTC')

/** Why the last attempt to get a trusted certificate failed, unless a finding of the host says it already. */
function unsaidReason({ trustedCertificate, problems, warnings }: HostHealth): string | undefined {
  const { result, detail = '' } = trustedCertificate?.last ?? {}
  const reason = detail.replace(/\.$/, '')
  if (result === 'issued' || reason === '') return undefined
  return [...problems, ...warnings].some(({ text }) => text.includes(reason)) ? undefined : reason
}

/** "C = US, O = Let's Encrypt, CN = E8" is "Let's Encrypt". */
const issuerText = (issuer: string): string =>
  /\bO ?= ?"?([^",]+)/.exec(issuer)?.[1] ?? /\bCN ?= ?"?([^",]+)/.exec(issuer)?.[1] ?? issuer

const headed = (head: string, lines: readonly string[]) =>
  lines.length > 0 ? [head, ...lines.map((line) => `  ${line}`)] : []

/** A fingerprint in two halves, each of which fits on a line. */
const fingerprintLines = (sha256 = ''): string[] =>
  sha256.length === 95 ? [sha256.slice(0, 47), sha256.slice(48)] : []

/** Which certificates the browser warns of, and the fingerprints with which to check them. */
export function certificateLines(
  { domain, trustedCertificate }: Pick<Settings, 'domain' | 'trustedCertificate'>,
  health: HostHealth | undefined,
): string[] {
  const portainers = checkable(
    'Portainer’s certificate is its own, so the browser warns of it.',
    health?.portainerCertificate?.sha256,
  )
  if (domain) return portainers
  if (health?.trustedCertificate?.served)
    return ['  LibreChat’s certificate is publicly trusted; browsers do not warn of it.', ...portainers]
  const own = trustedCertificate
    ? 'LibreChat has no valid trusted certificate at the moment. Until it has one, the browser warns of the lab’s own.'
    : 'LibreChat’s certificate is the lab’s own, so the browser warns of it.'
  return [...checkable(own, health?.ownCertificate?.sha256), ...portainers]
}

/** A certificate that browsers warn of, with its fingerprint. */
function checkable(text: string, sha256?: string): string[] {
  const halves = fingerprintLines(sha256)
  if (halves.length === 0) return [`  ${text}`]
  return [
    `  ${text}`,
    '  Accept it only where the browser shows this SHA-256 fingerprint:',
    ...halves.map((half) => `    ${half}`),
  ]
}

/** Why there is no trusted certificate, or why it is not renewed. An unhealthy host has all its findings in a section. */
export function certificateWarnings(health: HostHealth | undefined, { hint }: Pick<Ui, 'hint'>): string[] {
  if (!health?.healthy) return []
  const found = health.warnings.filter(({ code }) => ['certificate', 'own-certificate'].includes(code))
  const reason = unsaidReason(health)
  const { certificate, trustedCertificate } = health
  const until = `The present one is valid until ${minute(certificate?.notAfter ?? '')}.`
  const failed = trustedCertificate?.served
    ? `The trusted certificate could not be renewed: ${reason}. The host goes on trying. ${until}`
    : `The last attempt to get a trusted certificate failed: ${reason}. The host goes on trying.`
  return [
    ...found.map((one) => findingText(one, { hint })),
    ...(reason === undefined ? [] : [clean(failed)]),
  ].map((text) => `${text}\n  To see whether it has one: ${hint({ command: { path: 'status' } })}`)
}
