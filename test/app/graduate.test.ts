import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { parseMongodb, parseRedis } from '../../src/app/graduate/uris.js'
import { playedKeys } from '../../src/rehearsal/host-graduate.js'
import { account } from '../rehearsal/in-process.js'
import documented from './chart-keys.json' with { type: 'json' }

const work = mkdtempSync(join(tmpdir(), 'librechat-lab-graduate-'))
const mongosh = new URL('../host-unit/mongosh.mjs', import.meta.url).pathname
const passphrase = join(work, 'passphrase.txt')
writeFileSync(passphrase, 'four random words here\n')
const secret = 'p%40ss-w0rd'
const mongodb = `mongodb+srv://me:${secret}@db.example.net/LibreChat?appName=chat`
const several = `--replicas 3 --redis rediss://:${secret}@cache.example.net:6380 --bucket chat-files`

let count = 0
const newFolder = () => join(work, `out-${count++}`)

/** The files of a folder by their paths. */
function filesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
  )
}

const labs = {
  plain: 'up --yes --email me@example.org',
  full: 'up --yes --email me@example.org --domain chat.example.org --open-port-80 --allow-everyone --allow-cidr 0.0.0.0/0 --allowance 10 --limit 100',
} as const

const made = { plain: account(), full: account() }
const backupOf = (name: string) => join(work, `${name}.backup`)

beforeAll(async () => {
  for (const [name, up] of Object.entries(labs)) {
    const lab = made[name as keyof typeof labs]
    const ended = await lab.run(up)
    expect(ended.code, ended.stderr).toBe(0)
    if (name === 'full') {
      await lab.run('user add ann@example.org')
      await lab.run('user allowance ann@example.org 25')
    }
    const backup = await lab.run(`backup ${backupOf(name)} --passphrase-file ${passphrase}`)
    expect(backup.code, backup.stderr).toBe(0)
  }
})

async function write(name: keyof typeof labs, flags: string) {
  const folder = newFolder()
  const ended = await made[name].run(
    `graduate --out ${folder} --host chat.example.org --mongodb ${mongodb} ${flags}`
      .replace(/ +/g, ' ')
      .trim(),
  )
  return {
    code: ended.code,
    said: `${ended.stdout}${ended.stderr}`,
    folder,
    files: existsSync(folder) ? filesIn(folder) : {},
  }
}

const from = (name: string) => `--from ${backupOf(name)} --passphrase-file ${passphrase}`
const ways = [
  ['plain', ''],
  ['plain', several],
  ['full', ''],
  ['full', several],
  ['plain', from('plain')],
  ['full', `${from('full')} ${several}`],
] as const

it('each user gets their own allowance when a month begins, less what they have spent of it', async () => {
  const { files, folder } = await write('full', '')
  const [settings] = parseAllDocuments(files['3-serve/allowances.yaml'] ?? '').map((one) => one.toJS())
  const script = join(folder, 'month.js')
  writeFileSync(join(folder, 'allowances.json'), settings.data['allowances.json'])
  writeFileSync(script, settings.data['month.js'].replace('/scripts/', `${folder}/`))
  const documents = join(folder, 'documents.json')
  const second = Math.floor(Date.now() / 1000).toString(16)
  writeFileSync(
    documents,
    JSON.stringify({
      users: [
        { _id: '1', email: 'me@example.org' },
        { _id: '2', email: 'Ann@example.org' },
      ],
      balances: [{ _id: '3', user: '1', tokenCredits: 5 }],
      transactions: [
        { _id: `${second}${'0'.repeat(16)}`, user: '2', tokenType: 'completion', tokenValue: -3e6 },
      ],
    }),
  )
  const env = { ...process.env, MONGO_DOCUMENTS: documents }
  const ended = spawnSync(process.execPath, [mongosh, '--nodb', '--quiet', '--norc', script], {
    env,
    encoding: 'utf8',
  })
  expect(ended).toMatchObject({ status: 0, stderr: '' })
  const { balances } = JSON.parse(readFileSync(documents, 'utf8'))
  expect(balances).toMatchObject([
    { user: '1', tokenCredits: 10e6, autoRefillEnabled: false },
    { user: '2', tokenCredits: 22e6, autoRefillEnabled: false },
  ])
})

