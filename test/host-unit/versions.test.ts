import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import {
  isHeld,
  migrationsOf,
  movesOf,
  movesText,
  pinnedVersions,
  refuseOlder,
} from '../../src/host/versions.js'

function templates(librechat: string): string {
  const work = mkdtempSync(join(tmpdir(), 'librechat-lab-versions-'))
  onTestFinished(() => rmSync(work, { recursive: true, force: true }))
  const pins = [
    'LIBRECHAT_IMAGE=a.b:5000/x/librechat:',
    'MONGODB_IMAGE=mongo:8.0.20',
    'MEILISEARCH_IMAGE=m:v1',
  ]
  writeFileSync(join(work, 'pins.env'), pins.join('\n').replace('librechat:', `librechat:${librechat}`))
  writeFileSync(
    join(work, 'migrations.json'),
    JSON.stringify([
      { name: 'x', below: 'v0.8.8', dryRun: ['a'], command: ['b'], source: 'https://example.org' },
    ]),
  )
  return work
}
const host = (librechat: string) => ({ versions: { librechat, mongodb: '8.0.20', meilisearch: 'v1' } })

it('reads a version from a tag, also where a registry has a port and the pin a digest', () => {
  expect(pinnedVersions(templates('v0.8.8@sha256:00'))).toEqual({
    librechat: 'v0.8.8',
    mongodb: '8.0.20',
    meilisearch: 'v1',
  })
})

it('moves what differs, and nothing of a host that doesn’t say its versions', () => {
  const moves = movesOf(host('v0.8.7'), templates('v0.8.8'))
  expect(movesText(moves)).toBe('LibreChat v0.8.7 to v0.8.8')
  expect(movesOf({ versions: {} })).toEqual([])
  expect(movesOf({ versions: { ...pinnedVersions() } })).toEqual([])
})

it.each([
  ['v0.8.7', 'v0.8.8', 1],
  ['v0.7.9', 'v0.8.10', 1],
  ['v0.8.8-rc1', 'v0.8.8', 1],
  ['v0.8.8', 'v0.8.9', 0],
  ['v0.8.6', 'v0.8.7', 0],
])('from %s to %s runs %i migrations', (from, to, count) => {
  const directory = templates(to)
  expect(migrationsOf(movesOf(host(from), directory), directory)).toHaveLength(count)
})

it.each([
  ['v0.8.8', 'v0.8.7'],
  ['v0.8.10', 'v0.8.9'],
  ['v0.8.8', 'v0.8.8-rc1'],
])('refuses to go back from %s to %s', (from, to) => {
  expect(() => refuseOlder(movesOf(host(from), templates(to)))).toThrow(
    expect.objectContaining({ code: 'older-version' }),
  )
  expect(() => refuseOlder(movesOf(host(to), templates(from)))).not.toThrow()
})

it('holds back exactly the versions that were rolled back', () => {
  const moves = movesOf(host('v0.8.7'), templates('v0.8.8'))
  const updates = (result: string, librechat: string) => ({
    updates: { portainer: null, system: null, librechat: { at: 'x', result, to: { librechat } } },
  })
  expect(isHeld(updates('rolled-back', 'v0.8.8'), moves)).toBe(true)
  expect(isHeld(updates('rolled-back', 'v0.8.9'), moves)).toBe(false)
  expect(isHeld(updates('updated', 'v0.8.8'), moves)).toBe(false)
})
