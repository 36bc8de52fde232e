import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { DumpHost, first, hasPython, second } from '../support/dump-host.js'

let host: DumpHost
beforeEach(() => {
  host = new DumpHost()
  const { close } = host
  onTestFinished(close)
})

describe.skipIf(!hasPython)('a dump', () => {
  it('holds the database, the files and the secrets, and starts LibreChat again', () => {
    const { dump: made } = host.dump('make', 'nightly').json
    expect(made.id).toMatch(/^\d{8}T\d{6}Z-nightly$/)
    expect(host.list(`dumps/${made.id}`)).toEqual([
      'allowances.json',
      'files.tar',
      'manifest.json',
      'mongodb.archive.gz',
      'secrets.env',
      'settings.json',
    ])
    expect(host.served()).toEqual(first)
    expect(JSON.parse(host.read('lab/state/dump.json'))).toMatchObject({ result: 'made', id: made.id })
    expect(host.dump('list').json.dumps).toEqual([
      expect.objectContaining({ id: made.id, reason: 'nightly' }),
    ])
  })

  it('is not left half made, and LibreChat not stopped, when the database fails', () => {
    host.remove('volumes/librechat-lab_mongodb/documents')
    const { status, json } = host.dump('make', 'nightly')
    expect(status).toBe(1)
    expect(json.error.code).toBe('dump-failed')
    expect(host.list('dumps')).toEqual([])
    expect(host.read('running')).toContain('CREDS_KEY=old')
    expect(JSON.parse(host.read('lab/state/dump.json')).result).toBe('failed')
  })

  it('is finished when the host shuts down, and the next boot starts LibreChat', () => {
    host.put('stopping', '')
    const { status, json } = host.dump('make', 'nightly')
    expect({ status, kept: host.list('dumps') }).toEqual({ status: 0, kept: [json.dump.id] })
    expect(host.served()).toBeUndefined()
    host.remove('stopping')
    host.dump('recover')
    expect(host.served()).toEqual(first)
  })

  it('is kept for seven nights', () => {
    for (let night = 1; night <= 9; night++) {
      const name = `2026010${night}T020000Z-nightly`
      host.directory(`dumps/${name}`)
      host.put(`dumps/${name}/manifest.json`, '{"at": "", "reason": "nightly", "librechat": ""}')
    }
    host.dump('make', 'nightly')
    expect(host.list('dumps')).toHaveLength(7)
    expect(host.list('dumps')[0]).toBe('20260104T020000Z-nightly')
  })

  it('is kept beside these as long as an update may restore it', () => {
    const ids = ['20260101', '20260102', '20260103'].map((day) => `${day}T020000Z-update`)
    for (const id of ids) {
      host.directory(`dumps/${id}`)
      host.put(`dumps/${id}/manifest.json`, '{}')
    }
    host.put('lab/state/update.json', JSON.stringify({ moves: {}, dump: ids[0] }))
    expect(host.dump('prune').json.removed).toEqual([])
    // An update without a dump yet, and one whose record is cut off.
    for (const record of ['{"moves":{}}', '{"mov']) {
      host.put('lab/state/update.json', record)
      expect(host.dump('prune').status).toBe(0)
    }
    expect(host.list('dumps')).toEqual(ids.slice(1))
  })
})

