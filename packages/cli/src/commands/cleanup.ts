/** Removes what has expired. */
import { type Command, count, EXIT_CODES, noWords, withServer } from '../command.ts'

export const cleanup: Command = {
  name: 'cleanup',
  summary: 'remove expired records',
  forms: ['[--limit N]'],
  details: [
    'In bounded batches, beside a running app, on any node and on several at once. Nothing depends on it for correctness: run it every hour or every night, whichever keeps the database small.'
  ],
  options: { limit: { type: 'string', value: 'N', about: 'records at most; all when left out' } },
  async run(call) {
    noWords(call.words)
    const limit = count(call, 'limit')
    const removed = await withServer(call, server => server.cleanup(limit === undefined ? {} : { limit }))
    call.out.facts({ removed })
    return EXIT_CODES.done
  }
}
