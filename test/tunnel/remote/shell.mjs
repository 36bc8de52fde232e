// A shell, or one command, on a real pseudo-terminal, by way of Python's pty module.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const terminal = fileURLToPath(new URL('terminal.py', import.meta.url))

export function openShell(link) {
  const { command, path } = link.options
  const env = { HOME: '/tmp', TERM: 'xterm-256color', LANG: 'C.UTF-8' }
  const program = command
    ? ['sh', '-c', command]
    : ['env', 'PS1=remote$ ', 'bash', '--norc', '--noprofile', '-i']
  const child = spawn('python3', [terminal, ...program], {
    env: { ...env, PATH: path ? `${path}:${process.env.PATH}` : process.env.PATH },
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
  })
  child.stdin.on('error', () => {})
  child.stdio[3].on('error', () => {})
  child.stdout.on('data', (chunk) => {
    for (let at = 0; at < chunk.length; at += 1024) link.say(1, chunk.subarray(at, at + 1024))
    if (link.full()) child.stdout.pause()
  })
  link.onDrain = () => child.stdout.resume()
  child.on('close', () => link.close(''))
  return {
    take(payloadType, payload) {
      if (payloadType === 1) child.stdin.write(payload)
      if (payloadType === 3) {
        const { cols, rows } = JSON.parse(payload)
        child.stdio[3].write(`${cols} ${rows}\n`)
      }
    },
    stop: () => child.kill('SIGKILL'),
  }
}
