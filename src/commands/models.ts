import { defineCommand } from '../app/define-command.js'

export const models = defineCommand({
  name: 'models',
  summary: 'List the models that this account can call, and why it can’t call others',
  examples: [
    ['models', 'by provider, newest first'],
    ['models --region eu-west-1 --json', 'another region, for a script'],
  ],
  callsAws: true,
  ofNoLab: true,
  async run(options, context): Promise<number> {
    const { listModels } = await import('../app/models.js')
    const { modelsJson, modelsText } = await import('../ui/models-view.js')
    const shown = await listModels(options, context)
    context.ui.result(modelsText(shown, context.ui), modelsJson(shown, context.ui))
    return 0
  },
})
