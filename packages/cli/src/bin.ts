#!/usr/bin/env node
/** `mcp-auth`, as npm installs it. */
import { main } from './main.ts'

const code = await main(process.argv.slice(2))
// An app may keep timers and connections of its own open: whatever was printed is out, and nothing else is waited for.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
