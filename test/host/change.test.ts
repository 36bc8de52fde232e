import { describe, expect, it } from 'vitest'
import { readHealth } from '../../src/host/host-health.js'
import { release, stackInput } from '../../src/host/settings.js'
import { setUpHost } from '../../src/host/setup.js'
import { runStage } from '../../src/host/stage.js'
import { libreChat } from './lab.js'
import { Suite, services } from './suite.js'

const suite = new Suite()
const { sh, putStack, secrets, healthy, signedIn } = suite

describe('a change', () => {
  const update = () =>
    setUpHost(suite.lab.host, suite.lab.settings, undefined, { proof: undefined, again: true })
  const config = async () => {
    const browser = await signedIn()
    const { body } = await browser.ask('GET', '/api/config')
    browser.close()
    return JSON.parse(body)
  }
  const documents = () =>
    sh(
      'cat "$(docker volume inspect -f "{{.Mountpoint}}" librechat-lab_mongodb$(sed -n s/^LAB_DATA=//p /opt/librechat-lab/.env))"/documents.json',
    )

  it('of a pinned image dumps first, migrates, and keeps data and secrets', async () => {
    const kept = await secrets()
    suite.lab.migratesBelow('v0.8.9')
    // As the script that refreshes the pins writes them: the tag and its digest.
    const digest = await sh('cat /srv/registry/tags/librechat-ai/librechat/v0.8.9')
    suite.lab.pin(libreChat(`v0.8.9@${digest}`))
    const before = (await readHealth(suite.lab.host)).release
    const { health } = await setUpHost(suite.lab.host, suite.lab.settings)
    expect(health.healthy).toBe(true)
    expect(health.release).not.toBe(before)
    expect(health).toMatchObject({
      versions: { librechat: 'v0.8.9' },
      updates: { librechat: { result: 'updated' } },
      updatePending: false,
    })
    expect(await config()).toMatchObject({ version: 'v0.8.9' })
    expect(await documents()).toContain('"migrated":"v0.8.9"')
    expect(await sh('ls /var/lib/librechat-lab/dumps')).toMatch(/-update$/m)
    expect(await secrets()).toBe(kept)
  })

  // Each takes about ten minutes, too long for `.ci/run`.
  it.skipIf(process.env.CI).each([
    ['fails its migration', 'v0.8.10', /E11000/],
    ['does not start', 'v0.8.11', /librechat: /],
  ])(
    'to a version that %s is rolled back by the host, with all data',
    { timeout: 1_800_000 },
    async (_, version, why) => {
      const kept = await documents()
      suite.lab.migratesBelow(version)
      suite.lab.pin(libreChat(version))
      await expect(update()).rejects.toMatchObject({
        code: 'update-rolled-back',
        why: expect.stringMatching(why),
      })
      const health = await healthy()
      expect(health.versions.librechat).toBe('v0.8.9')
      expect(health.warnings).toContainEqual(expect.objectContaining({ code: 'update-rolled-back' }))
      expect(JSON.parse(await documents())).toEqual(JSON.parse(kept))
      expect(await sh('docker exec librechat-lab-librechat-1 cat /app/uploads/migrated')).toBe('v0.8.9')
      expect(await config()).toMatchObject({ version: 'v0.8.9' })
      // A plain run leaves the version alone, and is done in the usual time.
      await setUpHost(suite.lab.host, suite.lab.settings)
      expect((await healthy()).versions.librechat).toBe('v0.8.9')
    },
  )

  it('to a version that is older than what runs is refused', async () => {
    suite.lab.pin(libreChat('v0.8.8'))
    await runStage(suite.lab.host, 'images', { timeoutSeconds: 900 })
    await expect(
      runStage(suite.lab.host, 'stack', {
        input: stackInput(suite.lab.settings, suite.lab.templates),
        timeoutSeconds: 900,
      }),
    ).rejects.toMatchObject({ code: 'older-version' })
    expect(await config()).toMatchObject({ version: 'v0.8.9' })
    suite.lab.pin(libreChat('v0.8.9'))
  })

  it('to an image that its registry does not give takes the fallback', async () => {
    suite.lab.pin({
      LIBRECHAT_IMAGE: '127.0.0.1:5000/librechat-ai/gone:v0.8.9',
      LIBRECHAT_IMAGE_FALLBACK: '127.0.0.1:5000/librechat-ai/librechat:v0.8.9',
    })
    await runStage(suite.lab.host, 'images', { timeoutSeconds: 900 })
    expect(await sh('cat /opt/librechat-lab/images/LIBRECHAT_IMAGE')).toMatch(
      /gone:v0\.8\.9\n.*librechat@sha256:/,
    )
    suite.lab.pin({
      LIBRECHAT_IMAGE: '127.0.0.1:5000/librechat-ai/gone:v1',
      LIBRECHAT_IMAGE_FALLBACK: '127.0.0.1:5000/gone:v2',
    })
    await expect(runStage(suite.lab.host, 'images', { timeoutSeconds: 900 })).rejects.toMatchObject({
      code: 'image-pull',
    })
    suite.lab.pin(libreChat('v0.8.9'))
  })

  it('of the search engine has everything indexed again', async () => {
    suite.lab.pin({ ...libreChat('v0.8.9'), MEILISEARCH_VOLUME: 'v1.36.0' })
    await putStack()
    // Beside the data that a rollback has restored.
    expect(await sh("docker volume ls -q | grep meilisearch | sed 's/-r[0-9]*$//' | sort -u")).toBe(
      'librechat-lab_meilisearch-v1.35.1\nlibrechat-lab_meilisearch-v1.36.0',
    )
    expect(await sh('docker exec librechat-lab-librechat-1 cat /app/data/search-reset')).toBe('y n')
    suite.lab.pin(libreChat('v0.8.9'))
  })

  it('to a domain brings HSTS and the way to its name, and keeps the address', async () => {
    const settings = { ...suite.lab.settings, domain: 'chat.example.org' }
    await putStack(settings)
    // Nobody can give this machine a certificate for that name, and a site that does not open is not well.
    const { release: there, services: running, problems } = await readHealth(suite.lab.host)
    expect({ there, running }).toEqual({ there: release(settings, suite.lab.templates), running: services })
    expect(problems).toEqual([
      expect.objectContaining({ code: 'certificate', text: expect.stringContaining('must point to') }),
    ])
    const browser = await signedIn()
    expect((await browser.ask('GET', '/api/config')).headers['strict-transport-security']).toMatch(/max-age/)
    browser.close()
    expect(await sh('curl -si http://10.0.2.15/ | grep -i ^location')).toMatch('https://chat.example.org/')
  })
})
