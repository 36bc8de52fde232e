import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { Clock } from '../core/clock.js'
import { LabError } from '../core/error.js'
import { type Account, freshAccount } from './account.js'

/** A lock is held for milliseconds; a process that holds one longer is dead or asleep. */
const abandonedAfterMs = 10_000
const waitAtMostMs = 20_000

/**
 * The rehearsal account, kept in one JSON file between commands. Each change is one transaction: read, change, write
 * to a new file, rename. A lock file with its holder's name serializes concurrent processes.
 */
export class Store {
  constructor(
    private readonly path: string,
    private readonly clock: Clock,
  ) {}

  /**
   * Runs `work` on the account and saves its changes; none if `work` throws. `work` must be synchronous, so that
   * nothing else in this process runs in between. LabError `rehearsal-locked`.
   */
  async change<Result>(work: (account: Account) => Result): Promise<Result> {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 })
    const deadline = Date.now() + waitAtMostMs
    while (!this.lock()) {
      if (Date.now() > deadline) throw this.locked()
      await this.clock.sleep(3 + Math.random() * 10)
    }
    try {
      const before = this.read()
      const account = before.account
      const result = work(account)
      const text = JSON.stringify(account)
      if (text !== before.text) this.write(text)
      return result
    } finally {
      rmSync(this.lockPath, { force: true })
    }
  }

  private get lockPath() {
    return `${this.path}.lock`
  }

  private read(): { account: Account; text: string } {
    const text = readIfThere(this.path)
    const account = text === undefined ? undefined : parse(text)
    return account ? { account, text: text ?? '' } : { account: freshAccount(), text: '' }
  }

  private write(text: string): void {
    const fresh = `${this.path}.${process.pid}`
    const file = openSync(fresh, 'w', 0o600)
    try {
      writeSync(file, text)
    } finally {
      closeSync(file)
    }
    renameSync(fresh, this.path)
  }

  /** Whether this process has the lock now. */
  private lock(): boolean {
    if (create(this.lockPath, holder())) return true
    if (!isAbandoned(this.lockPath)) return false
    // Only one process may remove it; otherwise a second one would remove the first one's new lock.
    const breaking = `${this.lockPath}.breaking`
    if (!create(breaking, holder())) {
      if (isOld(breaking)) rmSync(breaking, { force: true })
      return false
    }
    try {
      if (isAbandoned(this.lockPath)) rmSync(this.lockPath, { force: true })
    } finally {
      rmSync(breaking, { force: true })
    }
    return create(this.lockPath, holder())
  }

  private locked(): LabError {
    return new LabError({
      code: 'rehearsal-locked',
      what: 'Another rehearsal is using the rehearsal account.',
      why: `${readIfThere(this.lockPath) ?? 'Someone'} holds ${this.lockPath}.`,
      fix: ['Wait until it has finished, then run the same command again.', `Or delete ${this.lockPath}`],
    })
  }
}

const holder = () => `process ${process.pid} on ${hostname()}`

/** Creates a file that must not exist; returns whether that worked. */
function create(path: string, text: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600)
    writeSync(file, text)
    closeSync(file)
    return true
  } catch (error) {
    // Windows says EPERM or EBUSY while another process is just removing it.
    if (['EEXIST', 'EPERM', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

const isOld = (path: string): boolean => {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats !== undefined && Date.now() - stats.mtimeMs > abandonedAfterMs
}

/** Whether the lock's process on this machine has ended, or the lock is too old. */
function isAbandoned(path: string): boolean {
  if (isOld(path)) return true
  const [, pid, machine] = /^process (\d+) on (.*)$/.exec(readIfThere(path) ?? '') ?? []
  if (!pid || machine !== hostname()) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** A file of an older version, or a damaged one, is replaced by a new rehearsal. */
function parse(text: string): Account | undefined {
  try {
    const account = JSON.parse(text) as Account
    return account.version === freshAccount().version ? account : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
