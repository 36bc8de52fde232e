import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const templates = new URL('../../templates', import.meta.url).pathname
const program = `${templates}/bin/dump`
const found = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' })
/** Whether the host's Python programs can be run here. */
export const hasPython = found.status === 0

/**
 * Docker with volumes as folders: LibreChat and MongoDB have the volumes that .env, or the environment, named when they
 * were started, and a volume of a container can't be removed. The database is one file in its volume. A file `end` in the work folder has the number of a call and what ends there: the program, by
 * a signal, or Docker itself.
 */
const docker = `
number() { [ ! -e "$1" ] || read -r "$2" <"$1" || :; }
count=0; number "$WORK/calls" count; count=$((count + 1)); echo $count >"$WORK/calls"
last=0; what=
[ ! -e "$WORK/end" ] || read -r last what <"$WORK/end"
case $what in
  docker) if [ $count -ge $last ]; then echo 'Cannot connect to the Docker daemon' >&2; exit 1; fi ;;
  ?*) if [ $count = $last ]; then kill -$what $PPID; exit 1; fi ;;
esac
echo "$*" >>"$WORK/log"
data() { sed -n 's/^LAB_DATA=//p' "$LAB/.env"; }
used() { case $1 in
  librechat-lab_mongodb*) [ "$1" = "$(cat "$WORK/restoring" 2>/dev/null)" ] ||
    { [ -e "$WORK/mongodb" ] && [ "$1" = "librechat-lab_mongodb$(cat "$WORK/mongodb")" ]; } ;;
  *) grep -qxe "$(sed 's/^librechat-lab_[a-z]*//' <<<"$1")" "$WORK/librechat" ;;
esac; }
# What MongoDB's tools print when they fail, with why in the middle; with --quiet nothing.
tool() {
  case "$*" in *--quiet*) return ;; esac
  printf '2026-11-26T10:00:00.000+0000\t%s\n' 'restoring LibreChat.users from archive on stdin' \
    "Failed: LibreChat.users: \${!#}" '0 document(s) restored successfully. 50 document(s) failed to restore.' >&2
}
case "$1 $2" in
  'compose stop') case "$*" in *librechat*) rm -f "$WORK/running" ;; esac ;;
  'compose -p') ;;
  'compose start') case "$*" in *librechat*) cat "$LAB/.env" >"$WORK/running" ;; esac ;;
  'compose up')
    echo "\${LAB_DATA-$(data)}" >"$WORK/mongodb"
    case "$*" in *librechat*) echo "$(data)" >"$WORK/librechat"
      [ ! -e "$WORK/broken" ] || [ "$(data)" = "" ] || { echo 'unhealthy' >&2; exit 1; } ;; esac
    # LibreChat fills an empty search index at its start when it was told that it is empty.
    case "$*" in *librechat*) cmp -s "$LAB/.env" "$WORK/running" || [ ! -e "$WORK/reset$(data)" ] || touch "$WORK/indexed$(data)"
      cat "$LAB/.env" >"$WORK/running" ;; esac ;;
  'compose exec') [ ! -e "$WORK/undumped" ] || { tool "$@" 'cursor timed out'; exit 1; }
    case "$*" in *list-users*)
      [ ! -e "$WORK/bob" ] || printf 'ID: 1\nEmail: bob@example.org\nName: Bob\nCreated: today\n'; exit 0 ;; esac
    cat "$WORK/volumes/librechat-lab_mongodb$(cat "$WORK/mongodb")/documents" ;;
  'compose rm') rm -f "$WORK/mongodb" ;;
  'compose run') echo "on \${LAB_DATA-$(data)}" >>"$WORK/log"
    case "$*" in
      *migrate*) [ ! -e "$WORK/unmigrated" ] || { echo 'duplicate key' >&2; exit 1; } ;;
      *reset-meili-sync*) rm "$WORK/unindexed-once" 2>/dev/null && exit 1; [ ! -e "$WORK/unindexed" ] || { echo 'no index' >&2; exit 1; }; touch "$WORK/reset$(data)" ;;
      *delete-user*) rm -f "$WORK/bob" ;;
    esac ;;
  'volume inspect') [ -d "$WORK/volumes/$5" ] && echo "$WORK/volumes/$5" ;;
  'volume create') for name; do :; done; mkdir "$WORK/volumes/$name" ;;
  'volume ls') ls "$WORK/volumes" ;;
  'volume rm') ! used "$3" || { echo "volume is in use" >&2; exit 1; }; rm -r "$WORK/volumes/$3" ;;
  'run -d') while [ "$1" != --volume ]; do shift; done; echo "\${2%%:*}" >"$WORK/restoring" ;;
  'exec -i') [ ! -e "$WORK/full" ] || { tool "$@" 'no space left on device'; exit 1; }
    cat >"$WORK/volumes/$(cat "$WORK/restoring")/documents" ;;
  'rm -f') rm -f "$WORK/restoring" ;;
  'exec librechat-lab-restore' | 'stop -t') ;;
  *) echo "not played: $*" >&2; exit 1 ;;
esac`