it.each(ways)(
  'the files for the lab "%s" with "%s" are the same on every run, and hold the keys in one file where they are asked for',
  async (name, flags) => {
    const [one, other] = [await write(name, flags), await write(name, flags)]
    expect(one.code, one.said).toBe(0)
    expect(other.files).toEqual(one.files)
    const all = `${one.said}${Object.entries(one.files).flat().join('\n')}`
    for (const value of [secret, 'p@ss-w0rd', ...Object.values(playedKeys)]) expect(all).not.toContain(value)
    const values = parse(one.files['values.yaml'] ?? '')
    const unknown = pathsOf(values).filter((path) => !documented.some((key) => fits(path, key)))
    expect(unknown, 'documented by the chart').toEqual([])

    const { said, files, folder } = await write(name, `${flags} --with-secrets`)
    const holding = Object.entries(files).filter(([, text]) =>
      [secret, ...Object.values(playedKeys)].some((value) => text.includes(value)),
    )
    expect(holding.map(([path]) => path)).toEqual(['secrets.yaml'])
    expect(said).not.toContain(secret)
    expect(statSync(join(folder, 'secrets.yaml')).mode & 0o777).toBe(0o600)
    const [keys, databases] = parseAllDocuments(files['secrets.yaml'] ?? '').map((doc) => doc.toJS())
    expect(keys.stringData).toEqual(playedKeys)
    expect(databases.stringData.MONGO_URI).toBe(mongodb)
  },
)

/** "image.tag"; what is below a list or a map that the user fills is the user's. */
const pathsOf = (value: object, above = ''): string[] =>
  Object.entries(value).flatMap(([key, one]) => {
    const path = above === '' ? key : `${above}.${key}`
    return one && typeof one === 'object' && !Array.isArray(one) && Object.keys(one).length > 0
      ? pathsOf(one, path)
      : [path]
  })
const fits = (path: string, key: string) =>
  key.endsWith('.*') ? path.startsWith(key.slice(0, -1)) : path === key

it('a backup’s keys come along sealed, and the folder has what opens them with the passphrase', async () => {
  const { files, said } = await write('plain', from('plain'))
  expect(files['sealed/key.pem']).toContain('BEGIN ENCRYPTED PRIVATE KEY')
  expect(files['sealed/secrets.env.cms']?.length).toBeGreaterThan(300)
  expect(said).toContain('sealed')
})

it('one replica needs neither Redis nor a bucket, and several need both', async () => {
  expect((await write('plain', '--replicas 1')).code).toBe(0)
  const without = await write('plain', '--replicas 2')
  expect(without).toMatchObject({ code: 1, files: {} })
  expect(without.said).toContain('--redis <uri>')
  const half = await write('plain', '--replicas 2 --redis redis://cache.example.net')
  expect(half.said).toContain('--bucket <name>')
})

it('with a bucket new files go there, and the rest of librechat.yaml stays as it is', async () => {
  const [one, three] = [await write('full', ''), await write('full', several)]
  const [before, after] = [one, three].map(({ files }) => parse(files['librechat.yaml'] ?? ''))
  expect(after).toEqual({ ...before, fileStrategy: 's3' })
  expect(
    JSON.parse(three.files['iam/policy.json'] ?? '').Statement.map(({ Sid }: { Sid: string }) => Sid),
  ).toEqual([
    ...JSON.parse(one.files['iam/policy.json'] ?? '').Statement.map(({ Sid }: { Sid: string }) => Sid),
    'Files',
    'Bucket',
  ])
})

it('librechat.yaml is what the host has, byte for byte', async () => {
  const lab = made.plain
  const text = 'version: "1.3.17"\n# changed by hand\ncache: false\n'
  const folder = newFolder()
  lab.change((there) => {
    for (const { host } of Object.values(there.regions['us-east-1']?.instances ?? {}))
      host.librechatYaml = text
  })
  await lab.run(`graduate --out ${folder} --host chat.example.org --mongodb ${mongodb}`)
  expect(readFileSync(join(folder, 'librechat.yaml'), 'utf8')).toBe(text)
})

it('every name in the files is one that is there', async () => {
  const { files } = await write('full', several)
  const all = Object.entries(files)
    .filter(([path]) => /^\d-.*(?<!patch)\.yaml$/.test(path))
    .flatMap(([, text]) => parseAllDocuments(text).map((one) => one.toJS()))
  const names = (kind: string) => all.filter((one) => one.kind === kind).map((one) => one.metadata.name)
  const text = JSON.stringify(all) + JSON.stringify(parse(files['values.yaml'] ?? ''))
  const used = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name))].sort()
  expect(used(/"claimName":"([^"]+)"/g)).toEqual(names('PersistentVolumeClaim'))
  expect(used(/"configMap":\{"name":"([^"]+)"/g)).toEqual(names('ConfigMap').sort())
  expect(used(/"secretKeyRef":\{"name":"([^"]+)"/g)).toEqual([
    'librechat-credentials-env',
    'librechat-databases',
  ])
  for (const one of all.filter(({ kind }) => /StatefulSet|CronJob|Job/.test(kind))) {
    const pod = (one.spec.jobTemplate?.spec ?? one.spec).template
    const volumes = [
      ...(pod.spec.volumes ?? []),
      ...(one.spec.volumeClaimTemplates ?? []).map(({ metadata }: { metadata: object }) => metadata),
    ].map(({ name }: { name: string }) => name)
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      expect(container.image, container.name).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+$/)
      for (const { name } of container.volumeMounts) expect(volumes, container.name).toContain(name)
    }
  }
})

