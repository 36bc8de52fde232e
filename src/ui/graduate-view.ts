import type { Ui } from '../app/context.js'
import type { Graduated } from '../app/graduate/graduate.js'
import { clean } from './style.js'

export function graduatedText(done: Graduated, { hint }: Pick<Ui, 'hint'>): string {
  const { folder, files, host, namespace, replicas, image } = done
  const where = clean(folder)
  return [
    `Wrote ${files.length} files to ${where}. Nothing else was changed.`,
    `  ${host}, ${replicas === 1 ? '1 replica' : `${replicas} replicas`} in the namespace ${namespace}`,
    `  ${image}`,
    `  ${keysText(done, hint)}`,
    `  Next: read ${where}/README.md. It has each step with its commands, the check after it, and the way back.`,
  ].join('\n')
}

const keysText = ({ keys, folder }: Graduated, hint: Ui['hint']): string => {
  switch (keys) {
    case 'written':
      return `The lab’s keys are in ${clean(folder)}/secrets.yaml, in the clear. Delete it when the cluster has them.`
    case 'sealed':
      return 'The lab’s keys are sealed in it. The passphrase of the backup opens them.'
    case 'in-backup':
      return `The lab’s keys are not in it. They come with the backup that the README asks for: ${hint({ command: { path: 'backup', args: ['lab.backup'] } })}`
  }
}
