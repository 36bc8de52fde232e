import { type ChildProcess, spawn } from 'node:child_process'

/** A running moto: an AWS API that this project did not write. */
export interface Moto {
  readonly url: string
  stop(): void
}

/**
 * moto works out anew at each request, or for each new account, what never changes: all of AWS's policies (4 MB; these
 * are the ones that the tests use), the folder of its own modules, a class's methods and errors, an RSA key, a
 * thousand images for ECS. It also writes a line for each request. Half of its time goes there, so it is told to do these once, or not at all.
 */
const server = `
import functools, json
from moto.iam import models
from moto import server
from moto.core import errors, responses
from moto.ec2.models import amis
from moto.kms import models as keys
from moto.moto_server import werkzeug_app
from werkzeug.serving import WSGIRequestHandler
wanted = ["AdministratorAccess", "AmazonSSMManagedInstanceCore", "PowerUserAccess", "ReadOnlyAccess"]
policies = json.loads(models.aws_managed_policies_data)
models.aws_managed_policies_data = json.dumps({name: policies[name] for name in wanted})
def once(owner, name):
    setattr(owner, name, functools.cache(getattr(owner, name)))
once(werkzeug_app.DomainDispatcherApplication, "get_backend_for_host")
once(responses, "method_names_from_class")
once(keys, "generate_private_key")
errors.ErrorLookupFactory._create_error_lut = staticmethod(functools.cache(errors.ErrorLookupFactory._create_error_lut))
images = functools.cache(amis.load_resource)
amis.load_resource = lambda module, path: [] if "/ecs/" in path else images(module, path)
WSGIRequestHandler.log_request = lambda *_: None
server.main()
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
