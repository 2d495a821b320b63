import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { mock } from 'node:test'
import { settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { createOpenStreams } from '../src/open-streams.ts'

/** As much of a response as is looked at. */
function createResponse(headersSent = true): ServerResponse & { headersSent: boolean; ended: number } {
  const response = Object.assign(new EventEmitter(), {
    headersSent,
    ended: 0,
    end() {
      response.ended++
    }
  })
  return response as unknown as ServerResponse & { headersSent: boolean; ended: number }
}

t.beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
t.afterEach(() => mock.timers.reset())

t.test('RS-4: each stream ends at its own time, and is told of once', async t => {
  const clock = settableClock(1000)
  const streams = createOpenStreams(clock)
  const ended: string[] = []
  const [early, late] = [createResponse(), createResponse()]
  streams.add({ response: early, expiresAt: 1010, onEnd: () => ended.push('early') })
  streams.add({ response: late, expiresAt: 1020, onEnd: () => ended.push('late') })
  clock.advance(9)
  mock.timers.tick(5000)
  t.strictSame(ended, [])
  clock.advance(1)
  mock.timers.tick(1000)
  mock.timers.tick(1000)
  t.strictSame(ended, ['early'])
  t.equal(early.ended, 1)
  t.equal(early.write('more'), true, 'writing on does no harm')
  t.equal(late.ended, 0)
  clock.advance(10)
  mock.timers.tick(1000)
  t.strictSame(ended, ['early', 'late'])
})

t.test('what has not begun to answer is left alone until it does', async t => {
  const clock = settableClock(1000)
  const streams = createOpenStreams(clock)
  const response = createResponse(false)
  let ended = 0
  streams.add({ response, expiresAt: 1000, onEnd: () => ended++ })
  mock.timers.tick(1000)
  t.equal(ended, 0)
  response.headersSent = true
  mock.timers.tick(1000)
  t.equal(ended, 1)
})

t.test('a stream that was closed, and an app that was, end nothing', async t => {
  const clock = settableClock(1000)
  const streams = createOpenStreams(clock)
  let ended = 0
  const closed = createResponse()
  streams.add({ response: closed, expiresAt: 1000, onEnd: () => ended++ })
  closed.emit('close')
  mock.timers.tick(2000)
  streams.add({ response: createResponse(), expiresAt: 1000, onEnd: () => ended++ })
  streams.close()
  mock.timers.tick(2000)
  t.equal(ended, 0)
})
