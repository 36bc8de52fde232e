import { constants, createHash, publicEncrypt } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import type { Host } from './account.js'

/** The keys of a rehearsed lab: always the same, and not used anywhere. */
export const playedKeys: Readonly<Record<string, string>> = Object.fromEntries(
  ['CREDS_KEY', 'CREDS_IV', 'JWT_SECRET', 'JWT_REFRESH_SECRET', 'MEILI_MASTER_KEY'].map((name) => [
    name,
    createHash('sha256')
      .update(`played ${name}`)
      .digest('hex')
      .slice(0, name === 'CREDS_IV' ? 32 : 64),
  ]),
)

/** What `templates/host/graduate.py` answers. */
export function graduateAnswer(request: string | undefined, host: Host): string {
  const { publicKey } = JSON.parse(request ?? '{}') as { publicKey: string | null }
  if (host.librechatYaml === undefined) {
    const error = {
      code: 'host-not-set-up',
      what: 'The host has no LibreChat yet.',
      why: 'Its set-up did not get that far.',
      fix: [{ code: 'up' }],
    }
    return JSON.stringify({ error })
  }
  const plain = { librechatYaml: host.librechatYaml, own: host.allowances ?? {} }
  const seal = (value: string) =>
    publicEncrypt(
      { key: publicKey ?? '', padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      Buffer.from(value),
    ).toString('base64')
  return JSON.stringify({
    graduate: {
      plain: deflateSync(JSON.stringify(plain)).toString('base64'),
      sealed:
        publicKey === null
          ? null
          : Object.fromEntries(Object.entries(playedKeys).map(([name, value]) => [name, seal(value)])),
    },
  })
}
