/** Whether the app that runs is the client that other servers are told of, and whether those servers can be reached and tell how. */
import { isDeepStrictEqual } from 'node:util'
import { isHttpLoopback, type SafeFetch, type SafeResponse } from '@fastify-mcp-auth/core'
import type { BootedConnections, Report } from '../connections.ts'
import { bad, type Finding, good, skipped } from './finding.ts'
import { readJson, transportFinding } from './issuer.ts'
import { proxyFindings } from './proxy.ts'

export interface Connected {
  readonly connections: BootedConnections
  readonly fetch: SafeFetch
  /** Epoch seconds. */
  now(): number
}

export async function connectionFindings(connected: Connected): Promise<Finding[]> {
  const { connections } = connected
  return [
    transportFinding(new URL(connections.urls.index).origin, 'connections'),
    ...(await documentFindings(connected)),
    await encryptionFinding(connections),
    ...(await serverFindings(connections))
  ]
}

/** As authorization servers read it: at its public address, without a redirect. */
async function documentFindings(connected: Connected): Promise<Finding[]> {
  const { connections, fetch } = connected
  const { clientDocument, jwks } = connections.urls
  if (isHttpLoopback(clientDocument))
    return [
      skipped(
        'client document',
        `${clientDocument} is for this computer only, so no authorization server is told of it`,
        'give "baseUrl" the public https origin to check it, and what stands in front of it'
      )
    ]
  const answer = await fetch(clientDocument).catch((error: unknown) => error as Error)
  if (answer instanceof Error)
    return [bad('client document', answer.message, 'start the app, and see that its public address leads to it')]
  const findings = [documentFinding(answer, connections), ...(await proxyFindings(connected))]
  const keys = (await connections.jwks()).keys
  return keys.length === 0 ? findings : [...findings, await keySetFinding(jwks, keys, fetch)]
}

function documentFinding(answer: SafeResponse, connections: BootedConnections): Finding {
  const { clientDocument } = connections.urls
  const own = JSON.parse(JSON.stringify(connections.clientMetadata())) as Record<string, unknown>
  const read = readJson(answer)
  if (!read)
    return bad(
      'client document',
      `${clientDocument} answered ${answer.status} without the document`,
      'it must reach the app without sign-in, redirect or bot check'
    )
  if (!/^application\/(?:[a-z.-]+\+)?json\b/i.test(answer.headers['content-type'] ?? ''))
    return bad('client document', 'it is not served as JSON', 'its content type must reach clients unchanged')
  if (read['client_id'] !== clientDocument)
    return bad(
      'client document',
      `it names the client ${String(read['client_id'])}`,
      'it has to name its own address, character by character: look at "baseUrl" and "client.documentUrl"'
    )
  const members = [...new Set([...Object.keys(own), ...Object.keys(read)])]
  const other = members.filter(member => !isDeepStrictEqual(own[member], read[member]))
  return other.length === 0
    ? good('client document', `${clientDocument} is what this app says`)
    : bad('client document', `differs in ${other.join(', ')}`, 'another version or other settings are running')
}

async function keySetFinding(url: string, keys: readonly object[], fetch: SafeFetch): Promise<Finding> {
  const answer = await fetch(url).catch((error: unknown) => error as Error)
  const published = answer instanceof Error ? null : readJson(answer)?.['keys']
  if (!Array.isArray(published))
    return bad('client keys', `${url} gives no keys`, 'it must reach the app without sign-in or redirect')
  const kidsOf = (set: readonly object[]): unknown[] => set.map(key => Reflect.get(key, 'kid'))
  const missing = kidsOf(keys).filter(kid => !kidsOf(published).includes(kid))
  return missing.length === 0
    ? good('client keys', `${published.length} keys, all of this storage among them`)
    : bad(
        'client keys',
        `${url} lacks ${missing.join(', ')}`,
        'the running app uses another database, or a cache in front of it keeps an old answer'
      )
}

async function encryptionFinding({ keyStatus }: BootedConnections): Promise<Finding> {
  const { current, outdated, unreadable } = await keyStatus()
  if (unreadable > 0)
    return bad(
      'encryption keys',
      `${unreadable} secrets are encrypted with a key that this app does not know`,
      'put that key back at the end of "encryptionKeys", and rotate before it goes'
    )
  return good(
    'encryption keys',
    outdated === 0 ? `${current} secrets, all with the first key` : `${outdated} secrets wait for "rotate-keys"`
  )
}

async function serverFindings({ registry, diagnose }: BootedConnections): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { id, disabled, definition } of await registry.list()) {
    const check = `connection ${id}`
    if (disabled) findings.push(skipped(check, 'it is switched off', 'switch it on, or remove it'))
    else if (definition.auth === 'bearer' || definition.auth === 'header')
      findings.push(skipped(check, 'it takes a key, and shows nothing without one', 'try it with a key of your own'))
    else findings.push(serverFinding(check, definition.auth, await diagnose(id)))
  }
  return findings
}

/** @param registered how the app connects it */
function serverFinding(
  check: string,
  registered: string | undefined,
  { auth, error, problems, clockAhead }: Report
): Finding {
  if (auth === 'unknown')
    return bad(check, problems.join('; '), 'see whether it runs and is reached from here; its owner can say more')
  if (error !== null)
    return bad(
      check,
      `nobody can connect it (${error}): ${problems.join('; ')}`,
      'what is in quotation marks is an option of ours; the rest its owner has to mend'
    )
  if (auth === 'none' && registered !== 'none')
    return bad(
      check,
      'it asks for no authorization, and says nothing about where to get one',
      'see whether the address is right; a server that is open to everybody has "auth": "none"'
    )
  if (Math.abs(clockAhead ?? 0) > CLOCK_SKEW)
    return bad(
      check,
      `its authorization server's clock and ours are ${Math.abs(clockAhead ?? 0)} s apart`,
      'let NTP set the clocks of all machines'
    )
  const way = auth === 'none' ? 'it asks for no authorization' : 'it tells how to connect'
  return good(check, auth === 'none' ? way : [way, ...problems].join('; '))
}

/** Seconds. What is signed for an authorization server lives for a minute. */
const CLOCK_SKEW = 30
