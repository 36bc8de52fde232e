import { type ChildProcess, spawn } from 'node:child_process'

/** A running moto: an AWS API that this project did not write. */
export interface Moto {
  readonly url: string
  stop(): void
}

/** moto reads all of AWS's policies, 4 MB, for each new account; these are the ones that the tests use. */
const server = `
import json
from moto.iam import models
from moto.server import main
wanted = ["AdministratorAccess", "AmazonSSMManagedInstanceCore", "PowerUserAccess", "ReadOnlyAccess"]
policies = json.loads(models.aws_managed_policies_data)
models.aws_managed_policies_data = json.dumps({name: policies[name] for name in wanted})
main()
`

/** Starts moto on a free loopback port and waits until it says which. */
export async function startMoto(python: string): Promise<Moto> {
  const child = spawn(python, ['-c', server, '-H', '127.0.0.1', '-p', '0'], {
    env: { ...process.env, MOTO_IAM_LOAD_MANAGED_POLICIES: 'true', PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const url = await announced(child)
  return { url, stop: () => child.kill('SIGKILL') }
}

function announced(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`moto ended before it was ready:\n${heard}`)))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (heard.length > 4000) return // its access log, read only so that the pipe never fills
      heard += text
      const url = /Running on (http:\S+)/.exec(heard)?.[1]
      if (url) resolve(url)
    })
  })
}
