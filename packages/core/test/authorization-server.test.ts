import t from 'tap'
import { InteractionError, isInteractionError } from '../src/authorization-server.ts'

t.test('InteractionError: a reason for the page, and the client only when it is known', async t => {
  t.match(new InteractionError('interaction_expired'), {
    reason: 'interaction_expired',
    statusCode: 400,
    clientName: null
  })
  t.match(new InteractionError('unavailable', { statusCode: 503, clientName: 'A' }), {
    statusCode: 503,
    clientName: 'A'
  })
  t.ok(isInteractionError(new InteractionError('unknown_client')))
  t.notOk(isInteractionError(new Error('unknown_client')))
  t.notOk(isInteractionError({ name: 'InteractionError' }))
})
