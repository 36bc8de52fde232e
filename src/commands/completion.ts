import { defineCommand } from '../app/define-command.js'

export const completion = defineCommand({
  name: 'completion',
  summary: 'Print a completion script for your shell',
  examples: [
    ['completion bash', 'for ~/.bashrc: source <(librechat-lab completion bash)'],
    ['completion zsh', 'for ~/.zshrc, after compinit: source <(librechat-lab completion zsh)'],
    ['completion fish', 'for config.fish: librechat-lab completion fish | source'],
  ],
  args: [{ name: '<shell>', text: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] }],
  async run(_, { ui, completionScript }, [shell]) {
    const script = await completionScript(shell)
    ui.result(script, { shell, script })
    return 0
  },
})
