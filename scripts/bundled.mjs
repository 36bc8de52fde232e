// Which packages are really in the bundle, by esbuild's own account, and under which licences.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * The packages that gave at least one byte to the bundle, by name.
 * @returns {{name: string, version: string, licence: string, text: string}[]}
 * @throws Error for a package whose licence isn't known to permit this, or has no text
 */
export function bundledPackages(metafile, root) {
  const folders = new Set()
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []
      if (folder && bytesInOutput > 0) folders.add(resolve(root, folder))
    }
  }
  const all = [...folders].map(packageIn)
  const byName = new Map(all.map((one) => [idOf(one), { ...one, text: one.text || siblingsText(one, all) }]))
  return [...byName.values()].sort((a, b) => idOf(a).localeCompare(idOf(b)))
}

/** Some authors put the text into one package of a family only. */
function siblingsText({ name, licence, author }, all) {
  const sibling = all.find((one) => one.text && one.licence === licence && one.author === author)
  if (!sibling) throw new Error(`${name} has no text of its licence.`)
  return sibling.text
}

const idOf = ({ name, version }) => `${name}@${version}`

/** What may be handed on in a program under MIT, with its notice. */
const permitted = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']

function packageIn(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (!permitted.includes(license)) throw new Error(`${name} is under ${license}: not one of ${permitted}`)
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  return {
    name,
    version,
    licence: license,
    author: typeof author === 'object' ? author.name : author,
    text: texts.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n'),
  }
}

/** Each licence's text once, below the packages that carry it. */
export function licencesText(packages) {
  const byText = new Map()
  for (const one of packages) byText.set(one.text, [...(byText.get(one.text) ?? []), one])
  const parts = [...byText].map(
    ([text, of]) => `${of.map((one) => `${idOf(one)} (${one.licence})`).join('\n')}\n\n${text}\n`,
  )
  const line = `${'-'.repeat(78)}\n`
  return `librechat-lab contains these packages, under their own licences.\n\n${line}${parts.join(`\n${line}`)}`
}
