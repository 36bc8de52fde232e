// Loaded before the program (node --import): there is no network but this machine's own. Whoever tries another is
// refused, and written down in the file that CUT_OFF_LOG names, for a refusal may be swallowed.
import dgram from 'node:dgram'
import dns from 'node:dns'
import { appendFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

const isHere = (host) => !host || host === 'localhost' || host === '::1' || /^127\./.test(host)

function refuse(what) {
  appendFileSync(process.env.CUT_OFF_LOG, `${what}\n`)
  return Object.assign(new Error(`cut off: ${what}`), { code: 'ENETUNREACH' })
}

const { connect } = net.Socket.prototype
net.Socket.prototype.connect = function (...args) {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0]
  const host = typeof first === 'object' ? first.host : typeof args[1] === 'string' ? args[1] : undefined
  if (isHere(host) || first?.path) return connect.apply(this, args)
  process.nextTick(() => this.destroy(refuse(`connect ${host}`)))
  return this
}

const send = dgram.Socket.prototype.send
dgram.Socket.prototype.send = function (...args) {
  const host = args.find((arg) => typeof arg === 'string' && /[.:]/.test(arg))
  if (isHere(host)) return send.apply(this, args)
  throw refuse(`send ${host}`)
}

const { lookup } = dns
dns.lookup = (host, options, done = options) =>
  isHere(host) ? lookup(host, options, done) : process.nextTick(done, refuse(`lookup ${host}`))
dns.promises.lookup = async (host) => {
  throw refuse(`lookup ${host}`)
}
syncBuiltinESMExports()
