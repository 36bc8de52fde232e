import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SSMClient } from '@aws-sdk/client-ssm'
import type { Machine, Result, Running } from './machine.js'

interface Invocation {
  readonly comment: string
  readonly script: string
  readonly running: Running
  result?: Result
}

/** Systems Manager for one machine: what SendCommand carries over the wire runs in the guest, as the agent runs it. */
export class SystemsManager {
  readonly client: SSMClient
  /** Each command that was sent, in order. */
  readonly sent: Invocation[] = []
  private readonly machine: Machine
  private readonly server = createServer()

  private constructor(machine: Machine, port: number) {
    this.machine = machine
    this.client = new SSMClient({
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' },
    })
  }

  static async start(machine: Machine): Promise<SystemsManager> {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const manager = new SystemsManager(machine, (server.address() as AddressInfo).port)
    server.on('request', async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      const action = String(request.headers['x-amz-target']).split('.').at(-1) ?? ''
      const [status, answer] = await manager.answer(action, JSON.parse(text))
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer))
    })
    manager.server.on('close', () => server.close())
    return manager
  }

  close(): void {
    this.client.destroy()
    this.server.emit('close')
  }

  private async answer(action: string, input: Record<string, unknown>): Promise<[number, object]> {
    if (action === 'SendCommand') {
      const { commands } = input.Parameters as { commands: string[] }
      const script = commands.join('\n')
      // What Run Command would take for a parameter of its own.
      if (script.includes('{{')) return [400, { __type: 'InvalidParameters' }]
      const running = this.machine.start(script)
      const invocation: Invocation = { comment: String(input.Comment), script, running }
      this.sent.push(invocation)
      void running.result.then((result) => {
        invocation.result = result
      })
      return [200, { Command: { CommandId: String(this.sent.length - 1).padStart(36, '0') } }]
    }
    if (action === 'GetCommandInvocation') {
      const { result } = this.sent[Number(input.CommandId)] ?? {}
      if (result === undefined)
        return [200, { Status: 'InProgress', StatusDetails: 'InProgress', ResponseCode: -1 }]
      return [
        200,
        {
          Status: result.code === 0 ? 'Success' : 'Failed',
          ResponseCode: result.code,
          StandardOutputContent: result.stdout,
          StandardErrorContent: result.stderr,
        },
      ]
    }
    if (action === 'DescribeInstanceInformation') {
      const Values = (input.Filters as { Values: string[] }[])[0]?.Values ?? []
      return [
        200,
        { InstanceInformationList: Values.map((InstanceId) => ({ InstanceId, PingStatus: 'Online' })) },
      ]
    }
    return [400, { __type: 'UnknownOperationException' }]
  }
}
