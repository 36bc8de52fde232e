import { describe, expect, it } from 'vitest'
import { parseTarget, urlOf } from '../../src/tunnel/targets.js'

describe('a tunnel with --https', () => {
  it('leads LibreChat to the HTTPS port of the host', () => {
    const target = parseTarget('librechat', { https: true })
    expect(target).toEqual({ name: 'librechat', remotePort: 443, localPort: 8443, scheme: 'https' })
    expect(urlOf(target, undefined, 8443)).toBe('https://localhost:8443')
  })

  it('leaves Portainer and numbered ports as they are', () => {
    expect(parseTarget('portainer', { https: true })).toEqual(parseTarget('portainer'))
    expect(parseTarget('5000', { https: true })).toEqual(parseTarget('5000'))
  })

  it('is not the default, for its certificate is the lab’s own', () => {
    expect(parseTarget('librechat')).toMatchObject({ remotePort: 80, scheme: 'http' })
  })
})
