import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

const templates = new URL('../../templates', import.meta.url).pathname
const there = spawnSync('python3', ['-c', 'pass']).status === 0

let work: string

const put = (path: string, text: string, mode = 0o644) => {
  mkdirSync(dirname(join(work, path)), { recursive: true })
  writeFileSync(join(work, path), text)
  chmodSync(join(work, path), mode)
}
const read = (path: string) => (existsSync(join(work, path)) ? readFileSync(join(work, path), 'utf8') : '')
const json = (path: string) => JSON.parse(read(path) || 'null')
const log = () => read('log').split('\n').filter(Boolean)

const pins = { LIBRECHAT_IMAGE: 'librechat', MONGODB_IMAGE: 'mongo', MEILISEARCH_IMAGE: 'meilisearch' }
type Versions = Readonly<Record<keyof typeof pins, string>>
const old: Versions = { LIBRECHAT_IMAGE: 'v0.8.7', MONGODB_IMAGE: '8.0.20', MEILISEARCH_IMAGE: 'v1.35.1' }

/** What the images stage leaves: the tag and what it was resolved to. */
function images(versions: Versions): void {
  for (const [pin, name] of Object.entries(pins)) {
    const image = `registry/${name}:${versions[pin as keyof Versions]}`
    put(`lab/images/${pin}`, `${image}\n${image}@sha256:0\n`)
  }
}
const env = (versions: Versions) =>
  Object.entries(versions)
    .map(([pin, version]) => `${pin}=${version}\n`)
    .join('')

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'librechat-lab-update-'))
  const made = work
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  cpSync(join(templates, 'host'), join(work, 'code/host'), { recursive: true })
  cpSync(join(templates, 'migrations.json'), join(work, 'code/migrations.json'))
  // What serves is in `data`; a dump is a copy of it.
  put(
    'code/bin/dump',
    `import json, os, shutil, sys
work = os.environ["WORK"]
with open(work + "/log", "a") as log: log.write("dump " + " ".join(sys.argv[1:]) + "\\n")
if os.path.exists(work + "/fail-" + sys.argv[1]):
    if os.path.exists(work + "/stops"): open(work + "/stopping", "w").close()
    with open(work + "/lab/state/error.json", "w") as file: json.dump({"code": "dump-failed", "what": "No.", "why": "", "fix": []}, file)
    sys.exit(1)
if sys.argv[1] == "make": shutil.copy(os.environ["IMAGES"] + "/LIBRECHAT_IMAGE", work + "/dumped-version")
if sys.argv[1] == "make":
    if os.path.exists(work + "/cut"): os.kill(os.getppid(), 9)
    shutil.copy(work + "/data", work + "/dumped")
elif sys.argv[1] == "restore": shutil.copy(work + "/dumped", work + "/data")
elif sys.argv[1] == "prune" and os.path.exists(work + "/half"): os.remove(work + "/half")
elif sys.argv[1] == "measure":
    # Data that no disk has room for, and what a half dump takes.
    full = os.path.exists(work + "/full") or os.path.exists(work + "/half")
    print(json.dumps({"bytes": 10**15 if full else 0}))
    sys.exit()
print(json.dumps({"dump": {"id": "20261126T000000Z-update"}}))
`,
  )
  put(
    'bin/docker',
    `#!/bin/bash
line="$*"; line="\${line/ -d --pull never --wait --wait-timeout 600/}"
echo "\${line:0:80}" >>"$WORK/log"
stops() { if [ -e "$WORK/stops" ] && [ -e "$WORK/$1" ]; then touch "$WORK/stopping"; fi; }
case "$*" in
  'compose stop proxy'*) rm -f "$WORK/open" ;;
  'compose start librechat proxy') [ ! -e "$WORK/no-proxy" ] || exit 1; touch "$WORK/open" ;;
  'compose up'*--remove-orphans) stops fail-open; [ ! -e "$WORK/fail-open" ] || exit 1; touch "$WORK/open" ;;
  *dry-run) [ ! -e "$WORK/fail-dry-run" ] ;;
  *tenant-indexes) stops fail-migration; echo migrated >"$WORK/data"; [ ! -e "$WORK/fail-migration" ] || { echo 'E11000 duplicate key' >&2; exit 1; } ;;
  'compose up'*librechat) stops fail-start; [ ! -e "$WORK/fail-start" ] || exit 1; . "$WORK/lab/.env"; echo "seen by $LIBRECHAT_IMAGE" >>"$WORK/data"; [[ $LIBRECHAT_IMAGE != *bad ]] ;;
  'compose exec'*setFeature*) [ ! -e "$WORK/fail-feature" ] ;;
esac`,
    0o755,
  )
  put('open', '')
  put('bin/systemctl', '#!/bin/bash\n[ ! -e "$WORK/stopping" ] || echo stopping', 0o755)
  put('lab/bin/dump', '')
  for (const name of ['compose.yaml', 'librechat.yaml', 'caddy/Caddyfile', 'state/release'])
    put(`lab/${name}`, 'before')
  put('lab/compose.yaml', 'before: LAB_DATA')
  put('lab/.env', env(old))
  put('data', 'original\n')
  mkdirSync(join(work, 'input'))
  images(old)
  cpSync(join(work, 'lab/images'), join(work, 'lab/state/applied/images'), { recursive: true })
})

