import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Authority, freePort } from '../support/authority.js'
import { Suite } from './suite.js'

const suite = new Suite('loopback')
const { sh, putStack, healthy } = suite

/** An address of this computer, at which Pebble asks for the challenge. */
const address = '127.0.0.2'
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-authority-'))
let authority: Authority

beforeAll(async () => {
  authority = await Authority.start({
    work,
    validity: 6 * 86_400,
    address,
    validationPort: await freePort(address),
    http: suite.lab.machine.ports.http,
    host: '10.0.2.2',
    proxy: '127.0.0.1',
  })
})
afterAll(async () => {
  await authority?.stop()
  rmSync(work, { recursive: true, force: true })
})

/** Whose certificate a visitor of the bare address is shown. */
const issuer = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const { https } = suite.lab.machine.ports
    const socket = connect({ host: '127.0.0.1', port: https, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.issuer ?? '')
      socket.destroy()
    }).on('error', reject)
  })

/** What port 80 answers on the network address. */
const answer = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: suite.lab.machine.ports.http, path, agent: false }, async (response) => {
      const body = Buffer.concat(await response.toArray()).toString()
      resolve(`${response.statusCode} ${response.headers.location ?? ''} ${body}`.trim())
    }).on('error', reject)
  })

it('gets a trusted certificate for its address, and serves the redirect and the challenge alone on port 80', async () => {
  const template = join(suite.lab.templates, 'caddy/trusted.caddy')
  const pebble = `issuer acme {\n\t\t\tdir ${authority.directory}\n\t\t\ttrusted_roots /etc/caddy/authority.pem`
  writeFileSync(template, readFileSync(template, 'utf8').replace('issuer acme {', pebble))
  const root = readFileSync(authority.rootFile).toString('base64')
  await sh(`echo ${root} | base64 -d >/opt/librechat-lab/caddy/authority.pem`)
  await putStack({ ...suite.lab.settings, address, trustedCertificate: true })

  const { certificate, ownCertificate, trustedCertificate, warnings } = await healthy()
  expect(trustedCertificate).toMatchObject({ served: true, last: { result: 'issued' } })
  expect(certificate?.issuer).toMatch(/Pebble/)
  expect(ownCertificate?.sha256).not.toBe(certificate?.sha256)
  expect(warnings.filter(({ code }) => /certificate/.test(code))).toEqual([])
  expect(await issuer()).toMatch(/Pebble/)

  expect(await answer('/')).toBe(`301 https://${address}/`)
  expect(await answer('/api/config')).toBe(`301 https://${address}/api/config`)
  expect(await answer('/.well-known/acme-challenge/unknown')).toMatch(/^301 https:\/\/127\.0\.0\.2\//)
})
