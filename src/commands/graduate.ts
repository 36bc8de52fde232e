import { defineCommand, type Only } from '../app/define-command.js'
import type { GraduateOptions } from '../app/graduate/choices.js'
import { passphraseOptions } from '../app/shared-options.js'

export const graduate = defineCommand({
  name: 'graduate',
  summary: 'Write the files that move the lab to Kubernetes',
  examples: [
    ['graduate --out k8s', 'asks'],
    ['graduate --out k8s --from lab.backup', 'from a backup'],
    ['graduate --out k8s --host chat.example.org --mongodb mongodb://db.example.org', 'no prompt'],
  ],
  options: {
    out: { kind: 'word', value: '<folder>', text: 'the new folder to write' },
    from: { kind: 'word', value: '<file>', text: 'a backup file; default: the lab itself' },
    namespace: { kind: 'word', value: '<name>', text: 'the namespace; default: librechat' },
    host: { kind: 'word', value: '<name>', text: 'the host name; default: the lab’s domain' },
    replicas: { kind: 'word', value: '<number>', text: 'how many replicas; default: 1' },
    mongodb: {
      kind: 'word',
      value: '<uri>',
      text: 'the database: Atlas, DocumentDB or your own',
      secret: true,
    },
    redis: { kind: 'word', value: '<uri>', text: 'Redis, for more than one replica', secret: true },
    bucket: { kind: 'word', value: '<name>', text: 'the S3 bucket for files, for more than one replica' },
    'storage-class': { kind: 'word', value: '<name>', text: 'the storage class of the volume for files' },
    'with-secrets': { kind: 'flag', text: 'write the lab’s keys in the clear, to secrets.yaml (mode 600)' },
    ...passphraseOptions,
  },
  exits: { 3: 'no such lab' },
  callsAws: true,
  changes: true,
  startsOver: true,
  async run(options, context): Promise<number> {
    const { graduate } = await import('../app/graduate/graduate.js')
    const { graduatedText } = await import('../ui/graduate-view.js')
    const done = await graduate(options satisfies Only<GraduateOptions, typeof options>, context)
    context.ui.result(graduatedText(done, context.ui), done)
    return 0
  },
})