const shell = (script: string, code = 'code') =>
  spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${work}/bin:${process.env.PATH}`,
      WORK: work,
      LAB: `${work}/lab`,
      CODE: `${work}/${code}`,
      INPUT: code === 'code' ? `${work}/input` : `${work}/${code}/input`,
      RUN: work,
      PROOF: `${work}/proof.json`,
      PYTHONDONTWRITEBYTECODE: '1',
    },
  })
const step = (name: string) => shell(`python3 "$CODE/host/update.py" ${name}`)

/** As the stack stage does it, after the images stage. */
function stack(versions: Versions) {
  images(versions)
  return stackAlone(versions)
}

/** As a boot does it: with the images as they are, and with the files of the update that was interrupted. */
function stackAlone(
  versions: Versions,
  files?: string,
): { code: number | null; error: { code: string; why: string } } {
  writeFileSync(join(work, 'new.env'), env(versions))
  rmSync(join(work, 'log'), { force: true })
  rmSync(join(work, 'lab/state/error.json'), { force: true })
  const { status, stderr } = shell(
    `set -e
update() { python3 "$CODE/host/update.py" "$1"; }
trap 'code=$?; [ $code -eq 0 ] || update rollback || true; exit $code' EXIT
update begin
cp "$WORK/new.env" "$LAB/.env"
echo 'after: LAB_DATA' >"$LAB/compose.yaml"
update migrate
docker compose up librechat
update prove
update finish
docker compose up --remove-orphans
echo after >"$LAB/state/release"
update keep`,
    files,
  )
  expect(stderr).not.toContain('Traceback')
  return { code: status, error: json('lab/state/error.json') }
}

const isOpen = () => existsSync(join(work, 'open'))
const isPending = () => existsSync(join(work, 'lab/state/update.json'))

const answers = (ok: boolean) =>
  `echo '${JSON.stringify({ chat: [{ ok, model: 'm', error: 'AccessDenied: no' }] })}'`

describe.skipIf(!there)('an update on the host', () => {
  it('does nothing where no version changes', () => {
    expect(stack(old)).toMatchObject({ code: 0 })
    expect(log()).toEqual(['compose up librechat', 'compose up --remove-orphans'])
  })

  it('closes the lab, dumps, migrates after a dry run, and opens it when all has worked', () => {
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).code).toBe(0)
    expect(log().slice(2)).toEqual([
      'compose stop proxy',
      'dump make update',
      'compose stop librechat',
      'compose up mongodb meilisearch',
      'compose run --rm -T --no-deps -w /app librechat npm run migrate:tenant-indexes:d',
      'compose run --rm -T --no-deps -w /app librechat npm run migrate:tenant-indexes',
      'compose up librechat',
      'compose up --remove-orphans',
    ])
    expect(json('lab/state/update-librechat.json')).toMatchObject({
      result: 'updated',
      to: { librechat: 'v0.8.8' },
    })
    // The dump is of the version that ran.
    expect(read('dumped-version')).toContain('v0.8.7')
    expect(existsSync(join(work, 'lab/state/update.json'))).toBe(false)
    expect(read('lab/state/applied/images/LIBRECHAT_IMAGE')).toContain('v0.8.8')
  })

  it('runs a migration only where the data is older than it', () => {
    images({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    expect(step('keep').status).toBe(0)
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.9' }).code).toBe(0)
    expect(log().filter((line) => line.includes('migrate'))).toEqual([])
  })

  it.each([
    [
      'the dry run of a migration',
      () => put('fail-dry-run', ''),
      'v0.8.8',
      'failed: npm run migrate:tenant-indexes:dry-run',
    ],
    ['a migration', () => put('fail-migration', ''), 'v0.8.8', 'E11000 duplicate key'],
    ['the start', () => {}, 'v0.8.9-bad', ''],
    [
      'the proof of chat',
      () => {
        put('proof.json', JSON.stringify({ chat: [{ ok: true }] }))
        put('input/proof.sh', answers(false))
      },
      'v0.8.8',
      'No model answers any more. AccessDenied: no',
    ],
  ])('whose %s fails puts version and data back by itself, and says why', (_, break_, version, why) => {
    break_()
    const { code, error } = stack({ ...old, LIBRECHAT_IMAGE: version })
    expect(code).toBe(1)
    expect(error).toMatchObject({ code: 'update-rolled-back', why: expect.stringContaining(why) })
    expect(read('data')).toBe('original\nseen by v0.8.7\n')
    expect([read('lab/compose.yaml'), read('lab/state/release'), read('lab/.env')]).toEqual([
      'before: LAB_DATA',
      'before',
      env(old),
    ])
    expect(read('lab/images/LIBRECHAT_IMAGE')).toContain('v0.8.7')
    expect(log().at(-1)).toBe('compose up --remove-orphans')
    expect(json('lab/state/update-librechat.json')).toMatchObject({ result: 'rolled-back' })
    expect(existsSync(join(work, 'lab/state/update.json'))).toBe(false)
  })

  it('that was rolled back is not tried again before it is asked for', () => {
    put('fail-migration', '')
    stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    put('code/pins.env', 'LIBRECHAT_IMAGE=registry/librechat:v0.8.8\n')
    const pin = () => shell(`. '${templates}/stages/common.sh'; echo "$LIBRECHAT_IMAGE"`).stdout.trim()
    expect(pin()).toBe('registry/librechat:v0.8.7')
    put('input/try-again', 'yes')
    expect(pin()).toBe('registry/librechat:v0.8.8')
    rmSync(join(work, 'input/try-again'))
    // Another version is not held back.
    put('code/pins.env', 'LIBRECHAT_IMAGE=registry/librechat:v0.8.9\n')
    expect(pin()).toBe('registry/librechat:v0.8.9')
  })

  it('is not blamed where no model answered before', () => {
    put('proof.json', JSON.stringify({ chat: [{ ok: false }] }))
    put('input/proof.sh', answers(false))
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).code).toBe(0)
  })

  it('does not begin where the dump fails: the lab opens again, as it was', () => {
    put('fail-make', '')
    const { code, error } = stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    expect({ code, error }).toMatchObject({ code: 1, error: { code: 'dump-failed' } })
    expect(log().slice(2)).toEqual([
      'compose stop proxy',
      'dump make update',
      'compose start librechat proxy',
    ])
    expect(read('data')).toBe('original\n')
    expect(existsSync(join(work, 'lab/state/update.json'))).toBe(false)
    // The record of the images names what runs: a dump's version comes from it.
    expect(read('lab/images/LIBRECHAT_IMAGE')).toContain('v0.8.7')
  })

  it('does not begin without room for its dump, and deletes what an interrupted one has left', () => {
    put('full', '')
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).error).toMatchObject({ code: 'disk-full' })
    expect([isOpen(), isPending()]).toEqual([true, false])
    expect(read('lab/images/LIBRECHAT_IMAGE')).toContain('v0.8.7')
    rmSync(join(work, 'full'))
    put('half', '')
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).code).toBe(0)
  })

  it("whose rollback can't open the lab is still pending, and the next run opens it", () => {
    put('fail-migration', '')
    put('fail-open', '')
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).error).toMatchObject({ code: 'rollback-failed' })
    expect([isOpen(), isPending()]).toEqual([false, true])
    rmSync(join(work, 'fail-open'))
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).error).toMatchObject({ code: 'update-rolled-back' })
    expect([isOpen(), isPending()]).toEqual([true, false])
    expect(log()).not.toContain('dump restore 20261126T000000Z-update')
  })

  it('to an older version is refused, before anything is touched', () => {
    const { code, error } = stack({ ...old, MONGODB_IMAGE: '8.0.19' })
    expect({ code, error }).toMatchObject({ code: 1, error: { code: 'older-version' } })
    expect(log()).toEqual([])
    expect(read('lab/images/MONGODB_IMAGE')).toContain('8.0.20')
  })

  it('of MongoDB to another release line takes its features at the end', () => {
    expect(stack({ ...old, MONGODB_IMAGE: '8.2.1' }).code).toBe(0)
    expect(log().find((line) => line.includes('mongosh'))).toContain('exec -T mongodb mongosh')
  })

  it('of MongoDB to another release line that fails gives the old one a new volume for the dump', () => {
    put('fail-feature', '')
    expect(stack({ ...old, MONGODB_IMAGE: '8.2.1' }).error).toMatchObject({ code: 'update-rolled-back' })
    const lines = log()
    expect(lines.indexOf('volume rm -f librechat-lab_mongodb')).toBeGreaterThan(0)
    expect(lines.indexOf('volume rm -f librechat-lab_mongodb')).toBeLessThan(
      lines.indexOf('dump restore 20261126T000000Z-update'),
    )
    expect(read('data')).toContain('original')
  })
})

describe.skipIf(!there)('an update that was cut off', () => {
  it.each(['begin', 'migrate', 'prove', 'finish'])(
    'before %s is finished by the next run, without a second dump',
    (next) => {
      images({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
      for (const name of ['begin', 'migrate', 'prove'].slice(
        0,
        ['begin', 'migrate', 'prove', 'finish'].indexOf(next),
      ))
        step(name)
      const dumped = next !== 'begin'
      expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).code).toBe(0)
      expect(log().includes('dump make update')).toBe(!dumped)
      expect(read('dumped')).toBe('original\n')
      expect(existsSync(join(work, 'lab/state/update.json'))).toBe(false)
    },
  )

  it('during its rollback continues the rollback, and reports that', () => {
    put('fail-migration', '')
    put('fail-restore', '')
    const { error } = stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    expect(error).toMatchObject({
      code: 'rollback-failed',
      why: expect.stringContaining('20261126T000000Z-update'),
    })
    rmSync(join(work, 'fail-restore'))
    const again = stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    expect(again.error).toMatchObject({ code: 'update-rolled-back', why: expect.stringContaining('E11000') })
    expect(read('data')).toBe('original\nseen by v0.8.7\n')
  })

  it('is rolled back where the version before is asked for again', () => {
    images({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    for (const name of ['begin', 'migrate']) step(name)
    expect(stack(old).error).toMatchObject({ code: 'update-rolled-back' })
    expect(read('data')).toContain('original')
  })

  it.each([
    ['a shutdown', 'stops'],
    ['a proxy that does not start', 'other'],
  ])('by %s after all but the opening is finished by the next boot', (_, how) => {
    put(how, '')
    put('fail-open', '')
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).code).toBe(1)
    expect([isOpen(), isPending(), json('lab/state/update-librechat.json')]).toEqual([false, true, null])
    for (const name of ['stops', 'stopping', 'fail-open']) rmSync(join(work, name), { force: true })
    expect(stackAlone({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }, 'lab/update')).toMatchObject({ code: 0 })
    expect([isOpen(), isPending()]).toEqual([true, false])
    expect(log()).not.toContain('dump make update')
    expect(json('lab/state/update-librechat.json')).toMatchObject({ result: 'updated' })
  })

  it.each([
    ['an older version is refused', 'v0.8.7', 'older-version', () => {}],
    ['the disk has no room for the next dump', 'v0.8.9', 'disk-full', () => put('full', '')],
  ])('before the opening is still pending after the next run: %s', (_, version, code, break_) => {
    put('fail-open', '')
    stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    break_()
    expect(stack({ ...old, LIBRECHAT_IMAGE: version }).error).toMatchObject({ code })
    expect(isPending()).toBe(true)
    rmSync(join(work, 'fail-open'))
    expect(stackAlone({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }, 'lab/update').code).toBe(0)
    expect([isOpen(), isPending()]).toEqual([true, false])
    expect(json('lab/state/update-librechat.json')).toMatchObject({ to: { librechat: 'v0.8.8' } })
  })

  it('before the opening is complete where a newer version comes next: a rollback of that keeps it', () => {
    put('fail-open', '')
    stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    rmSync(join(work, 'fail-open'))
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.9-bad' }).error).toMatchObject({
      code: 'update-rolled-back',
    })
    expect([isOpen(), isPending()]).toEqual([true, false])
    expect(read('lab/images/LIBRECHAT_IMAGE')).toContain('v0.8.8')
  })

  it.each([
    ['a full disk', 'v0.8.8', 'disk-full'],
    ['an older version', 'v0.8.6', 'older-version'],
  ])('in its dump by a power cut leaves the lab open where %s stops the next run', (_, version, code) => {
    images({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    put('cut', '')
    step('begin')
    expect([isOpen(), isPending()]).toEqual([false, true])
    rmSync(join(work, 'cut'))
    put('full', '')
    expect(stack({ ...old, LIBRECHAT_IMAGE: version }).error).toMatchObject({ code })
    expect([isOpen(), isPending()]).toEqual([true, false])
  })

  it('in its dump is over where the version before is asked for, once the proxy runs', () => {
    images({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' })
    put('cut', '')
    step('begin')
    rmSync(join(work, 'cut'))
    put('no-proxy', '')
    expect(stack(old).code).toBe(0)
    expect(log().filter((line) => line.includes('migrate'))).toEqual([])
    expect([isOpen(), isPending()]).toEqual([true, true])
    rmSync(join(work, 'no-proxy'))
    expect(stack(old).code).toBe(0)
    expect(isPending()).toBe(false)
  })

  it('in its dump by a kill of its program alone has changed nothing, and the lab opens again', () => {
    put('cut', '')
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).code).not.toBe(0)
    expect([isOpen(), isPending(), json('lab/state/update-librechat.json')]).toEqual([true, false, null])
    expect(log()).not.toContain('compose stop librechat')
  })

  it.each([
    ['its dump', () => put('fail-make', ''), true],
    ['its migration', () => put('fail-migration', ''), false],
    ['its start', () => put('fail-start', ''), false],
  ])('in %s by a shutdown is not blamed, and is finished by the next boot', (_, break_, dumpsAgain) => {
    put('input/proof.sh', answers(true))
    put('input/request.json', '{}')
    // Docker ends in the middle, and whatever works with it fails.
    put('stops', '')
    break_()
    expect(stack({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }).code).toBe(1)
    expect(existsSync(join(work, 'lab/state/update.json'))).toBe(true)
    expect(log()).not.toContain('dump restore 20261126T000000Z-update')
    for (const name of ['stops', 'stopping', 'fail-make', 'fail-migration', 'fail-start'])
      rmSync(join(work, name), { force: true })
    rmSync(join(work, 'code'), { recursive: true })
    rmSync(join(work, 'input'), { recursive: true })
    expect(existsSync(join(work, 'lab/update/input/request.json'))).toBe(false)
    expect(read('lab/update/input/proof.sh')).toBe(answers(true))
    expect(stackAlone({ ...old, LIBRECHAT_IMAGE: 'v0.8.8' }, 'lab/update')).toMatchObject({ code: 0 })
    expect(log().includes('dump make update')).toBe(dumpsAgain)
    expect(read('dumped')).toBe('original\n')
    expect(json('lab/state/update-librechat.json')).toMatchObject({ result: 'updated' })
    expect(existsSync(join(work, 'lab/state/update.json'))).toBe(false)
  })
})
