/** When somebody last looked at the tools of a server, and how many there were: what lists of servers show, in every process. */
import type { Context } from './context.ts'

/** The last look of anybody at the tools of a server. */
export interface LastLook {
  readonly count: number
  /** Epoch seconds. */
  readonly syncedAt: number
}

type Kept = Pick<Context, 'records'>

export async function rememberLook({ records }: Kept, server: string, look: LastLook): Promise<void> {
  const [key, value] = [keyOf(server), JSON.stringify(look)]
  // Whoever writes last is right.
  if (await records.state.update(key, {}, { value })) return
  if (!(await records.state.insert(key, { value, revision: 1 }))) await records.state.update(key, {}, { value })
}

export async function lastLook({ records }: Kept, server: string): Promise<LastLook | null> {
  const record = await records.state.get(keyOf(server))
  return record ? (JSON.parse(record.value) as LastLook) : null
}

/** What was seen at a server that is gone says nothing about the next one of that id. */
export async function forgetLook({ records }: Kept, server: string): Promise<void> {
  await records.state.remove(keyOf(server))
}

function keyOf(server: string): string {
  return `last_look ${server}`
}
