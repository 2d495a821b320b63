/** Refreshing as a client would that thinks it is alone: the negative control of the coordination. */
import { readConnection } from '../../src/connection-record.ts'
import { askAndKeep, type Refresher } from '../../src/refresh.ts'
import { usableOf } from '../../src/token.ts'

export const uncoordinated: Refresher = async (context, target, { trigger }) => {
  const usable = await usableOf(context, target, await readConnection(context, target.place))
  const kept = await askAndKeep(
    { context, target, usable, trigger },
    { record: usable.record, lasts: async () => true }
  )
  return kept ?? usable
}
