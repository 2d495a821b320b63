/** Reading the body of a response that somebody else wrote: bounded on the wire, and bounded again when unpacked. */
import { promisify } from 'node:util'
import type { ZlibOptions } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { FetchRefusedError } from './fetch-errors.ts'

/** @throws FetchRefusedError `too_large` or `encoding` */
export async function readBody(response: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  const received = await collect(response, maxBytes)
  return decode(received, String(response.headers['content-encoding'] ?? ''), maxBytes)
}

async function collect(response: Dispatcher.ResponseData, maxBytes: number): Promise<Buffer> {
  if (Number(response.headers['content-length']) > maxBytes) throw tooLarge(maxBytes)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const DECODERS = new Map<string, 'gunzip' | 'inflate' | 'brotliDecompress'>([
  ['gzip', 'gunzip'],
  ['x-gzip', 'gunzip'],
  ['deflate', 'inflate'],
  ['br', 'brotliDecompress']
])

// We ask for none, but some servers compress all the same. One coding only: layers are how a small body becomes a huge one.
async function decode(received: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const coding = encoding.trim().toLowerCase()
  if (coding === '' || coding === 'identity' || received.length === 0) return received
  const decoder = DECODERS.get(coding)
  if (!decoder) throw new FetchRefusedError('encoding', 'the body has a content coding that is not understood')
  // Loaded by who needs it: 5 ms, and nearly nobody does.
  const zlib = await import('node:zlib')
  const decompress = promisify<Buffer, ZlibOptions, Buffer>(zlib[decoder])
  return decompress(received, { maxOutputLength: maxBytes }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ERR_BUFFER_TOO_LARGE'
      ? tooLarge(maxBytes)
      : new FetchRefusedError('encoding', 'the body cannot be decompressed')
  })
}

function tooLarge(maxBytes: number): FetchRefusedError {
  return new FetchRefusedError('too_large', `the body is larger than ${maxBytes} bytes`)
}
