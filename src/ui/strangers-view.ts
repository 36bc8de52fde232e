import type { Stranger } from '../app/destruction.js'
import type { LabId } from '../app/open-lab.js'
import { clean } from './style.js'
import type { Ui } from './ui.js'

const nouns: Record<Stranger['kind'], string> = {
  instance: 'instance',
  address: 'Elastic IP',
  group: 'security group',
  role: 'role',
  profile: 'instance profile',
  budget: 'budget',
  'schedule-group': 'schedule group',
  volume: 'volume',
  parameter: 'parameter',
  snapshot: 'snapshot',
  image: 'machine image',
  interface: 'network interface',
}

/**
 * Unproven resources with the lab's tags, which are not changed. An unused volume costs money, so its line says how
 * to delete it.
 */
export function strangerLines(
  strangers: readonly Stranger[],
  { region }: LabId,
  { style, hint }: Pick<Ui, 'style' | 'hint'>,
): string[] {
  if (strangers.length === 0) return []
  const lines = strangers.flatMap(({ kind, id, name, why }) => [
    `  ${style('dim', '·')} ${nouns[kind]} ${clean(id)}${name ? `  ${style('dim', clean(name))}` : ''}`,
    `      ${clean(why)}`,
    ...(kind === 'volume'
      ? [
          `      If you don’t need it: ${hint({ run: `aws ec2 delete-volume --region ${region} --volume-id ${clean(id)}` })}`,
        ]
      : []),
  ])
  return [style('bold', 'Left alone: not proven to be the lab’s'), ...lines]
}