describe.skipIf(!hasPython)('a restore', () => {
  it('puts documents, files, secrets and allowances back, and keeps the data from before as a dump', () => {
    const id = host.changed()
    const { restored } = host.dump('restore', id).json
    expect(host.served()).toEqual(first)
    expect(restored.before).toMatch(/-before-restore$/)
    expect(host.list('volumes')).toHaveLength(4)
    host.dump('restore', restored.before)
    expect(host.served()).toEqual(second)
    expect(host.list('lab/state').filter((name) => name.startsWith('allowances'))).toHaveLength(1)
  })

  it('deletes what was interrupted before it measures the disk', () => {
    const id = host.changed()
    host.directory('dumps/20260101T020000Z-backup.part')
    // The disk is measured by then: this stops the restore.
    host.put('undumped', '')
    host.dump('restore', id)
    host.remove('undumped')
    expect(host.list('dumps')).toEqual([id])
  })

  it('says why MongoDB’s tools failed, without their progress', () => {
    const id = host.changed()
    host.put('full', '')
    expect(host.dump('restore', id).json.error.why).toMatch(/^LibreChat.users: no space left on device /)
    host.remove('full')
    host.put('undumped', '')
    expect(host.dump('make', 'backup').json.error).toMatchObject({
      what: "MongoDB's data could not be dumped.",
      why: 'LibreChat.users: cursor timed out',
    })
    host.remove('undumped')
  })

  it('leaves the old data serving when the disk is full or LibreChat does not start', () => {
    const id = host.changed()
    for (const what of ['full', 'broken']) {
      host.put(what, '')
      const { status, json } = host.dump('restore', id)
      expect(status).toBe(1)
      expect(json.error.why).toContain('data from before serves')
      expect(host.served()).toEqual(second)
      expect(host.list('volumes')).toHaveLength(4)
      host.remove(what)
    }
  })

  it('runs the migrations between an older dump and this lab, before the new data serves', () => {
    const id = host.changed()
    const path = `dumps/${id}/manifest.json`
    host.put(path, host.read(path).replace('v0.8.8', 'v0.8.6'))
    host.remove('log')
    const { restored } = host.dump('restore', id).json
    expect(restored.migrated).toEqual(['the indexes of tenants'])
    expect(host.served()).toEqual(first)
    const calls = host.read('log').split('\n')
    const ran = calls.flatMap((line, i) =>
      / migrate:/.test(line) ? [[line.split(' ').at(-1), calls[i + 1]]] : [],
    )
    expect(ran).toEqual([
      ['migrate:tenant-indexes:dry-run', expect.stringMatching(/^on -r\d+$/)],
      ['migrate:tenant-indexes', expect.stringMatching(/^on -r\d+$/)],
    ])
  })

  it('leaves the old data serving when a migration fails', () => {
    const id = host.changed()
    const path = `dumps/${id}/manifest.json`
    host.put(path, host.read(path).replace('v0.8.8', 'v0.8.7'))
    host.put('unmigrated', '')
    const { error } = host.dump('restore', id).json
    expect(error).toMatchObject({ code: 'migration-failed', why: expect.stringContaining('duplicate key') })
    expect(error.why).toContain('data from before serves')
    expect(host.served()).toEqual(second)
    expect(host.list('volumes')).toHaveLength(4)
  })

  it('runs none for a dump of the same version, and refuses a release on a lab of its candidate', () => {
    const id = host.changed()
    expect(host.dump('restore', id).json.restored.migrated).toEqual([])
    host.put('lab/images/LIBRECHAT_IMAGE', 'registry/librechat:v0.8.8-rc1\n')
    expect(host.dump('restore', id).json.error.code).toBe('dump-newer')
  })

  it('refuses a damaged dump, one of a newer version, and a name that is none', () => {
    const id = host.changed()
    const code = (name: string) => host.dump('restore', name).json.error.code
    expect(code('../../etc')).toBe('dump-unknown')
    const text = host.read(`dumps/${id}/manifest.json`)
    host.put(`dumps/${id}/manifest.json`, text.replace('v0.8.8', 'v0.9.0'))
    expect(code(id)).toBe('dump-newer')
    host.put(`dumps/${id}/manifest.json`, text)
    host.put(`dumps/${id}/secrets.env`, 'CREDS_KEY=other\n')
    expect(code(id)).toBe('dump-damaged')
    expect(host.served()).toEqual(second)
  })
})

describe.skipIf(!hasPython)('removing a user', () => {
  it('never leaves LibreChat stopped, wherever it is cut off', () => {
    let call = 1
    for (; host.removesBob(call) === 'SIGKILL'; call++) {
      // The next boot, or the timer.
      host.dump('recover')
      expect(host.served(), `killed at call ${call}`).toEqual(first)
    }
    expect(call).toBeGreaterThan(4)
    expect(host.list('lab/state')).not.toContain('librechat-stopped')
  })
})
