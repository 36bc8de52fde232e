import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { entry } from '../cli/program.js'
import type { Remote } from './remote.js'

/** An environment in which all of AWS is the remote side. */
export const environment = (remote: Remote): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  TERM: 'xterm-256color',
  LANG: 'C.UTF-8',
  CI: '1',
  AWS_ENDPOINT_URL: remote.url,
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  AWS_EC2_METADATA_DISABLED: 'true',
})

export interface Running {
  child: ChildProcessWithoutNullStreams
  out: () => string
  err: () => string
  /** Resolves with the exit code. */
  ended: Promise<number | null>
}

export function runProgram(remote: Remote, args: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [entry, ...args], { env: { ...environment(remote), ...env } })
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    said.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    said.err += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, out: () => said.out, err: () => said.err, ended }
}
