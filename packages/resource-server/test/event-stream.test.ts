import fc from 'fast-check'
import t from 'tap'
import { createEventRewriter, isEventStream } from '../src/event-stream.ts'

const shout = (message: unknown): unknown => (message === 'same' ? message : { was: message })

function pass(chunks: readonly string[]): string {
  const rewriter = createEventRewriter(shout)
  return chunks.map(chunk => rewriter.write(Buffer.from(chunk))).join('') + rewriter.end()
}

t.test('HTML 9.2.6: data of one or several lines, in every spelling of a line end', async t => {
  t.equal(pass(['data: 1\n\n']), 'data: {"was":1}\n\n')
  t.equal(pass(['data:1\r\n\r\n']), 'data: {"was":1}\r\n\r\n')
  t.equal(pass(['data: 1\r\rdata: 2\r\r']), 'data: {"was":1}\r\rdata: {"was":2}\r\r')
  t.equal(pass(['data: [1,\ndata: 2]\n\n']), 'data: {"was":[1,2]}\n\n')
  t.equal(pass(['\uFEFFdata: 1\n\n']), 'data: {"was":1}\n\n')
  t.equal(
    pass(['id: 7\nevent: message\ndata: 1\nretry: 5\n\n']),
    'id: 7\nevent: message\nretry: 5\ndata: {"was":1}\n\n'
  )
})

t.test('what has no JSON, or is not to be changed, passes as it is', async t => {
  for (const text of [
    ': ping\n\n',
    'data: \n\n',
    'data\n\n',
    'event: endpoint\ndata: /messages?x=1\n\n',
    'data: "same"\n\n',
    '\n\n\n'
  ])
    t.equal(pass([text]), text)
})

t.test('nothing leaves before its event is whole, and what is left over is not let out unread', async t => {
  const rewriter = createEventRewriter(shout)
  t.equal(rewriter.write(Buffer.from('data: 1\r')), '')
  t.equal(rewriter.write(Buffer.from('\n\r')), '')
  t.equal(rewriter.write(Buffer.from('\ndata: 2')), 'data: {"was":1}\r\n\r\n')
  t.equal(rewriter.end(), 'data: {"was":2}')
})

t.test('an event of many pieces is read once, not once for each piece', async t => {
  const rewriter = createEventRewriter(message => String(message).length)
  const byte = Buffer.from('x')
  rewriter.write(Buffer.from('data: "'))
  // Read anew with every byte, this takes minutes.
  for (let count = 0; count < 500_000; count++) if (rewriter.write(byte) !== '') t.fail('nothing is whole yet')
  t.equal(rewriter.write(Buffer.from('"\n\n')), 'data: 500000\n\n')
})

t.test('fast-check: however the bytes are cut, line ends are the same', async () => {
  const text = fc
    .array(fc.constantFrom('\n', '\r', 'data: 1', 'data: "same"', 'x'), { maxLength: 12 })
    .map(pieces => pieces.join(''))
  fc.assert(
    fc.property(text, fc.array(fc.nat({ max: 60 }), { maxLength: 8 }), (all, cuts) => {
      const places = [0, ...cuts.map(cut => cut % (all.length + 1)), all.length].toSorted((a, b) => a - b)
      return pass(places.map((place, index) => all.slice(places[index - 1] ?? 0, place))) === pass([all])
    }),
    { numRuns: 2000 }
  )
})

t.test('HTML 9.2.6: what is an event stream shows in the content type, blanks, case and lists aside', async t => {
  for (const type of ['text/event-stream', ' \tText/Event-Stream; charset=utf-8', ['text/event-stream']])
    t.ok(isEventStream(type), String(type))
  for (const type of [undefined, 'text/plain', 'x text/event-stream', 3, []]) t.notOk(isEventStream(type), String(type))
})

t.test('fast-check: however the bytes are cut, the events are the same', async () => {
  const event = fc.tuple(fc.jsonValue(), fc.constantFrom('\n', '\r\n', '\r'))
  const events = fc.array(event, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(events, fc.array(fc.nat({ max: 200 }), { maxLength: 6 }), (list, cuts) => {
      const bytes = Buffer.from(list.map(([value, end]) => `data: ${JSON.stringify(value)}${end}${end}`).join(''))
      const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
      const rewriter = createEventRewriter(message => ({ was: message }))
      const out = places.map((place, index) => rewriter.write(bytes.subarray(places[index - 1] ?? 0, place))).join('')
      const expected = list.map(([value, end]) => `data: ${JSON.stringify({ was: value })}${end}${end}`).join('')
      return out + rewriter.end() === expected
    }),
    { numRuns: 500 }
  )
})
