import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { type Tap, tapResponse } from '../src/raw-response.ts'

interface Answer {
  /** Null: the connection was cut. */
  readonly status: number | null
  readonly body: string
  /** What the writer got to see of it. */
  readonly thrown: unknown
}

/** What reaches a client over a real connection. */
async function answer(tap: Tap, write: (response: ServerResponse) => void): Promise<Answer> {
  let thrown: unknown = null
  const server = createServer((_, response) => {
    tapResponse(response, tap)
    try {
      write(response)
    } catch (error) {
      thrown = error
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return { status: response.status, body: await response.text(), thrown }
  } catch {
    return { status: null, body: '', thrown }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const TYPES = { json: 'application/json', stream: 'text/event-stream' }

for (const onHead of [undefined, async () => undefined]) {
  const when = onHead ? 'later' : 'at once'
  t.test(
    `a response that is written in one call ends once, and its writer hears of no error (head ${when})`,
    async t => {
      const rewrite = (message: unknown): unknown => ({ seen: message })
      for (const [type, text, expected] of [
        [TYPES.json, '1', '{"seen":1}'],
        [TYPES.stream, 'data: 1\n\n', 'data: {"seen":1}\n\n'],
        [TYPES.json, '', '']
      ] as const) {
        const got = await answer({ rewrite, onHead }, response => {
          response.writeHead(200, { 'content-type': type })
          response.end(text)
        })
        t.strictSame(got, { status: 200, body: expected, thrown: null }, type)
      }
    }
  )

  t.test(
    `RS-19: a rewriting that fails lets nothing out and breaks neither writer nor process (head ${when})`,
    async t => {
      const rewrite = (): never => {
        throw new Error('the app decided so')
      }
      const json = await answer({ rewrite, onHead }, response => {
        response.writeHead(200, { 'content-type': TYPES.json })
        response.end('"secret"')
      })
      t.match(json, { status: 500, thrown: null })
      t.notMatch(json.body, 'secret')
      const stream = await answer({ rewrite, onHead }, response => {
        response.writeHead(200, { 'content-type': TYPES.stream })
        response.write('data: "secret"\n\n')
        response.end('data: "more"\n\n')
      })
      t.equal(stream.thrown, null)
      t.notMatch(stream.body, /secret|more/)
    }
  )
}

t.test('RS-19: where only event streams are read, one is known by its type however that is written', async t => {
  const tap = { rewrite: (message: unknown): unknown => ({ seen: message }), onlyStreams: true }
  for (const type of [' text/event-stream', '\tText/Event-Stream;charset=utf-8', ['text/event-stream']]) {
    const got = await answer(tap, response => {
      response.setHeader('content-type', type)
      response.end('data: 1\n\n')
    })
    t.equal(got.body, 'data: {"seen":1}\n\n', String(type))
  }
  const other = await answer(tap, response =>
    response.writeHead(200, { 'content-type': 'text/plain' }).end('data: 1\n\n')
  )
  t.equal(other.body, 'data: 1\n\n')
})
