/** A line to a database server that breaks in the middle of a statement, or falls silent, when a test wants it to. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Where a server listens. */
export interface ServerAddress {
  host: string
  port: number
}

/**
 * What happens to the next statement.
 *
 * - `lost`: the connection breaks before the server has got it
 * - `answer lost`: the server has done it, and the connection breaks before the answer comes back
 */
export type Fate = 'lost' | 'answer lost'

export interface Line {
  readonly address: ServerAddress
  /** Breaks the connection of the next statement that is sent, and then only that. */
  breakNext(fate: Fate): void
  /** From now on nothing gets through, either way, on old connections and new ones, and none of them ends. */
  fallSilent(): void
  /** New connections work again. Old ones have lost what was sent meanwhile and stay silent, as those behind a firewall would. */
  speak(): void
  close(): void
}

interface Call {
  readonly near: Socket
  readonly far: Socket
  isSilent: boolean
  isCut: boolean
}

/** Knows no protocol: a statement is whatever is sent next on a connection that was quiet. */
export async function openLine(server: ServerAddress): Promise<Line> {
  const calls = new Set<Call>()
  let fate: Fate | null = null
  let isSilent = false

  function send(call: Call, data: Buffer): void {
    if (call.isSilent) return
    if (fate === 'lost') {
      fate = null
      call.near.destroy()
      return
    }
    call.isCut ||= fate === 'answer lost'
    fate = null
    call.far.write(data)
  }

  function answer(call: Call, data: Buffer): void {
    if (call.isSilent) return
    if (call.isCut) call.near.destroy()
    else call.near.write(data)
  }

  const listener = createServer(near => {
    const far = connect(server.port, server.host)
    const call: Call = { near, far, isSilent, isCut: false }
    calls.add(call)
    for (const end of [near, far]) {
      end.on('error', () => {})
      end.on('close', () => {
        calls.delete(call)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', data => send(call, data))
    far.on('data', data => answer(call, data))
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  return {
    address: { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 },
    breakNext(next) {
      fate = next
    },
    fallSilent() {
      isSilent = true
      for (const call of calls) call.isSilent = true
    },
    speak() {
      isSilent = false
    },
    close() {
      for (const { near } of calls) near.destroy()
      listener.close()
    }
  }
}
