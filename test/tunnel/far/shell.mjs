// A shell on a real pseudo-terminal, by way of Python's pty module, and a command without one.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const terminal = fileURLToPath(new URL('terminal.py', import.meta.url))

export function openShell(link) {
  const env = { PATH: process.env.PATH, HOME: '/tmp', TERM: 'xterm-256color', PS1: 'far$ ', LANG: 'C.UTF-8' }
  const child = spawn('python3', [terminal, 'sh', '-i'], { env, stdio: ['pipe', 'pipe', 'inherit', 'pipe'] })
  child.stdout.on('data', (chunk) => {
    for (let at = 0; at < chunk.length; at += 1024) link.say(1, chunk.subarray(at, at + 1024))
  })
  child.on('exit', () => link.close(''))
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

export function openCommand(link) {
  const child = spawn('sh', ['-c', link.options.command], { stdio: ['ignore', 'pipe', 'pipe'] })
  const say = (type) => (chunk) => {
    for (let at = 0; at < chunk.length; at += 1024) link.say(type, chunk.subarray(at, at + 1024))
  }
  child.stdout.on('data', say(1))
  child.stderr.on('data', say(11))
  child.on('close', (code) => {
    link.say(12, Buffer.from(String(code ?? 1)))
    link.close('')
  })
  return { take() {}, stop: () => child.kill('SIGKILL') }
}
