/**
 * What stands between people and the app that runs: whether the app sees protocol, host and address of whoever asks, and whether its
 * cookie arrives. The app tells how it sees our requests; nothing of that shows from outside.
 */
import type { SafeResponse } from '@fastify-mcp-auth/core'
import { apartFinding } from './clock.ts'
import type { Connected } from './connections.ts'
import { bad, type Finding, good } from './finding.ts'
import { readJson } from './issuer.ts'

/** Nobody has these, so whoever is taken for one of them has only said so: the first on behalf of the second. @see RFC 5737 */
const [FAR, NEAR] = ['192.0.2.1', '198.51.100.1']

export async function proxyFindings({ connections, fetch, now }: Connected): Promise<Finding[]> {
  const { url, headers: pass } = connections.mirror.request()
  const ask = (claims: Record<string, string> = {}): Promise<SafeResponse | Error> =>
    fetch(url, { headers: { ...pass, ...claims } }).catch((error: unknown) => error as Error)
  const asked = now()
  const answer = await ask()
  if (answer instanceof Error)
    return [bad('proxy', answer.message, 'start the app, and see that its public address leads to it')]
  const seen = readReflection(answer)
  if (!seen)
    return [
      bad(
        'proxy',
        `${url} answered ${answer.status} and does not tell how the app sees requests`,
        'the app that runs is an older version, has other "encryptionKeys", or a clock that is an hour off; or the path does not reach it'
      )
    ]
  const clock = apartFinding('clock', 'the running app', Math.max(asked - seen.now, seen.now - now(), 0))
  const problems = [
    ...pathProblems(seen, new URL(url)),
    ...claimProblems(seen, await ask({ 'x-forwarded-for': `${FAR}, ${NEAR}` })),
    ...cookieProblems(answer, url)
  ]
  if (problems.length === 0)
    return [clock, good('proxy', 'the app sees protocol, host and address of whoever asks, and its cookie arrives')]
  const mends = new Set(problems.flatMap(({ mend }) => mend))
  return [clock, bad('proxy', problems.map(({ what }) => what).join('; '), [...mends].join('; '))]
}

type Reflection = NonNullable<ReturnType<typeof readReflection>>

function readReflection(answer: SafeResponse) {
  const { protocol, host, addresses, isForwarded, now } = readJson(answer) ?? {}
  if (typeof protocol !== 'string' || typeof host !== 'string' || typeof now !== 'number') return null
  return { protocol, host, addresses: [addresses].flat().map(String), isForwarded: isForwarded === true, now }
}

interface Problem {
  readonly what: string
  readonly mend: readonly string[]
}

const TRUST = 'tell Fastify whom to believe, by "trustProxy" with the addresses of the proxy'

function pathProblems(seen: Reflection, at: URL): Problem[] {
  const problems: Problem[] = []
  if (`${seen.protocol}:` !== at.protocol)
    problems.push({
      what: `the app takes ${at.protocol.slice(0, -1)} for ${seen.protocol}`,
      mend: ['let the proxy send X-Forwarded-Proto', TRUST]
    })
  // Parsed, since the port that goes without saying may be said or not.
  if (URL.parse(`${at.protocol}//${seen.host}`)?.host !== at.host)
    problems.push({
      what: `the app hears of the host ${JSON.stringify(seen.host)}, and people of ${at.host}`,
      mend: ['let the proxy hand on Host as it came, or send X-Forwarded-Host', TRUST]
    })
  if (seen.isForwarded && seen.addresses.length === 1)
    problems.push({
      what: 'everybody has the address of the proxy, and attempts of all are counted together',
      mend: [TRUST]
    })
  return problems
}

/** @param answer to a request that says it comes from somebody else */
function claimProblems({ isForwarded }: Reflection, answer: SafeResponse | Error): Problem[] {
  const taken = answer instanceof Error ? undefined : readReflection(answer)?.addresses.at(-1)
  // Where a proxy says who asks, the doctor may be at an address that the app trusts, and is believed. Nobody far away is.
  if (taken !== FAR && (taken !== NEAR || isForwarded)) return []
  return [
    {
      what: 'the app believes any address that somebody writes into X-Forwarded-For, and counts attempts by it',
      mend: ['give "trustProxy" the addresses of the proxy instead of true, and let the proxy replace that header']
    }
  ]
}

/** What browsers demand of a name that begins with `__Host-`. @see draft-ietf-httpbis-rfc6265bis section 4.1.3.2 */
function cookieProblems({ headers }: SafeResponse, url: string): Problem[] {
  const [pair = '', ...attributes] = (headers['set-cookie'] ?? '').toLowerCase().split(/;\s*/)
  const isWhole =
    pair.startsWith('__host-') &&
    attributes.includes('secure') &&
    attributes.includes('path=/') &&
    !attributes.some(attribute => attribute.startsWith('domain='))
  if (isWhole || (pair !== '' && url.startsWith('http:'))) return []
  const what = pair === '' ? 'its cookie does not arrive' : 'its cookie is rewritten on the way, so browsers drop it'
  return [{ what, mend: ['let the proxy leave Set-Cookie as it is'] }]
}
