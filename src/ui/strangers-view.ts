import type { Stranger } from '../resources/identity.js'
import type { LabId } from '../resources/ownership.js'
import { clean } from './style.js'
import type { Ui } from './ui.js'

const nouns: Record<Stranger['kind'], string> = {
  instance: 'instance',
  address: 'Elastic IP',
  group: 'security group',
  volume: 'volume',
  parameter: 'parameter',
}

/** What bears the lab's tags and is left alone; a volume that nothing uses costs, so the way to delete it stands here. */
export function strangerLines(
  strangers: readonly Stranger[],
  { region }: LabId,
  style: Ui['style'],
): string[] {
  if (strangers.length === 0) return []
  const lines = strangers.flatMap(({ kind, id, name, why }) => [
    `  ${style('dim', '·')} ${nouns[kind]} ${clean(id)}${name ? `  ${style('dim', clean(name))}` : ''}`,
    `      ${clean(why)}`,
    ...(kind === 'volume'
      ? [`      If you don’t need it: aws ec2 delete-volume --region ${region} --volume-id ${clean(id)}`]
      : []),
  ])
  return [style('bold', 'Left alone: not proven to be the lab’s'), ...lines]
}
