import { expect, it } from 'vitest'
import { backupsText } from '../../src/ui/backup-view.js'

const hint = (given: object) => JSON.stringify(given)
const dump = (id: string, librechat: string | null) => ({
  id,
  at: '2026-01-02T02:00:00Z',
  reason: 'nightly',
  bytes: 1024,
  librechat,
})

it('backup list marks a damaged dump, says how to delete it, and offers the newest of the others', () => {
  const dumps = [dump('20260101T020000Z-nightly', 'v0.8.8'), dump('20260102T020000Z-nightly', null)]
  const text = backupsText({ dumps, snapshots: [], withoutHost: undefined }, { hint })
  expect(text).toMatch(/20260102T020000Z-nightly .* damaged/)
  expect(text).toContain('"restore","args":["20260101T020000Z-nightly"]')
  expect(text).toContain('sudo rm -r /var/lib/librechat-lab/dumps/20260102T020000Z-nightly')
  const damaged = backupsText({ dumps: dumps.slice(1), snapshots: [], withoutHost: undefined }, { hint })
  expect(damaged).not.toContain('restore the newest')
  const whole = backupsText({ dumps: dumps.slice(0, 1), snapshots: [], withoutHost: undefined }, { hint })
  expect(whole).not.toContain('rm -r')
})
