import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import {
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { type Tap, tapResponse } from '../src/raw-response.ts'

const SECRET = JSON.stringify({ tools: [{ name: 'secret' }] })
const JSON_HEAD = { ':status': 200, 'content-type': 'application/json' }
const STREAM = 'text/event-stream'

interface Answer {
  /** Null: the stream was cut before it had one. */
  readonly status: number | null
  readonly body: string
  /** Answers that were pushed. */
  readonly pushed: number
}

type Handler = (response: Http2ServerResponse, stream: ServerHttp2Stream) => void

/** What reaches a client over a real connection. */
async function answer(t: Test, tap: Tap, handle: Handler): Promise<Answer> {
  const server = createServer((_, response) => {
    tapResponse(response as unknown as ServerResponse, tap)
    handle(response, response.stream)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(async () => {
    session.destroy()
    server.close()
  })
  const got = { status: null as number | null, body: '', pushed: 0 }
  session.on('stream', (stream: ClientHttp2Stream) => {
    got.pushed++
    stream.resume()
  })
  const stream = session.request({ ':path': '/' })
  stream.on('response', (headers: IncomingHttpHeaders) => {
    got.status = Number(headers[':status'])
  })
  stream.on('data', chunk => {
    got.body += String(chunk)
  })
  stream.on('error', () => undefined)
  await once(stream, 'close')
  return got
}

const rewrite = (): unknown => ({ tools: [] })

function head(response: Http2ServerResponse, type: string): void {
  response.setHeader('content-type', type)
}

t.test(
  'RS-19: over HTTP/2 nothing is sent past the response: not on the stream below it, in no way that it has',
  async t => {
    const file = join(t.testdir({ list: SECRET }), 'list')
    const before: Record<string, Handler> = {
      respond: (_, stream) => {
        stream.respond(JSON_HEAD)
        stream.end(SECRET)
      },
      end: (_, stream) => void stream.end(SECRET),
      write: (_, stream) => {
        stream.write(SECRET)
        stream.end()
      },
      pipe: (_, stream) => void Readable.from([SECRET]).pipe(stream),
      'the socket of the response': response => void response.socket.end(SECRET),
      'end after writeHead': (response, stream) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        stream.end(SECRET)
      },
      respondWithFile: (_, stream) => stream.respondWithFile(file, JSON_HEAD),
      respondWithFD: async (_, stream) => {
        const handle = await open(file)
        stream.once('close', () => void handle.close())
        stream.respondWithFD(handle.fd, JSON_HEAD)
      }
    }
    for (const [name, handle] of Object.entries(before)) {
      const got = await answer(t, { rewrite }, handle)
      t.match(got, { status: 500, body: '"code":-32603' }, name)
      t.notMatch(got.body, 'secret', name)
    }
  }
)

t.test('RS-19: what is written below an event stream that has begun cuts it off', async t => {
  const event = `data: ${SECRET}\n\n`
  const within: Record<string, Handler> = {
    'after write': (response, stream) => {
      head(response, STREAM)
      response.write(': hello\n\n')
      stream.end(event)
    },
    'after flushHeaders': (response, stream) => {
      head(response, STREAM)
      ;(response as unknown as ServerResponse).flushHeaders()
      stream.write(event)
      response.end()
    }
  }
  for (const [name, handle] of Object.entries(within))
    t.notMatch((await answer(t, { rewrite }, handle)).body, 'secret', name)
})

t.test('RS-19: nothing is pushed beside a response that is read', async t => {
  const errors: unknown[] = []
  const push: Record<string, Handler> = {
    pushStream: (response, stream) =>
      stream.pushStream({ ':path': '/list' }, (error, pushed) => {
        errors.push(error)
        if (!error) pushed.end(SECRET)
        response.end('{}')
      }),
    createPushResponse: response =>
      response.createPushResponse({ ':path': '/list' }, (error, pushed) => {
        errors.push(error)
        if (!error) pushed.end(SECRET)
        response.end('{}')
      })
  }
  for (const [name, handle] of Object.entries(push))
    t.match(await answer(t, { rewrite }, handle), { status: 500, pushed: 0 }, name)
  t.match(errors, [Error, Error], 'whoever wanted to push hears of it')
})

t.test('over HTTP/2 a response is read like any other, and a reader who leaves breaks nothing', async t => {
  const json = await answer(t, { rewrite }, response => {
    head(response, 'application/json')
    response.end(SECRET)
  })
  t.match(json, { status: 200, body: '{"tools":[]}' })
  const events = await answer(t, { rewrite, onHead: async () => undefined }, response => {
    head(response, STREAM)
    response.write(`data: ${SECRET}\n\n`)
    response.end()
  })
  t.match(events, { status: 200, body: 'data: {"tools":[]}\n\n' })
  const empty = await answer(t, { rewrite }, response => {
    response.statusCode = 204
    response.end()
  })
  t.match(empty, { status: 204, body: '' })
  const left = await answer(t, { rewrite }, (response, stream) => {
    head(response, STREAM)
    response.write(': hello\n\n')
    stream.close()
  })
  t.match(left, { status: 200, body: ': hello\n\n' })
})
