/** Starts a Redis server that speaks TLS, with certificates made by openssl: a server that cannot be recognised is no server. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { redisStorage } from '@fastify-mcp-auth/storage-redis'
import { Redis } from 'ioredis'
import t from 'tap'
import { freePort } from '../../../.ci/free-port.ts'
import { grant, grants } from './collections.ts'
import { startRedis } from './redis-server.ts'

function certificates(dir: string): { ca: string; cert: string; key: string } {
  const at = (name: string): string => join(dir, name)
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'ignore' })
  const newKey = ['-newkey', 'rsa:2048', '-nodes']
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
    '-days',
    '2',
    '-subj',
    '/CN=test-ca'
  )
  openssl('req', ...newKey, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=localhost')
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1')
  const signer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial']
  openssl(
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    ...signer,
    '-out',
    at('server.crt'),
    '-days',
    '2',
    '-extfile',
    at('names')
  )
  return { ca: at('ca.crt'), cert: at('server.crt'), key: at('server.key') }
}

await t.test(
  'TLS: the driver connects as the client of the app does, and only to a server that it recognises',
  async t => {
    const { ca, cert, key } = certificates(t.testdir())
    const port = await freePort()
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca, '--tls-auth-clients', 'no']
    const server = await startRedis(t, ['--tls-port', String(port), ...files])
    const client = new Redis({ host: '127.0.0.1', port, tls: { ca: readFileSync(ca) }, lazyConnect: true })
    const storage = redisStorage({ client })
    t.teardown(() => storage.close())
    await storage.open([grants])
    t.equal(await storage.insert(grants, 'a', grant), true)
    t.equal(await storage.update(grants, 'a', { usedAt: null }, { usedAt: 1 }), true)
    t.match(await server.admin.client('LIST'), new RegExp(`laddr=127.0.0.1:${port}`), 'over TLS')

    for (const url of [`rediss://127.0.0.1:${port}`, `redis://127.0.0.1:${port}`]) {
      const stranger = redisStorage({ url })
      t.teardown(() => stranger.close())
      await t.rejects(stranger.open([grants]), { code: 'FST_OAUTH_UNAVAILABLE' }, url.slice(0, 8))
      await t.rejects(stranger.remove(grants, 'a'), { code: 'FST_OAUTH_UNAVAILABLE' })
    }
    t.match(await storage.get(grants, 'a'), { usedAt: 1 })
  }
)
