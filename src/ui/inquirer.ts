import { checkbox, confirm, input, password, select } from '@inquirer/prompts'

/** Loaded when a question is asked. Named one by one: the rest (an editor, with every encoding there is) is large. */
export const inquirer = { checkbox, confirm, input, password, select }
