// Loaded when a question is asked. Named one by one, for the rest (an editor, with every encoding there is) is large.
export { checkbox, confirm, input, password, select } from '@inquirer/prompts'