describe('refused before anything is asked or written', () => {
  const hostile = [
    'a b',
    '$(id)',
    'x\ny',
    "'; rm -rf /;'",
    'ä.example',
    '-x',
    '..',
    'A'.repeat(300),
    '{{.Values.x}}',
  ]
  const flags = ['--namespace', '--host', '--bucket', '--redis', '--mongodb', '--replicas', '--storage-class']
  it.each(flags)('%s', async (flag) => {
    for (const value of hostile) {
      const folder = newFolder()
      const ended = await made.plain.words(['graduate', '--out', folder, flag, value])
      expect(ended.code, `${flag} ${value}`).toBe(1)
      expect(ended.stderr).toMatch(/is not|is no|requires|argument/)
      expect(existsSync(folder)).toBe(false)
    }
  })

  it('the namespace of others, and a symbolic link', async () => {
    const link = newFolder()
    symlinkSync('/nowhere', link)
    const rest = ['--host', 'a.example.org', '--mongodb', mongodb]
    const linked = await made.plain.words(['graduate', '--out', link, ...rest])
    expect(linked.stderr).toContain('is a symbolic link')
    const folder = newFolder()
    const shared = await made.plain.words(['graduate', '--out', folder, '--namespace', 'default', ...rest])
    expect(shared.stderr).toContain('"default" is not a name for a namespace')
    expect(existsSync(folder)).toBe(false)
  })

  it('a folder with something in it, and one below a file', async () => {
    const full = newFolder()
    mkdirSync(full)
    writeFileSync(join(full, 'mine'), 'mine')
    const said = await made.plain.words([
      'graduate',
      '--out',
      full,
      '--host',
      'a.example.org',
      '--mongodb',
      mongodb,
    ])
    expect(said).toMatchObject({ code: 1 })
    expect(said.stderr).toContain('is not empty')
    expect(readdirSync(full)).toEqual(['mine'])
    const below = await made.plain.words([
      'graduate',
      '--out',
      join(full, 'mine/k'),
      '--host',
      'a.example.org',
    ])
    expect(below.stderr).toContain('is not a folder')
  })
})

describe('a URI of MongoDB', () => {
  it.each([
    ['mongodb+srv://u:p@c.example.net', 'mongodb+srv://<user>:<password>@c.example.net/LibreChat', [27017]],
    [
      'mongodb://a.example:27018,b.example/chat?tls=true',
      'mongodb://a.example:27018,b.example/chat?tls=true',
      [27017, 27018],
    ],
    [
      'mongodb://u:p@c.example/x?authMechanismProperties=AWS_SESSION_TOKEN:secret',
      'mongodb://<user>:<password>@c.example/x?authMechanismProperties=<value>',
      [27017],
    ],
  ])('%s is shown without what is secret', (uri, shown, ports) => {
    expect(parseMongodb(uri)).toMatchObject({ shown, ports })
  })

  it('of DocumentDB gets what DocumentDB needs, and keeps what is there', () => {
    const { uri, isDocumentDb } = parseMongodb(
      'mongodb://u:p@c.cluster-x.eu-central-1.docdb.amazonaws.com:27017/?replicaSet=rs0&retryWrites=false',
    )
    expect(isDocumentDb).toBe(true)
    expect(uri.split('?')[1]).toBe(
      'replicaSet=rs0&retryWrites=false&tls=true&tlsCAFile=/etc/librechat/authority/ca.pem',
    )
  })

  it.each([
    'mongodb://localhost/x',
    'mongodb://u:p@127.0.0.1',
    'mongodb://[::1]:27017',
    'mongodb+srv://a.example,b.example',
    'mongodb+srv://a.example:27017',
    'mongodb://a.example:99999',
    'mongodb://u:p@ss@a.example',
    'mongodb://u:%zz@a.example',
    'mongodb://a.example/a.b',
    'mongodb://a.example/?tlsCAFile=/home/me/ca.pem',
    'http://a.example',
    'mongodb://',
  ])('%s is refused', (uri) => {
    expect(() => parseMongodb(uri)).toThrow(expect.objectContaining({ code: 'bad-mongodb' }))
  })

  it('is not repeated where it is refused', () => {
    for (const uri of ['mongodb://u:geheim@localhost', 'mongodb://u:ge/heim@a.example', 'x://u:geheim@a']) {
      const error = (() => {
        try {
          return parseMongodb(uri)
        } catch (thrown) {
          return thrown
        }
      })()
      expect(JSON.stringify([error, (error as Error).message])).not.toMatch(/geheim|ge\/heim/)
    }
  })

  it.each([
    'redis://localhost',
    'redis://a:b@c@d',
    'redis://a.example:0',
    'memcached://a.example',
    'redis://a.example/x',
  ])('of Redis, %s is refused', (uri) => {
    expect(() => parseRedis(uri)).toThrow(expect.objectContaining({ code: 'bad-redis' }))
  })
})
