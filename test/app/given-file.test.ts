import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { passphraseFor } from '../../src/app/backup/passphrase.js'
import type { Context } from '../../src/app/context.js'
import { readGiven, UnusableFile } from '../../src/app/given-file.js'
import { systemClock } from '../../src/core/clock.js'

const folder = mkdtempSync(join(tmpdir(), 'librechat-lab-given-'))
afterAll(() => rmSync(folder, { recursive: true }))
const context = { clock: systemClock, signal: new AbortController().signal } as Context
const file = (name: string, data: string | Buffer) => {
  writeFileSync(join(folder, name), data)
  return join(folder, name)
}
const pipe = (name: string) => {
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, name)])
  return join(folder, name)
}

describe('a file that a user names', () => {
  it.each([
    ['a folder', () => folder, 'a folder'],
    ['a device', () => '/dev/zero', 'a device'],
    ['too large', () => file('large', Buffer.alloc(101)), 'larger than 100'],
    ['not there', () => join(folder, 'nothing'), 'no such file'],
    ['a link to itself', () => join(folder, 'loop'), 'circle'],
  ])('is refused if it is %s', async (_, path, why) => {
    mkdirSync(folder, { recursive: true })
    execFileSync('ln', ['-sfn', 'loop', join(folder, 'loop')])
    const refused = expect.objectContaining({ why: expect.stringContaining(why) })
    await expect(readGiven(path(), 100, context)).rejects.toEqual(refused)
    await expect(readGiven(path(), 100, context)).rejects.toBeInstanceOf(UnusableFile)
  })

  it('can be a pipe, whose writer takes its time; without a writer it is empty', async () => {
    const path = pipe('slow')
    const writer = spawn('sh', ['-c', `exec 3>"$0"; sleep 0.3; echo words >&3`, path])
    // It can be read once somebody writes to it.
    let text = ''
    while (text === '') text = (await readGiven(path, 100, context)).toString()
    expect(text).toBe('words\n')
    writer.kill()
    expect((await readGiven(pipe('silent'), 100, context)).length).toBe(0)
  })

  it('that is a pipe which never ends is left at Ctrl-C', async () => {
    const path = pipe('endless')
    const writer = spawn('sh', ['-c', 'exec 3>"$0"; exec sleep 60', path])
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 200)
    const reading = async () => {
      for (;;) await readGiven(path, 100, { ...context, signal: stop.signal })
    }
    await expect(reading()).rejects.toThrow()
    writer.kill()
  })
})

describe('a passphrase', () => {
  const given = (data: string | Buffer, isNew = true) =>
    passphraseFor({ passphraseFile: file('pass.txt', data) }, context, { isNew })

  it('is the first line of its file, as OpenSSL reads it too', async () => {
    expect(await given('four random words\nmore\n')).toBe('four random words')
    expect(await given('four random words\r\n')).toBe('four random words')
    expect(await given('x'.repeat(1023))).toHaveLength(1023)
    expect(await given('ключ от архива')).toBe('ключ от архива')
  })

  it.each([
    ['of more than 1023 bytes', 'x'.repeat(1024)],
    ['of few letters with more bytes', 'я'.repeat(512)],
    ['that is not UTF-8', Buffer.from('four random w\xf6rds', 'latin1')],
    ['with a zero byte', 'four random\0words'],
    ['with a carriage return', 'four random\rwords\n'],
  ])('%s is refused before anything is locked with it', async (_, data) => {
    await expect(given(data)).rejects.toMatchObject({ code: 'bad-passphrase' })
    await expect(given(data, false)).rejects.toMatchObject({ code: 'bad-passphrase' })
  })

  it('is refused if it is empty or short', async () => {
    await expect(given('')).rejects.toMatchObject({ code: 'weak-passphrase' })
    await expect(given('', false)).rejects.toMatchObject({ code: 'bad-passphrase' })
  })
})
