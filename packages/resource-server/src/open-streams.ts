/** Streams that stay open for as long as somebody reads, but no longer than the reader's token works. */
import type { ServerResponse } from 'node:http'
import type { Clock } from '@fastify-mcp-auth/core'

interface OpenStream {
  readonly response: ServerResponse
  /** Epoch seconds. */
  readonly expiresAt: number
  readonly onEnd: () => void
}

/** Milliseconds between two looks at the clock; one timer for all streams, and none when there are none. */
const INTERVAL = 1000

export interface OpenStreams {
  readonly size: number
  add(stream: OpenStream): void
  /** Stops looking. Streams that are open stay open. */
  close(): void
}

export function createOpenStreams(clock: Clock): OpenStreams {
  const streams = new Set<OpenStream>()
  let timer: NodeJS.Timeout | null = null

  function stop(): void {
    if (timer) clearInterval(timer)
    timer = null
  }

  function forget(stream: OpenStream): void {
    streams.delete(stream)
    if (streams.size === 0) stop()
  }

  function endExpired(): void {
    const now = clock.now()
    for (const stream of [...streams]) {
      // What has not begun is an answer that is still being worked on.
      if (stream.expiresAt > now || !stream.response.headersSent) continue
      forget(stream)
      end(stream.response)
      stream.onEnd()
    }
  }

  return {
    get size() {
      return streams.size
    },
    add(stream) {
      streams.add(stream)
      stream.response.once('close', () => forget(stream))
      timer ??= setInterval(endExpired, INTERVAL).unref()
    },
    close: stop
  }
}

function end(response: ServerResponse): void {
  response.end()
  // Whoever goes on writing, unaware, must not fail for it: the response tells by `close` that it is over.
  Object.assign(response, { write: () => true, end: () => response })
}
