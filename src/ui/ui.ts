export type { Ui } from '../app/context.js'
