import { type Files, templates } from './archive.js'
import { script } from './payload.js'

/** What the first stages need; the rest comes over Run Command. */
const needed = [
  /^run\.sh$/,
  /^pins\.env$/,
  /^daemon\.json$/,
  /^stages\/(common|system|docker|images)\.sh$/,
  /^host\/(merge_daemon_json|firewall)\.py$/,
  /^bin\/(firewall|update-system)$/,
  /^units\/((sysctl|docker-firewall)\.conf|librechat-lab-(metadata|system)\.\w+)$/,
]

/**
 * The instance's user data: a script that runs the first three stages at the first boot, so that Docker is there and
 * the images are under way before the command line reaches the host. It is the same code under the same lock: the
 * stages that come later wait for it and find its work done. Below 16 KB, EC2's limit; nothing secret is in it.
 */
export function firstBootUserData(directory?: string): string {
  const files: Files = new Map(
    [...templates(directory)].filter(([path]) => needed.some((pattern) => pattern.test(path))),
  )
  const stages = ['system', 'docker', 'images'].map((stage) => `bash "$CODE/run.sh" ${stage}`)
  return `#!/bin/sh\n${script(files, stages.join('\n'))}`
}
