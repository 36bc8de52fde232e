import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateRoleCommand, GetRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { account } from '../rehearsal/in-process.js'
import { pythonWithSchemas } from '../support/interpreter.js'
import { describeAws } from '../support/moto.js'

/** Those that EKS supported on 2026-11-26 (1.31 until that day), and the next one. */
const versions = ['1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37']
const database = 'mongodb://u:p@c.cluster-x.us-east-1.docdb.amazonaws.com'
const work = mkdtempSync(join(tmpdir(), 'librechat-lab-manifests-'))

let python: string | undefined

/** One replica of a plain lab, and three of a lab with everything. */
beforeAll(async () => {
  python = await pythonWithSchemas((line) => process.stderr.write(`${line}\n`))
  const lab = account()
  await lab.run('up --yes --email me@example.org')
  await lab.run(`graduate --out ${work}/plain --host chat.example.org --mongodb mongodb+srv://db.example.net`)
  await lab.run('up --yes --allowance 10')
  await lab.run(
    `graduate --out ${work}/full --host chat.example.org --mongodb ${database} --replicas 3 --redis redis://r.example.net --bucket chat-files --with-secrets`,
  )
})

const manifestsIn = (folder: string): object[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(\d-.*(?<!patch)|secrets)\.yaml$/.test(path) && statSync(join(folder, path)).isFile())
    .flatMap((path) => parseAllDocuments(readFileSync(join(folder, path), 'utf8')).map((one) => one.toJS()))

describeAws('the files that graduate writes', (moto) => {
  it('are valid in each version of Kubernetes that EKS supports, and a required field that is missing is noticed', () => {
    const all = ['plain', 'full'].flatMap((name) => manifestsIn(join(work, name)))
    // What both labs have is validated once.
    const manifests = [...new Map(all.map((one) => [JSON.stringify(one), one])).values()]
    expect(all.length).toBeGreaterThan(30)
    const ended = spawnSync(python ?? '', [new URL('../support/kubernetes.py', import.meta.url).pathname], {
      input: JSON.stringify({ versions, manifests }),
      encoding: 'utf8',
    })
    expect(ended.stderr).toBe('')
    const { problems, unnoticed, removed } = JSON.parse(ended.stdout)
    expect({ problems, unnoticed }).toEqual({ problems: [], unnoticed: [] })
    expect(removed).toBeGreaterThan(100)
  })

  describe.each(['plain', 'full'])('for a lab: %s', (name) => {
    it('hold a role and a policy that IAM takes', async () => {
      const iam = new IAMClient({
        endpoint: moto().url,
        region: 'us-east-1',
        credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      })
      const text = (file: string) => readFileSync(join(work, name, 'iam', file), 'utf8')
      const RoleName = `Graduate-${name}-${process.pid}`
      await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: text('trust.json') }))
      const policy = { RoleName, PolicyName: 'LibreChat' }
      await iam.send(new PutRolePolicyCommand({ ...policy, PolicyDocument: text('policy.json') }))
      const { PolicyDocument } = await iam.send(new GetRolePolicyCommand(policy))
      expect(JSON.parse(decodeURIComponent(PolicyDocument ?? ''))).toEqual(JSON.parse(text('policy.json')))
    })
  })
})
