import { describe, expect, it } from 'vitest'
import { renderHint } from '../../src/cli/render-hint.js'
import type { HostHealth } from '../../src/host/host-health.js'
import { certificateFacts, certificateWarnings } from '../../src/ui/certificate-view.js'

const reason = '203.0.113.10: Timeout during connect (likely firewall problem)'
const found = { code: 'certificate', text: `It was not renewed: ${reason}.`, fix: ['Open port 80.'] }

/** A host whose trusted certificate can't be renewed, or was never issued. */
const failing = (served: boolean, warnings: HostHealth['warnings'] = []) =>
  ({
    healthy: true,
    certificate: { notAfter: '2026-11-28T09:30:00Z', issuer: "O = Let's Encrypt, CN = E8", sha256: '' },
    ownCertificate: null,
    trustedCertificate: {
      served,
      last: { at: '2026-11-26T08:00:00Z', result: 'failed', detail: `${reason}.` },
    },
    problems: [],
    warnings,
  }) as unknown as HostHealth

const warnings = (health: HostHealth) =>
  certificateWarnings(
    health,
    renderHint({}, () => ({})),
  ).join('\n')

describe('a trusted certificate that can’t be renewed', () => {
  it('is said with the authority’s reason while the present one is still valid', () => {
    expect(certificateFacts(failing(true))).toContain(
      `trusted certificate last failed on 2026-11-26 08:00 UTC: ${reason}`,
    )
    expect(warnings(failing(true))).toContain(
      `The trusted certificate could not be renewed: ${reason}. The host goes on trying. The present one is valid until 2026-11-28 09:30 UTC.`,
    )
    expect(warnings(failing(false))).toContain(
      `trusted certificate failed: ${reason}. The host goes on trying.`,
    )
  })

  it('is said once where the host says it, with what to do', () => {
    const health = failing(true, [found])
    expect(certificateFacts(health)).toContain('trusted certificate last failed on 2026-11-26 08:00 UTC')
    expect(warnings(health)).toContain(`${found.text} Open port 80.`)
    expect(warnings(health).split(reason)).toHaveLength(2)
  })

  it('is left to the section of the host where that is shown', () => {
    expect(warnings({ ...failing(true, [found]), healthy: false })).toBe('')
  })
})
