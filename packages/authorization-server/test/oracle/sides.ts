/** Both servers, running, with one client's key between them. */
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import type { Test } from 'tap'
import { freePort } from '../../../../.ci/free-port.ts'
import { startOidcProvider } from './oidc-provider.ts'
import { startOurServer } from './our-server.ts'
import type { Side } from './side.ts'

export async function startSides(t: Test): Promise<readonly [ours: Side, theirs: Side]> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const publicJwk = { ...(await exportJWK(publicKey)), kid: 'client-key', alg: 'ES256', use: 'sig' }
  const servers = [
    await startOurServer(t, { port: await freePort(), publicJwk }),
    await startOidcProvider(t, { publicJwk })
  ] as const
  const [ours, theirs] = servers.map(server => ({ ...server, assertion: assertionOf(server.issuer, privateKey) }))
  if (!ours || !theirs) throw new Error('two servers were started')
  return [ours, theirs]
}

let assertions = 0

function assertionOf(issuer: string, privateKey: CryptoKey): Side['assertion'] {
  return (claims = {}, { alg = 'ES256', kid = 'client-key' } = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const jti = `assertion-${++assertions}`
    const all = { iss: 'signer', sub: 'signer', aud: issuer, jti, iat: now, exp: now + 60, ...claims }
    const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
    if (alg === 'none') return Promise.resolve(new UnsecuredJWT(kept).encode())
    return new SignJWT(kept).setProtectedHeader({ alg, kid }).sign(privateKey)
  }
}