export interface Served {
  documents: string
  letter: string
  key: string | undefined
  /** The users' own allowances. */
  own: string
  /** Whether the search finds old conversations. */
  search: boolean
}

/** The state of a new `DumpHost`, and the one to which `changed` brings it. */
export const first: Served = {
  documents: 'conversations: 1',
  letter: 'first',
  key: 'old',
  own: '{"ann":5}',
  search: true,
}
export const second: Served = {
  documents: 'conversations: 2',
  letter: 'second',
  key: 'new',
  own: '{"ann":9}',
  search: true,
}

/** A host with Docker as above, on which templates/bin/dump runs. */
export class DumpHost {
  private readonly work = mkdtempSync(join(tmpdir(), 'librechat-lab-dump-'))

  /** @param from a host of which this one is a copy */
  constructor(from?: DumpHost) {
    if (from) {
      spawnSync('cp', ['-a', `${from.work}/.`, this.work])
      return
    }
    for (const name of [
      'bin',
      'lab/state',
      'lab/secrets',
      'lab/images',
      'lab/bin',
      'run',
      'input',
      'dumps',
      'volumes',
    ])
      mkdirSync(join(this.work, name), { recursive: true })
    this.shim('docker', docker)
    this.shim(
      'systemctl',
      `case $1 in
  is-system-running) [ ! -e "$WORK/stopping" ] || echo stopping ;;
  is-active) [ -e "$WORK/transferring" ] || [ -n "$(tr -d '\\0' 2>/dev/null <"/proc/$(cat "$WORK/unit" 2>/dev/null || echo none)/cmdline")" ] ;;
  stop) [[ $2 != librechat-lab-transfer* ]] || [ ! -e "$WORK/unit" ] || {
    kill "$(cat "$WORK/unit")" 2>/dev/null; sed -i "/^$(cat "$WORK/unit")$/d" "$WORK/pids"; rm "$WORK/unit"; } ;;
esac`,
    )
    // What would run later does not; what runs at once does, until `close`.
    this.shim(
      'systemd-run',
      `case "$*" in *--on-active*) exit 0 ;; esac
while [[ $1 == --* ]]; do [[ $1 != --setenv=* ]] || export "\${1#--setenv=}"; shift; done
"$@" >/dev/null 2>&1 3>&- & echo $! | tee -a "$WORK/pids" >"$WORK/unit"`,
    )
    for (const name of ['images', 'uploads', 'data', 'mongodb'])
      mkdirSync(join(this.work, `volumes/librechat-lab_${name}`))
    this.becomes(first)
    this.put('lab/images/LIBRECHAT_IMAGE', 'registry/librechat:v0.8.8\nregistry/librechat@sha256:1\n')
    this.put('lab/images/MONGODB_IMAGE', 'mongo:8.0.20\nmongo@sha256:2\n')
  }

