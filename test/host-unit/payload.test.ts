import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { digest, tarball, templates } from '../../src/host/archive.js'
import { payloads } from '../../src/host/payload.js'
import { type HostSettings, release, stackInput } from '../../src/host/settings.js'
import { firstBootUserData } from '../../src/host/user-data.js'
import { carriedBy } from '../support/archive.js'
import { scriptedHost } from './scripted.js'

const settings: HostSettings = {
  address: '203.0.113.7',
  region: 'eu-west-1',
  librechatYaml: 'version: "1.3.17"\n',
}
const { host } = scriptedHost({})
const run = 'bash "$CODE/run.sh" stack'

describe('what Run Command carries', () => {
  const hostile = 'a: "{{ssm:/secret}} $(touch /tmp/x) `id` \' ----\n----\n☃"\n'
  const input = stackInput({ ...settings, librechatYaml: hostile })
  const texts = payloads(host, input, run, { withFiles: true })
  const text = texts.at(-1) ?? ''
  const payload = (input: Record<string, string>) => payloads(host, input, run)[0] ?? ''

  it('arrives to the byte, whatever is in it', () => {
    const { files, command } = carriedBy(text)
    expect(command).toBe(run)
    expect(files.get('input/librechat.yaml')).toBe(hostile)
    const all = new Map(texts.flatMap((one) => [...carriedBy(one).files]))
    for (const [path, content] of templates()) expect(all.get(`code/${path}`)).toBe(content)
  })

  it('is put together from its parcels at once, and not before all are there', () => {
    const directory = mkdtempSync(join(tmpdir(), 'librechat-lab-parcels-'))
    const runs = (script: string) =>
      spawnSync('sh', [], { input: script.replaceAll('/run/librechat-lab', directory), encoding: 'utf8' })
    try {
      const scripts = payloads(host, {}, 'find "$CODE" -type f | wc -l', { withFiles: true })
      expect(scripts.length).toBeGreaterThan(1)
      expect(runs(scripts.at(-1) ?? '')).toMatchObject({
        status: 79,
        stdout: 'librechat-lab: files missing\n',
      })
      expect(scripts.map(runs).at(-1)?.stdout.trim()).toBe(String(templates().size))
      expect(readdirSync(directory)).toEqual([digest(templates())])
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('is only its own input once the host has the files', () => {
    const { files, command, version } = carriedBy(payload(input))
    expect([...files.keys()].sort()).toEqual(['input/librechat.yaml', 'input/release', 'input/settings.env'])
    expect(command).toBe(run)
    expect(version).toBe(`/run/librechat-lab/${digest(templates())}`)
    expect(payload(input).length).toBeLessThan(4 * 1024)
  })

  it('holds nothing that Run Command would fill in, or that a shell would read as more than words', () => {
    expect(text).not.toContain('{{')
    const spoken = text.replace(/<<'----'[\s\S]*\n----\n/, '').replace(/^touch "\$CODE"$/m, '')
    expect(spoken).not.toMatch(/ssm|touch/)
    execFileSync('sh', ['-n'], { input: text })
  })

  it('stays below 60 KB with a menu of a hundred models, and is refused above it', () => {
    const menu = Array.from(
      { length: 100 },
      (_, at) => `us.anthropic.claude-${Math.imul(at + 1, 2654435761)}-v1:0`,
    )
    const long = `version: "1.3.17"\nmodels: [${menu.join(', ')}]\n`
    expect(payload(stackInput({ ...settings, librechatYaml: long })).length).toBeLessThan(8 * 1024)
    for (const one of texts) expect(one.length).toBeLessThan(47 * 1024)
    const noise = Array.from({ length: 30_000 }, (_, at) => Math.imul(at + 7, 2654435761).toString(36)).join(
      '',
    )
    const huge = () => payload(stackInput({ ...settings, librechatYaml: noise }))
    expect(huge).toThrow(expect.objectContaining({ code: 'payload-too-large' }))
  })

  it('is an archive that Python reads where a stage has no input of its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-empty-'))
    try {
      writeFileSync(join(folder, 'archive.tar.gz'), tarball(new Map()))
      execFileSync('python3', ['-W', 'ignore', '-m', 'tarfile', '-e', 'archive.tar.gz', '.'], { cwd: folder })
      expect(readdirSync(folder)).toEqual(['archive.tar.gz'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('is an archive that Python and tar read', () => {
    const directory = mkdtempSync(join(tmpdir(), 'librechat-lab-archive-'))
    try {
      const archive = join(directory, 'a.tar.gz')
      writeFileSync(
        archive,
        tarball(
          new Map([
            ['stages/x.sh', 'echo ☃\n'],
            ['empty', ''],
          ]),
        ),
      )
      execFileSync('tar', ['-xzf', archive, '-C', directory])
      expect(readFileSync(join(directory, 'stages/x.sh'), 'utf8')).toBe('echo ☃\n')
      expect(readdirSync(directory).sort()).toEqual(['a.tar.gz', 'empty', 'stages'])
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('a release', () => {
  it('has one name for the same content, whatever the order and the compression', () => {
    expect(
      digest(
        new Map([
          ['a', '1'],
          ['b', '2'],
        ]),
      ),
    ).toBe(
      digest(
        new Map([
          ['b', '2'],
          ['a', '1'],
        ]),
      ),
    )
    expect(digest(new Map([['a', '1']]))).not.toBe(digest(new Map([['a1', '']])))
  })

  it('has another name when a setting changes that the host would see', () => {
    const names = [
      release(settings),
      release({ ...settings, address: '203.0.113.8' }),
      release({ ...settings, domain: 'chat.example.org' }),
      release({ ...settings, region: 'us-east-1' }),
      release({ ...settings, librechatYaml: 'version: "1"\n' }),
    ]
    expect(new Set(names).size).toBe(names.length)
    expect(release({ ...settings })).toBe(names[0])
  })
})

describe('settings', () => {
  const long = 'a'.repeat(10_000)
  it.each([
    { domain: 'chat.example.org\nLAB_HSTS=true' },
    { domain: '$(touch /tmp/x).example.org' },
    { domain: '"; id; ".example.org' },
    { domain: `${long}.example.org` },
    { domain: 'снег.example.org' },
    { domain: 'localhost' },
    { domain: 'chat.example.org', acmeEmail: 'a b@example.org' },
    { domain: 'chat.example.org', acmeEmail: 'a@example.org }' },
    { domain: 'chat.example.org', acmeEmail: `${long}@example.org` },
    { address: '203.0.113.7 -x' },
    { address: '203.0.113.7/24' },
    { region: 'eu-west-1; id' },
  ])('that a shell, Compose or Caddy could misread are refused: %j', (change) => {
    expect(() => release({ ...settings, ...change })).toThrow(
      expect.objectContaining({ code: 'setting-refused' }),
    )
  })

  it('become lines that need no quotes', () => {
    const env = stackInput({ ...settings, domain: 'chat.example.org' })['settings.env']
    expect(env).toBe(
      'LAB_ADDRESS=203.0.113.7\nLAB_SITE=chat.example.org\nLAB_CERTIFICATE=domain\nLAB_ACME_EMAIL=hostmaster@chat.example.org\nLAB_HSTS=true\nLAB_REGION=eu-west-1\n',
    )
  })
})

describe('user data', () => {
  const data = firstBootUserData()
  const script = gunzipSync(data).toString()

  it('fits into EC2 with room to spare, begins as cloud-init wants it, and runs the first three stages', () => {
    expect(data.length).toBeLessThan(15 * 1024)
    expect(script.startsWith('#!/bin/sh\n')).toBe(true)
    expect(script.trimEnd().split('\n').at(-1)).toBe(
      'FIRST_BOOT=yes bash "$CODE/run.sh" system docker images',
    )
    execFileSync('sh', ['-n'], { input: script })
  })

  it('carries every file that those stages read', () => {
    const { files } = carriedBy(script)
    for (const [path, text] of files) {
      if (!/\.sh$/.test(path)) continue
      // run.sh speaks of the later stages' programs too.
      if (path === 'run.sh') continue
      // What is for a host that has been set up before is nothing for a first boot.
      const atFirst = text.replace(/^if \[ -s "\$LAB\/state\/release" \].*; fi$/m, '')
      for (const [, name] of atFirst.matchAll(/\$CODE\/([\w./-]*\w)(?=["\s])/g))
        expect(files.has(name ?? ''), name).toBe(true)
    }
    expect([...files.keys()]).toEqual(expect.arrayContaining(['run.sh', 'pins.env', 'stages/images.sh']))
  })
})
