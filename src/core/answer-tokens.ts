/**
 * Tokens of one answer, thinking included. Bedrock takes input and the maximum from the per-minute quota when a request
 * starts: without a maximum LibreChat asks for 64,000 or 128,000 tokens of Claude, which a new account's quota refuses at
 * the first message. LibreChat takes 2000 for thinking, and the API wants fewer for thinking than for the whole answer.
 */
export const answerTokens = { default: 8192, least: 2048, most: 128_000 } as const
