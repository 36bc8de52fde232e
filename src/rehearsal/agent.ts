import type { Session } from './account.js'
export class Agent {
  constructor(readonly sessionOf: (id: string) => Promise<Session | undefined>) {}
  async listen(): Promise<string> {
    return 'ws://127.0.0.1:1'
  }
}
