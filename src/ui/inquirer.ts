import { checkbox, confirm, input, password, select } from '@inquirer/prompts'

/**
 * Loaded when a question is asked. Imports single prompts, because the rest (an editor with all encodings) is large.
 */
export const inquirer = { checkbox, confirm, input, password, select }
