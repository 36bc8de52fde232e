import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

interface Job {
  permissions?: Record<string, string>
  steps: { run?: string; uses?: string }[]
}

interface Workflow {
  on: Record<string, unknown>
  permissions: Record<string, string>
  jobs: Record<string, Job>
}

const folder = new URL('../../.github/workflows/', import.meta.url)
const workflows = readdirSync(folder).map((file) => {
  const text = readFileSync(new URL(file, folder), 'utf8')
  return { file, text, workflow: parse(text) as Workflow }
})
const jobs = workflows.flatMap(({ file, workflow }) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file}: ${name}`, ...job })),
)
const commandsOf = ({ steps }: Job) =>
  steps.flatMap(({ run = '' }) => run.split(/\n|&&|;/)).flatMap((line) => line.trim() || [])

describe('the workflows', () => {
  it('may read the repository, and nothing else by default', () => {
    for (const { file, workflow } of workflows) {
      expect(workflow.permissions, file).toEqual({ contents: 'read' })
    }
  })

  it('gives the right to publish to a job that runs no code of a dependency', () => {
    const privileged = jobs.filter(({ permissions = {} }) => Object.values(permissions).includes('write'))
    expect(privileged.map(({ name }) => name)).toEqual(['release.yml: publish', 'release.yml: release'])
    for (const job of privileged) {
      for (const command of commandsOf(job)) {
        expect(command, job.name).toMatch(/^(npm publish .*--ignore-scripts|gh release create )/)
      }
      const used = job.steps.flatMap(({ uses = '' }) => uses.split('@')[0] || [])
      for (const action of used) expect(['actions/setup-node', 'actions/download-artifact']).toContain(action)
    }
    const publishing = jobs.filter(({ permissions = {} }) => permissions['id-token'] === 'write')
    expect(publishing.map(({ permissions }) => permissions)).toEqual([{ 'id-token': 'write' }])
  })

  it('never runs the install scripts of dependencies', () => {
    const installs = jobs.flatMap(commandsOf).filter((command) => /^npm (ci|i|install)\b/.test(command))
    expect(installs.length).toBeGreaterThan(1)
    for (const command of installs) expect(command).toContain('--ignore-scripts')
    const script = readFileSync(new URL('../../.ci/run', import.meta.url), 'utf8')
    expect(/^npm ci .*$/m.exec(script)?.[0]).toContain('--ignore-scripts')
  })

  it('shows a pull request no secret', () => {
    for (const { file, text, workflow } of workflows) {
      expect(Object.keys(workflow.on), file).not.toContain('pull_request_target')
      if ('pull_request' in workflow.on) expect(text, file).not.toMatch(/secrets\.|github\.token/)
    }
  })

  it('pins every action to a commit, with its version beside it', () => {
    for (const { file, text } of workflows) {
      const used = [...text.matchAll(/uses: *(\S+)(.*)/g)]
      expect(used.length, file).toBeGreaterThan(0)
      for (const [, action, comment] of used) {
        expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
        expect(comment).toMatch(/# v\d+\.\d+\.\d+$/)
      }
    }
  })
})
