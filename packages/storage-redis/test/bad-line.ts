/** A line to Redis that breaks when the test wants it to: before what was sent arrives, or before its answer comes back. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface BadLine {
  readonly url: string
  /** What happens to the next command whose text contains `word`, and to its connection. */
  next: { word: string; fate: 'lost' | 'answer lost' | { reply: string } } | null
  /** Commands with a script that went through. */
  scripts: number
}

/** @param target of the real server */
export async function badLine(t: Test, target: URL): Promise<BadLine> {
  const sockets = new Set<Socket>()
  const listener = createServer(socket => {
    const upstream = connect(Number(target.port || 6379), target.hostname)
    let isAnswerLost = false
    for (const end of [socket, upstream]) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        socket.destroy()
        upstream.destroy()
      })
    }
    socket.on('data', data => {
      const { next } = line
      if (data.includes('evalsha')) line.scripts++
      if (next === null || !data.includes(next.word)) return void upstream.write(data)
      line.next = null
      if (next.fate === 'lost') return void socket.destroy()
      if (typeof next.fate === 'object') return void socket.write(`-${next.fate.reply}\r\n`)
      isAnswerLost = true
      upstream.write(data)
    })
    upstream.on('data', data => {
      if (isAnswerLost) socket.destroy()
      else socket.write(data)
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = typeof address === 'object' && address ? String(address.port) : ''
  const line: BadLine = { url: url.href, next: null, scripts: 0 }
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return line
}
