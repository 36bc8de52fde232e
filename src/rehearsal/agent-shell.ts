import { payloadType } from '../tunnel/message.js'
import type { AgentChannel, Purpose } from './agent-channel.js'

const prompt = 'sh-5.2$ '
const notice = 'This shell is a rehearsal: there is no machine behind it. exit leaves it.\r\n'

const played: Record<string, string> = {
  whoami: 'ssm-user',
  hostname: 'ip-172-31-20-10.rehearsal.internal',
  uptime: 'up since a moment ago, load average: 0.00, 0.00, 0.00',
  'sudo docker ps': ['librechat', 'mongodb', 'meilisearch', 'proxy', 'portainer']
    .map((name) => `librechat-lab-${name}-1   Up (healthy)`)
    .join('\r\n'),
  help: 'whoami, hostname, uptime, sudo docker ps, exit',
}

/** Simulates a shell with echo, line editing and a few commands, which ends with `exit` or Ctrl-D. */
export function shellPurpose(): Purpose {
  let channel: AgentChannel | undefined
  let line = ''
  const write = (text: string) => channel?.send(payloadType.output, Buffer.from(text))

  const run = (text: string) => {
    if (text === 'exit' || text === 'logout') return channel?.close('')
    write(
      text === '' ? '' : `${played[text] ?? `sh: ${text.slice(0, 60)}: not played in this rehearsal`}\r\n`,
    )
    write(prompt)
  }

  const key = (character: string) => {
    if (character === '\r' || character === '\n') {
      const entered = line.trim()
      line = ''
      write('\r\n')
      run(entered)
    } else if (character === '\x04') {
      if (line === '') run('exit')
    } else if (character === '\x03') {
      line = ''
      write(`^C\r\n${prompt}`)
    } else if (character === '\x7f') {
      if (line !== '') write('\b \b')
      line = line.slice(0, -1)
    } else if (character >= ' ') {
      line += character
      write(character)
    }
  }

  return {
    type: { SessionType: 'Standard_Stream', Properties: {} },
    begin(opened) {
      channel = opened
      write(notice + prompt)
    },
    take(type, payload) {
      if (type === payloadType.output) for (const character of payload.toString()) key(character)
    },
    end() {},
  }
}

/** Simulates one command's output: the logs of a service, with further lines if they are followed. */
export function commandPurpose(commandLine: string): Purpose {
  let timer: NodeJS.Timeout | undefined
  let opened: AgentChannel | undefined
  return {
    type: { SessionType: 'InteractiveCommands', Properties: {} },
    begin(channel) {
      opened = channel
      const service = /(\S+)$/.exec(commandLine)?.[1] ?? 'host'
      let count = 0
      const line = () => {
        const text = `${service}-1  | ${new Date().toISOString()} a line of this rehearsal, number ${++count}\r\n`
        channel.send(payloadType.output, Buffer.from(text))
      }
      const lines = Number(/ --tail (\d+)/.exec(commandLine)?.[1] ?? 5)
      for (let i = 0; i < Math.min(lines, 5); i++) line()
      if (/ --follow\b/.test(commandLine)) timer = setInterval(line, 1000).unref()
      else channel.close('')
    },
    take(type, payload) {
      if (type === payloadType.output && payload.includes(3)) opened?.close('')
    },
    end: () => clearInterval(timer),
  }
}