  put = (path: string, content: string | Buffer) => writeFileSync(join(this.work, path), content)
  /** A file of so many random bytes, written block by block. */
  fill = (path: string, bytes: number) => {
    const file = openSync(join(this.work, path), 'w')
    for (let left = bytes; left > 0; left -= 8 * 1024 * 1024)
      writeSync(file, randomBytes(Math.min(left, 8 * 1024 * 1024)))
    closeSync(file)
  }
  digest = (path: string): string => {
    const hash = createHash('sha256')
    const [file, block] = [openSync(join(this.work, path), 'r'), Buffer.alloc(8 * 1024 * 1024)]
    for (let got = readSync(file, block); got > 0; got = readSync(file, block))
      hash.update(block.subarray(0, got))
    closeSync(file)
    return hash.digest('hex')
  }
  /** The most memory that a program which runs on by itself has had, in bytes. */
  peakMemory = (): number => {
    const pids = this.read('pids').split('\n').filter(Boolean)
    const status = readFileSync(`/proc/${pids.at(-1)}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
  }
  get path() {
    return this.work
  }
  /** What a script in the work folder prints. */
  shell = (script: string) => {
    const { status, stdout, stderr } = spawnSync('bash', ['-ec', script], {
      cwd: this.work,
      env: this.env,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(stderr)
    return stdout
  }
  read = (path: string) => readFileSync(join(this.work, path), 'utf8')
  list = (path: string) => readdirSync(join(this.work, path)).sort()
  remove = (path: string) => rmSync(join(this.work, path), { recursive: true, force: true })
  directory = (path: string) => mkdirSync(join(this.work, path))
  close = () => {
    for (const pid of this.list('.').includes('pids') ? this.read('pids').split('\n') : [])
      if (pid) process.kill(Number(pid))
    this.remove('.')
  }

  private shim(name: string, text: string): void {
    this.put(`bin/${name}`, `#!/bin/bash\n${text}\n`)
    chmodSync(join(this.work, 'bin', name), 0o755)
  }

  private becomes({ documents, letter, key, own }: Served): void {
    this.put('volumes/librechat-lab_uploads/letter.txt', letter)
    this.put('volumes/librechat-lab_mongodb/documents', documents)
    this.put('lab/state/allowances.json', own)
    this.put('lab/secrets/env', `CREDS_KEY=${key}\n`)
    this.put('lab/.env', `MONGODB_IMAGE=mongo:8\nLAB_DATA=\nCREDS_KEY=${key}\n`)
    this.put('running', this.read('lab/.env'))
    this.put('mongodb', '\n')
    this.put('librechat', '\n')
    this.put('indexed', '')
  }

  /** Dumps the first state, of this version of LibreChat, goes on to the second, and says what the dump is called. */
  changed(librechat = 'v0.8.8', reason = 'nightly'): string {
    const { id } = this.dump('make', reason).json.dump
    const manifest = `dumps/${id}/manifest.json`
    this.put(manifest, this.read(manifest).replace('v0.8.8', librechat))
    this.becomes(second)
    return id
  }

  private get env() {
    return {
      ...process.env,
      PATH: `${this.work}/bin:${process.env.PATH}`,
      WORK: this.work,
      LAB: join(this.work, 'lab'),
      RUN: join(this.work, 'run'),
      DUMPS: join(this.work, 'dumps'),
      SUBUID: '/dev/null',
      CODE: templates,
      INPUT: join(this.work, 'input'),
    }
  }

  /** The answer of templates/host/backup.py to a request, as the command line gets it. */
  backup(request: object) {
    this.put('input/request.json', JSON.stringify(request))
    const script = `exec 3>&1 1>&2; exec '${found.stdout.trim()}' '${templates}/host/backup.py'`
    const result = spawnSync('bash', ['-c', script], { env: this.env, encoding: 'utf8' })
    if (result.status !== 0) throw new Error(result.stderr)
    return JSON.parse(result.stdout)
  }

  /** The same while this process goes on, with more of an environment; what it printed where it failed. */
  async backupBeside(request: object, more: NodeJS.ProcessEnv): Promise<ReturnType<typeof JSON.parse>> {
    this.put('input/request.json', JSON.stringify(request))
    this.remove('lab/state/error.json')
    const script = `exec 3>&1 1>&2; exec '${found.stdout.trim()}' '${templates}/host/backup.py'`
    const child = spawn('bash', ['-c', script], { env: { ...this.env, ...more } })
    let [out, errors] = ['', '']
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (errors += text))
    this.running = child.pid
    const [code] = await once(child, 'close')
    if (code === 0) return JSON.parse(out)
    return this.list('lab/state').includes('error.json')
      ? { error: JSON.parse(this.read('lab/state/error.json')) }
      : Promise.reject(new Error(`ended with ${code}: ${errors}`))
  }
  /** The program that `backupBeside` started last. */
  running: number | undefined

  /** Has templates/host/user.py remove Bob, killed at its call of Docker of this number; the signal that ended it. */
  removesBob(call?: number): NodeJS.Signals | null {
    this.put('bob', '')
    this.remove('calls')
    if (call !== undefined) this.put('end', `${call} KILL\n`)
    this.put('input/request.json', JSON.stringify({ action: 'remove', email: 'bob@example.org' }))
    const result = spawnSync(found.stdout.trim(), [`${templates}/host/user.py`], {
      env: this.env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    })
    this.remove('end')
    if (result.signal === null && result.status !== 0) throw new Error(`${result.stdout}${result.stderr}`)
    return result.signal
  }

