/** Asks for a briefing: `npx -y pnpm@12.21.0 order alice`. */
import { openQueueOf } from './queue.ts'

const queue = await openQueueOf(process.env)
await queue.add(process.argv[2] ?? 'alice')
await queue.close()
