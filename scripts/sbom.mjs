// The bill of materials of the published program (CycloneDX): npm's own of everything installed, less what is not in
// the bundle. Needs a build. Prints it.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const root = new URL('..', import.meta.url)
const bundled = JSON.parse(readFileSync(new URL('.cache/bundled.json', root), 'utf8'))
const ids = new Set(bundled.map(({ name, version }) => `${name}@${version}`))

const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
const bill = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 1e8 }))

const idOf = ({ group, name, version }) => `${group ? `${group}/` : ''}${name}@${version}`
const components = bill.components.filter((component) => ids.has(idOf(component)))
const missing = [...ids].filter((id) => !components.some((component) => idOf(component) === id))
if (missing.length > 0) throw new Error(`npm's bill lacks ${missing.join(', ')}`)

const kept = new Set([bill.metadata.component['bom-ref'], ...components.map((c) => c['bom-ref'])])
const dependencies = bill.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => kept.has(other)) }))
process.stdout.write(`${JSON.stringify({ ...bill, components, dependencies }, null, 2)}\n`)