  /** A step of templates/host/update.py, killed at its or the dump's call of Docker of this number. */
  update(step: string, call = 0) {
    this.remove('calls')
    this.put('end', `${call} KILL\n`)
    const { env } = this
    const result = spawnSync(found.stdout.trim(), [`${templates}/host/update.py`, step], {
      env,
      encoding: 'utf8',
    })
    this.remove('end')
    return { ...result, reached: call > 0 && Number(this.read('calls')) >= call }
  }

  /** As the images stage leaves it for another version of LibreChat. */
  fetchesImages(version: string): void {
    this.put('lab/compose.yaml', 'LAB_DATA')
    this.shell('mkdir -p lab/state/applied && cp -r lab/images lab/state/applied')
    this.put('lab/images/LIBRECHAT_IMAGE', `registry/librechat:${version}\nregistry/librechat@sha256:3\n`)
  }

  dump(...args: string[]) {
    const { env } = this
    const result = spawnSync(found.stdout.trim(), [program, ...args], { env, encoding: 'utf8' })
    return { ...result, json: JSON.parse(result.stdout.trim().split('\n').at(-1) || '{}') }
  }

  /** Has a dump count for more than the dumps may take of the disk together. */
  swell = (id: string) => this.shell(`truncate -s $(($(stat -f -c '%b * %S' dumps) / 3)) dumps/${id}/more`)

  /** What a dump holds, as what is served; without the search, which is in none. */
  holds(id: string): Omit<Served, 'search'> {
    const of = (name: string) => this.read(`dumps/${id}/${name}`)
    return {
      documents: of('mongodb.archive.gz'),
      letter: this.shell(`tar xOf dumps/${id}/files.tar uploads/letter.txt`),
      key: /^CREDS_KEY=(.*)$/m.exec(of('secrets.env'))?.[1],
      own: of('allowances.json'),
    }
  }

  /** Runs `dump`, which ends at its call of Docker of this number; whether it made so many. */
  endedAt(what: 'KILL' | 'TERM' | 'docker', call: number, ...args: string[]): boolean {
    this.remove('calls')
    this.put('end', `${call} ${what}\n`)
    const { signal, status, stderr } = this.dump(...args)
    this.remove('end')
    const reached = Number(this.read('calls')) >= call
    if (!reached && status !== 0) throw new Error(`${args[0]} at call ${call}: ${signal} ${stderr}`)
    return reached
  }

  /**
   * What the program makes of each of these archives of files, in new volumes below `restored/<number>`: its error, or "".
   * An entry is "kind name target", and a file contains its name.
   */
  restoresFiles(archives: readonly (readonly string[])[]): string[] {
    const script = `
import importlib.machinery, importlib.util, io, json, os, sys, tarfile
loader = importlib.machinery.SourceFileLoader("dump", sys.argv[1])
dump = importlib.util.module_from_spec(importlib.util.spec_from_loader("dump", loader))
loader.exec_module(dump)
kinds = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE}
os.mkdir(dump.DUMPS + "/x")
said = []
for number, entries in enumerate(json.loads(sys.argv[2])):
    dump.folder = lambda name: os.environ["WORK"] + "/restored/%d/%s" % (number, name.split("_")[1])
    for one in dump.FOLDERS: os.makedirs(dump.folder(dump.volume(one, "")))
    with tarfile.open(dump.DUMPS + "/x/files.tar", "w") as tar:
        for kind, name, *target in (line.split(" ") for line in entries):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kinds[kind], "".join(target), 0o700
            data = name.encode() if kind == "file" else b""
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    try:
        dump.restore_files("x", "")
        said.append("")
    except dump.Failed as failed:
        said.append(failed.error["code"])
print(json.dumps(said))`
    const args = ['-Bc', script, program, JSON.stringify(archives)]
    const { status, stdout, stderr } = spawnSync('python3', args, { env: this.env, encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    return JSON.parse(stdout)
  }

  /** What LibreChat serves now; undefined while it is stopped. */
  served(): Served | undefined {
    if (!this.list('.').includes('running')) return undefined
    const running = this.read('running')
    const data = /^LAB_DATA=(.*)$/m.exec(running)?.[1] ?? ''
    const stored = (path: string) => this.read(`volumes/librechat-lab_${path}`)
    return {
      documents: stored(`mongodb${this.read('mongodb').trim()}/documents`),
      letter: stored(`uploads${data}/letter.txt`),
      key: /^CREDS_KEY=(.*)$/m.exec(running)?.[1],
      own: this.read(`lab/state/allowances${data}.json`),
      search: this.list('.').includes(`indexed${data}`),
    }
  }
}
