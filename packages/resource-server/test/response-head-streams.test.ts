import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import { watchHead } from '../src/response-head.ts'

const STREAM = 'text/event-stream'
const HEADS: [string, (response: ServerResponse) => unknown, boolean][] = [
  ['with writeHead', response => response.writeHead(200, { 'Content-Type': STREAM }), true],
  ['with writeHead and a message', response => response.writeHead(200, 'OK', { 'content-type': STREAM }), true],
  ['as a list', response => response.writeHead(200, ['content-type', STREAM]), true],
  [
    'set before',
    response => response.setHeader('content-type', ` ${STREAM.toUpperCase()};charset=utf-8`).writeHead(200),
    true
  ],
  ['by the first piece of the body', response => response.setHeader('content-type', STREAM).write(': hello'), true],
  ['flushed', response => response.setHeader('content-type', STREAM).flushHeaders(), true],
  [
    'replaced',
    response => response.setHeader('content-type', STREAM).writeHead(200, { 'content-type': 'text/plain' }),
    false
  ],
  ['of another type', response => response.writeHead(200, { 'content-type': 'text/plain', 'x-type': STREAM }), false],
  ['without a type', response => response.writeHead(200), false],
  ['never', () => undefined, false]
]

for (const [name, head, isStream] of HEADS)
  t.test(`RS-4: whether a response is an event stream shows in its head: ${name}`, t => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    const seen: boolean[] = []
    const reply = { raw: response, getHeaders: () => ({}) } as FastifyReply
    const onEventStream = () => void seen.push(response.headersSent)
    watchHead({ reply, isSending: false, onEventStream, writeHead: null })
    head(response)
    t.strictSame(seen, isStream ? [false] : [])
    t.equal(response.headersSent, name !== 'never')
    if (name !== 'never')
      t.throws(() => response.writeHead(200, { 'content-type': STREAM }), { code: 'ERR_HTTP_HEADERS_SENT' })
    t.strictSame(seen, isStream ? [false] : [], 'once')
    t.end()
  })
