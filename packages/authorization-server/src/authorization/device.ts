/**
 * Devices without a browser: they ask, show a code, and wait. A person enters that code in a browser of their own, and what follows is an
 * interaction like any other; its answer is left here for the device to fetch.
 *
 * @see RFC 8628 sections 3.1 to 3.3
 */
import {
  type AuthorizationServer,
  type DeviceCodeProblem,
  type DeviceFinished,
  digest,
  equalInConstantTime,
  InteractionError,
  randomSecret
} from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { devicePage, endpointPath, forRequest, pageUrl, type ServerContext } from '../context.ts'
import { type Form, readForm } from '../form-body.ts'
import type { DeviceAuthorizationRecord, FrozenRequest } from '../records.ts'
import type { Session } from '../users.ts'
import { bindBrowser, browserDigest, browserProof } from './browser.ts'
import { sealUserCode } from './device-answer.ts'
import { startInteraction } from './interaction.ts'
import { formatUserCode, randomUserCode, readUserCode } from './user-code.ts'

type Devices = NonNullable<AuthorizationServer<FastifyRequest, FastifyReply>['devices']>

/** What a device asks for, read and found acceptable. */
export type DeviceRequest = Pick<DeviceAuthorizationRecord, 'clientId' | 'client' | 'resources' | 'scopes' | 'sector'>

const USER_CODE = 'user code'

/** How often a lost race is run again, and a user code that is taken is replaced. */
const ATTEMPTS = 5

/** How often one code may be entered: people come back to it, but not as often as that. */
const MAX_ENTRIES = 5

/** @returns the two codes; of neither more than a digest is kept */
export async function startDeviceAuthorization(
  server: ServerContext,
  request: DeviceRequest,
  { codeTtl, interval }: { codeTtl: number; interval: number }
): Promise<{ deviceCode: string; userCode: string }> {
  const secret = randomSecret()
  const createdAt = server.clock.now()
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const userCode = randomUserCode()
    const [key] = server.keyRing.digests(userCode, USER_CODE)
    const isNew = await server.records.deviceAuthorizations.insert(key, {
      ...request,
      deviceDigest: digest(secret),
      createdAt,
      expiresAt: createdAt + codeTtl,
      interval,
      polledAt: null,
      entries: 0,
      decidedAt: null,
      decidedIn: null,
      grantId: null
    })
    // It begins with the key of its record, so that finding it needs no index.
    if (isNew) return { deviceCode: `${key}.${secret}`, userCode: formatUserCode(userCode) }
  }
  throw new Error('no free user code')
}

/** The `devices` of `app.authorizationServer`. */
export function createDevices(context: ServerContext): Devices {
  const path = endpointPath(context, 'device')
  return {
    path,
    async details(request, reply) {
      const server = forRequest(context, request)
      await server.limits?.count(request, { endpoint: 'device', limit: 'authorize' })
      const query = readForm(request.query)
      const finished = await finishedOf(server, request, query.finished)
      if (finished) return finished
      const userCode = readUserCode(query.user_code ?? '')
      const session = await server.users.session(request)
      if (!session) return { status: 'login', loginUrl: loginUrl(server, userCode) }
      return {
        status: 'device',
        submitUrl: path,
        userCode: userCode === null ? null : formatUserCode(userCode),
        problem: problemOf(query),
        account: { displayName: session.displayName, switchUrl: loginUrl(server, userCode, 'login') },
        proof: browserProof(bindBrowser(server, request, reply), [path, session.subject])
      }
    },
    async enter(request, reply, { userCode: typed, proof }) {
      const server = forRequest(context, request)
      const session = await server.users.session(request)
      const userCode = readUserCode(typed)
      if (!session) return { redirectTo: loginUrl(server, userCode) }
      const browser = browserDigest(server, request)
      if (browser === null || !equalInConstantTime(proof, browserProof(browser, [path, session.subject])))
        throw new InteractionError('interaction_other_browser', { statusCode: 403 })
      await server.limits?.count(request, { endpoint: path, limit: 'userCode', person: session.subject })
      const found = userCode === null ? 'unknown' : await enterCode(server, userCode)
      if (typeof found === 'string') return refuse(server, session, found)
      return { redirectTo: pageUrl(server, await startInteraction(server, found, { request, reply })) }
    }
  }
}

function loginUrl(server: ServerContext, userCode: string | null, prompt?: 'login'): string {
  const returnTo = devicePage(server, userCode === null ? {} : { user_code: formatUserCode(userCode) })
  return server.users.loginUrl({ returnTo, ...(prompt === undefined ? {} : { prompt }) })
}

const PROBLEMS: readonly DeviceCodeProblem[] = ['unknown', 'expired', 'used']

function problemOf({ problem }: Form): DeviceCodeProblem | null {
  return PROBLEMS.find(known => known === problem) ?? null
}

// The code is not sent back: it would stand in the history of the browser.
function refuse(server: ServerContext, { subject }: Session, reason: DeviceCodeProblem): { redirectTo: string } {
  server.emit('device.entry_refused', { subject, reason })
  return { redirectTo: devicePage(server, { problem: reason }) }
}

/** Counts the entry, before anything is told about the request behind the code. */
async function enterCode(server: ServerContext, userCode: string): Promise<FrozenRequest | DeviceCodeProblem> {
  const { deviceAuthorizations } = server.records
  for (const key of server.keyRing.digests(userCode, USER_CODE)) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const record = await deviceAuthorizations.get(key)
      if (!record) break
      const { entries, expiresAt, decidedAt } = record
      if (expiresAt <= server.clock.now()) return 'expired'
      if (decidedAt !== null || entries >= MAX_ENTRIES) return 'used'
      if (await deviceAuthorizations.update(key, { entries, decidedAt: null }, { entries: entries + 1 }))
        return frozenRequest(server, { key, userCode, record })
    }
  }
  return 'unknown'
}

function frozenRequest(
  server: ServerContext,
  { key, userCode, record }: { key: string; userCode: string; record: DeviceAuthorizationRecord }
): FrozenRequest {
  const { clientId, client, resources, scopes, sector, createdAt, expiresAt } = record
  return {
    clientId,
    client,
    resources,
    scopes,
    sector,
    redirectUri: null,
    state: null,
    codeChallenge: null,
    nonce: null,
    device: {
      authorization: key,
      userCode: sealUserCode(server, key, userCode),
      requestedAt: createdAt,
      expiresAt
    },
    prompts: ['consent'],
    signedInSince: null,
    hintedSub: null,
    hints: { loginHint: null, uiLocales: [], acrValues: [], display: null }
  }
}

/** Only to the browser that decided, and only what it decided. */
async function finishedOf(
  server: ServerContext,
  request: FastifyRequest,
  handle: string | undefined
): Promise<DeviceFinished | null> {
  const browser = browserDigest(server, request)
  if (handle === undefined || browser === null) return null
  const interaction = await server.records.interactions.get(digest(handle))
  if (!interaction?.device || !equalInConstantTime(browser, interaction.browserDigest)) return null
  const record = await server.records.deviceAuthorizations.get(interaction.device.authorization)
  if (record?.decidedIn !== digest(handle)) return null
  const { refreshable: _, ...client } = interaction.client
  return {
    status: 'device_finished',
    outcome: record.grantId === null ? 'denied' : 'allowed',
    client: { clientId: interaction.clientId, ...client }
  }
}
