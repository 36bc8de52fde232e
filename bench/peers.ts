import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account } from '../test/support/account.js'
import { environment, lab, root } from './account.js'
import { run } from './measure.js'

/** One tool doing a lab's nine resources: made, looked at again without a change, removed. */
export interface Peer {
  readonly name: string
  make(account: Account): Promise<number>
  again(account: Account): Promise<number>
  remove(account: Account): Promise<number>
}

/** This program, which also asks Bedrock and sets the host up; with the real waits. */
export const ours: Peer = {
  name: 'librechat-lab',
  make: async (account) => (await lab(account, ['up', '--yes'])).ms,
  again: async (account) => (await lab(account, ['up', '--yes'])).ms,
  remove: async (account) => {
    const { stdout } = await lab(account, ['status', '--json'], {}, [0, 2])
    const address = JSON.parse(stdout).address
    const ip = typeof address === 'string' ? address : address.publicIp
    account.forget()
    return (await lab(account, ['destroy', '--confirm', 'default', '--release-address', ip])).ms
  },
}

const script = join(root, 'bench/aws-cli.sh')
const bash = async (account: Account, verb: string) =>
  (await run('bash', [script, verb], { env: environment(account) })).ms

/** A script that a careful person would write: one call after the other, with the CLI's own waits. */
export const awsCli: Peer = {
  name: 'AWS CLI script',
  make: (account) => bash(account, 'make'),
  again: (account) => bash(account, 'look'),
  remove: (account) => bash(account, 'remove'),
}

export function has(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 60_000 })
    return true
  } catch {
    return false
  }
}

/** Terraform's AWS provider with bench/terraform/main.tf; undefined where it can't be installed. */
export function terraform(): (Peer & { close(): void }) | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-terraform-'))
  cpSync(join(root, 'bench/terraform'), folder, { recursive: true })
  const close = () => rmSync(folder, { recursive: true, force: true })
  if (!has('terraform', [`-chdir=${folder}`, 'init', '-input=false', '-no-color'])) {
    close()
    return undefined
  }
  const go = async (account: Account, ...args: string[]) =>
    (
      await run('terraform', [`-chdir=${folder}`, ...args], {
        env: environment(account, {
          TF_VAR_endpoint: account.endpoint,
          TF_DATA_DIR: join(folder, '.terraform'),
        }),
      })
    ).ms
  return {
    name: 'Terraform',
    make: (account) => go(account, 'apply', '-auto-approve', '-input=false', '-no-color'),
    again: (account) => go(account, 'plan', '-input=false', '-no-color'),
    remove: (account) => go(account, 'destroy', '-auto-approve', '-input=false', '-no-color'),
    close,
  }
}
