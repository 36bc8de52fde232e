#!/usr/bin/env node
// With --debug, an error's places are those of the source.
if (process.argv.includes('--debug')) process.setSourceMapsEnabled(true)
await import('../dist/cli.js')
