import { gzipSync } from 'node:zlib'
import { type Files, templates } from './archive.js'
import { script } from './payload.js'

/** The files for the first stages; Run Command sends the rest. */
const needed = [
  /^run\.sh$/,
  /^pins\.env$/,
  /^daemon\.json$/,
  /^stages\/(common|system|docker|fetch|images)\.sh$/,
  /^host\/(merge_daemon_json|firewall)\.py$/,
  /^bin\/(firewall|update-system)$/,
  /^units\/((sysctl|docker-firewall)\.conf|librechat-lab-(metadata|system)\.\w+)$/,
]

/** EC2's limit, before base64: docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html. */
const limit = 16 * 1024

/**
 * The instance's user data: a script that runs the first three stages at the first boot, so that Docker is there and
 * the images are under way before the command line reaches the host. It is the same code under one lock: the stages
 * that come later wait for it and pass on what it said. Nothing secret is in it. Compressed, as cloud-init takes it
 * (`convert_string` in its cloudinit/user_data.py): base64 alone would not leave enough room below the limit.
 */
export function firstBootUserData(directory?: string): Buffer {
  const files: Files = new Map(
    [...templates(directory)].filter(([path]) => needed.some((pattern) => pattern.test(path))),
  )
  const data = gzipSync(
    `#!/bin/sh\n${script(files, 'FIRST_BOOT=yes bash "$CODE/run.sh" system docker images')}`,
    {
      level: 9,
    },
  )
  if (data.length > limit) throw new Error(`The user data has ${data.length} bytes, and EC2 takes ${limit}.`)
  return data
}
