import type { Ui } from '../app/context.js'

export type { Ui } from '../app/context.js'

/** What a view needs: colours, and commands as the user has to type them. */
export type Paint = Pick<Ui, 'style' | 'hint'>
