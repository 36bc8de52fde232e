import type { Ui } from '../app/context.js'

export type { Ui } from '../app/context.js'

/** What a text needs: colours, and commands as this person has to type them. */
export type Paint = Pick<Ui, 'style' | 'hint'>
