import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { closeScript } from '../../src/host/close.js'
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

  it('keeps each name of a hard link, links, empty folders and names that aren’t UTF-8, with their rights', () => {
    const uploads = 'volumes/librechat-lab_uploads'
    host.shell(
      `cd ${uploads} && ln letter.txt copy.txt && ln -s letter.txt link && mkdir -m 2750 empty && chmod 666 letter.txt &&
        mkfifo pipe && printf odd >$'caf\\xe9' && touch -d 2026-01-02T03:04:05Z letter.txt`,
    )
    const all = 'find . ! -type p -printf "%P %y %m %U %l %s\\n" | LC_ALL=C sort'
    const before = host.shell(`cd ${uploads} && ${all}`)
    const id = host.changed()
    expect(host.dump('restore', id).status).toBe(0)
    const [restored] = host.list('volumes').filter((name) => name.startsWith('librechat-lab_uploads'))
    expect(host.shell(`cd volumes/${restored} && ${all}`)).toBe(before)
    expect(
      host.shell(`cd volumes/${restored} && cat copy.txt link $'caf\\xe9'; date -ur letter.txt +%s`),
    ).toBe('firstfirstodd1767323045\n')
  })

  it('counts a file with holes by its length, before LibreChat is stopped', () => {
    host.shell(
      'truncate -s 7E volumes/librechat-lab_uploads/sparse || truncate -s 15T volumes/librechat-lab_uploads/sparse',
    )
    // A dump that begins all the same ends at its database.
    host.put('undumped', '')
    host.remove('log')
    expect(host.dump('make', 'nightly').json.error.code).toBe('disk-full')
    expect(host.read('log')).not.toContain('compose stop')
    expect(JSON.parse(host.read('lab/state/dump.json'))).toMatchObject({ result: 'failed' })
  })

  it('that fails for a reason that nobody expected is recorded, and LibreChat started', () => {
    host.remove('lab/secrets/env')
    expect(host.dump('make', 'nightly').json.error.what).toBe("The lab's secrets could not be dumped.")
    host.put('lab/images/LIBRECHAT_IMAGE', Buffer.from([0xff]))
    host.put('lab/secrets/env', 'CREDS_KEY=old\n')
    expect(host.dump('make', 'nightly').json.error.code).toBe('step-failed')
    expect(JSON.parse(host.read('lab/state/dump.json'))).toMatchObject({ result: 'failed' })
    expect([host.list('dumps'), host.served()]).toEqual([[], first])
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

  it.each([
    ['an update', 'update.json', '{"moves":{}}'],
    ['an update that has its dump', 'update.json', '{"moves":{},"dump":"20260101T020000Z-update"}'],
    ['another instance', 'closed', ''],
  ])('leaves LibreChat stopped where %s goes on from it, whatever comes before that', (_, file, mark) => {
    host.put(`lab/state/${file}`, mark)
    const { dump: made } = host.dump('make', 'backup').json
    expect([host.list('dumps'), host.served()]).toEqual([[made.id], undefined])
    // The night, and a power cut in the middle of a dump and the boot after it.
    host.dump('make', 'nightly')
    host.endedAt('KILL', 2, 'make', 'nightly')
    host.dump('recover')
    expect([host.served(), host.list('lab/state').includes('librechat-stopped')]).toEqual([undefined, false])
    host.remove(`lab/state/${file}`)
    host.dump('make', 'nightly')
    expect(host.served()).toEqual(first)
  })

  it('of an instance whose place another takes is the last that LibreChat writes', () => {
    host.shell(closeScript.replaceAll('/opt/librechat-lab', `${host.path}/lab`))
    expect(host.read('log')).toBe('compose -p librechat-lab stop proxy\n')
    expect(host.dump('make', 'backup').status).toBe(0)
    expect(host.served()).toBeUndefined()
  })

  it('starts LibreChat again after an update that has only to open the lab', () => {
    host.put('lab/state/update.json', '{"moves":{},"dump":"20260101T020000Z-update","finished":true}')
    host.dump('make', 'nightly')
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

  it('for a backup file takes the place of no other, and is deleted after an interruption', () => {
    const nightly = host.dump('make', 'nightly').json.dump.id
    host.swell(nightly)
    const [, another] = [1, 2].map(() => host.dump('make', 'backup').json.dump.id)
    expect(host.list('dumps')).toEqual([nightly, another].sort())
    // A backup file that is on its way to the user's computer.
    host.put('transferring', '')
    const night = host.dump('make', 'nightly').json.dump.id
    expect(host.list('dumps')).toEqual([another, night].sort())
    host.remove('transferring')
    host.dump('prune')
    expect(host.list('dumps')).toEqual([night])
  })

  it('for a backup file leaves each of the seven nights', () => {
    for (let night = 1; night <= 7; night++) {
      host.directory(`dumps/2026010${night}T020000Z-nightly`)
      host.put(`dumps/2026010${night}T020000Z-nightly/manifest.json`, '{}')
    }
    host.dump('make', 'backup')
    expect(host.list('dumps')).toHaveLength(8)
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

describe.skipIf(!hasPython)('a damaged dump', () => {
  const damages: [string, (manifest: string) => void][] = [
    ['is cut off', (manifest) => host.put(manifest, '{"format": 1, "at"')],
    ['is empty', (manifest) => host.put(manifest, '')],
    ['is no text', (manifest) => host.put(manifest, Buffer.from([0xff]))],
    ['lacks everything', (manifest) => host.put(manifest, '{}')],
    ['is missing', (manifest) => host.remove(manifest)],
    [
      'can’t be read',
      (manifest) => {
        host.remove(manifest)
        host.directory(manifest)
      },
    ],
  ]

  it.each(damages)(
    'whose manifest %s is listed as such beside the others, which can be restored',
    (_, damage) => {
      const good = host.changed()
      const bad = '20260102T030405Z-nightly'
      host.shell(`cp -r dumps/${good} dumps/${bad}`)
      damage(`dumps/${bad}/manifest.json`)
      expect(host.dump('list').json.dumps).toMatchObject([
        { id: bad, at: '2026-01-02T03:04:05Z', reason: 'nightly', librechat: null },
        { id: good, librechat: 'v0.8.8' },
      ])
      expect(host.dump('restore', bad).json.error.code).toBe('dump-damaged')
      expect(host.dump('restore', good).status).toBe(0)
    },
  )

  it('is never kept in place of one that can be restored', () => {
    const good = host.changed()
    host.swell(good)
    host.directory('dumps/29990101T000000Z-nightly')
    host.dump('prune')
    expect(host.list('dumps')).toEqual([good])
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

  it('that is repeated keeps the data from before the first, also where two dumps are too many for the disk', () => {
    const id = host.changed('v0.8.8', 'backup')
    const original = host.dump('restore', id).json.restored.before
    host.swell(original)
    for (let time = 1; time <= 3; time++) {
      const { before } = host.dump('restore', id).json.restored
      expect(host.list('dumps')).toEqual([id, original, before].sort())
    }
    host.dump('restore', original)
    expect(host.served()).toEqual(second)
  })

  it('that failed before is no repetition: what users wrote since is kept', () => {
    const id = host.changed()
    host.put('full', '')
    host.dump('restore', id)
    host.remove('full')
    host.put('volumes/librechat-lab_mongodb/documents', 'conversations: 3')
    const [written, again] = [1, 2].map(() => host.dump('restore', id).json.restored.before)
    expect(host.list('dumps')).toEqual([id, written, again].sort())
    expect(host.holds(written).documents).toBe('conversations: 3')
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

  it('deletes no data and no secrets where .env does not say which of them serve', () => {
    host.dump('restore', host.changed())
    const kept = () => [host.list('volumes'), host.list('lab/secrets')]
    const before = kept()
    for (const text of ['', 'MONGODB_IMAGE=mongo:8\n']) {
      host.put('lab/.env', text)
      host.dump('prune')
      expect(kept()).toEqual(before)
    }
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

  it('rebuilds the search at the next start, where that failed', () => {
    const id = host.changed()
    host.put('unindexed', '')
    expect(host.dump('restore', id).json.restored.search).toBe(false)
    expect(host.served()).toEqual({ ...first, search: false })
    host.remove('unindexed')
    host.dump('make', 'nightly')
    expect(host.served()).toEqual(first)
    // At once, where LibreChat runs already.
    host.put('unindexed-once', '')
    expect(host.dump('restore', id).json.restored.search).toBe(true)
    expect(host.served()).toEqual(first)
    expect(host.list('lab/state').filter((name) => name.startsWith('search'))).toEqual([])
  })

  it('restores the hard links of older dumps, and refuses files that it would lose or that lead out of their volume', () => {
    const good = ['dir images', 'file uploads/a', 'hard uploads/b uploads/a', 'link uploads/c /etc']
    host.directory('outside')
    const outside = `${host.path}/outside`
    const bad = [
      ['fifo uploads/pipe'],
      ['hard uploads/b uploads/missing'],
      ['file elsewhere/a'],
      ['file uploads'],
      ['file uploads/../a'],
      ['file uploads/a', 'file uploads/a'],
      [`link uploads/out ${outside}`, 'file uploads/out/a'],
      [`link uploads/out ${outside}`, 'link uploads/out/b x'],
      [`link uploads/out ${outside}/c`, 'file uploads/out'],
      [`file uploads/${outside}/d`],
      [`link uploads/${outside}/e x`],
    ]
    expect(host.restoresFiles([good, ...bad])).toEqual(['', ...bad.map(() => 'dump-damaged')])
    expect(host.read('restored/0/uploads/b')).toBe('uploads/a')
    expect(host.list('outside')).toEqual([])
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

describe.skipIf(!hasPython)('an update', () => {
  const starts = () => host.read('log').match(/^compose (up|start).* librechat/gm) ?? []

  it('does not start LibreChat between its dump and the new version, nor before a rollback has all data', () => {
    host.fetchesImages('v0.8.9')
    host.update('begin')
    expect([host.served(), starts(), host.list('dumps')]).toEqual([
      undefined,
      [],
      [expect.stringMatching(/-update$/)],
    ])
    expect(host.update('migrate').status).toBe(0)
    host.put('volumes/librechat-lab_mongodb/documents', 'migrated')
    const rolledBack = host.update('rollback')
    expect(JSON.parse(host.read('lab/state/error.json'))).toMatchObject({ code: 'update-rolled-back' })
    expect(rolledBack.stdout).toContain('"restored"')
    expect([host.served(), starts().length, host.list('lab/state').includes('update.json')]).toEqual([
      first,
      1,
      false,
    ])
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
