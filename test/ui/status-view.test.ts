import { describe, expect, it } from 'vitest'
import { allowedFrom } from '../../src/ui/status-view.js'

const rule = (port: number, source: string, more = {}) => ({
  protocol: 'tcp',
  fromPort: port,
  toPort: port,
  source,
  ...more,
})

describe('"Allowed from" in status', () => {
  it('names the sources of the rules that are there, with the ports that they reach', () => {
    const mine = [80, 443, 9443].map((port) => rule(port, '81.2.69.160/32'))
    expect(allowedFrom(mine)).toBe('81.2.69.160 (80, 443, 9443)')
    expect(allowedFrom([...mine, rule(22, '0.0.0.0/0')])).toBe('81.2.69.160 (80, 443, 9443); everywhere (22)')
  })

  it('shows IPv6, other protocols, ranges of ports and groups as they are', () => {
    const rules = [
      rule(53, '::/0', { protocol: 'udp' }),
      rule(8000, 'sg-0123', { toPort: 8010 }),
      rule(-1, '10.0.0.0/8', { protocol: '-1' }),
    ]
    expect(allowedFrom(rules)).toBe(
      'everywhere over IPv6 (53/udp); sg-0123 (8000-8010); 10.0.0.0/8 (every port)',
    )
  })

  it('says so where there is no rule', () => {
    expect(allowedFrom([rule(80, '81.2.69.160/32'), rule(80, '0.0.0.0/0')])).toBe('everywhere (80)')
    expect(allowedFrom([])).toMatch(/nowhere/)
  })
})
