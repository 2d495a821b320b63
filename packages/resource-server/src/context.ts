/** What every part of the resource server is handed: resolved once, frozen. */
import {
  type Clock,
  type ProtectedResourceMetadata,
  protectedResourceMetadataUrl,
  systemClock
} from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import type { FastifyReply } from 'fastify'
import type { Denial, KnownDenials } from './challenge-reply.ts'
import { createEvents, type Events } from './events.ts'
import { type Admission, createAdmission } from './host-and-origin.ts'
import { createMetadata } from './metadata.ts'
import { createOpenStreams, type OpenStreams } from './open-streams.ts'
import { compileAnonymous, compileOperations, type OperationPattern, type OperationRules } from './operations.ts'
import type { Options } from './options.ts'
import { createPolicy, type RouteDecision, type RoutePolicy } from './protected-routes.ts'
import { createScopeRules, type ScopeRules } from './require-scopes.ts'
import type { Head } from './response-head.ts'
import { createSessionBinding, type SessionBinding } from './session-binding.ts'
import { createTelemetry, type Telemetry } from './telemetry.ts'
import type { Verifier } from './types.ts'

/**
 * Request property: what the guards know of it; null until one of them looks, and false when none had before its body was parsed. One
 * property, because every request of the app gets it.
 */
export const VISIT = Symbol('mcp-auth.visit')

declare module 'fastify' {
  interface FastifyRequest {
    [VISIT]: Visit | false | null
  }
}

/** One request to something that is protected, and its answer. */
export interface Visit extends Head {
  /** What the route asks for, or its hooks. */
  policy: RoutePolicy
  /** Whether we let it in, or are about to. False while hooks have refused it, and another strategy of the app may still let it in. */
  isOurs: boolean
  /** Whether the body is parsed, and the guard that looks at it has come by. */
  isBodyParsed: boolean
  /** The refusal, once there is one. */
  denial: Denial | null
  /** Whether the answer is taken care of. */
  isWatched: boolean
}

export function createVisit(reply: FastifyReply, policy: RoutePolicy): Visit {
  return {
    reply,
    policy,
    isOurs: true,
    isBodyParsed: false,
    denial: null,
    isSending: false,
    isWatched: false,
    onEventStream: null,
    writeHead: null
  }
}

export interface ResourceServer {
  readonly options: Options
  /** `options.verify`, measured where somebody collects measures. */
  readonly verifier: Pick<Verifier, 'verify'>
  readonly resource: string
  readonly metadata: Readonly<ProtectedResourceMetadata>
  readonly metadataUrl: string
  readonly admission: Admission
  readonly operations: OperationRules
  /** Those of the rules that are about methods as a whole, and tell nothing of what there is. */
  readonly wideRules: OperationRules
  /** What needs no token. */
  readonly anonymous: readonly OperationPattern[]
  readonly scopeRules: ScopeRules
  readonly clock: Clock
  readonly events: Events
  /** Null when nobody collects. */
  readonly telemetry: Telemetry | null
  /** Null when sessions are not bound. */
  readonly sessions: SessionBinding | null
  readonly streams: OpenStreams
  /** Ends a stream when the token of its reader expires. */
  readonly endWithToken: (reply: FastifyReply) => void
  /** Without `offline_access`, which is not for a resource server to ask for. */
  readonly advertisedScopes: readonly string[]
  /** For a route that asks for a valid token and nothing else. */
  readonly plainPolicy: RoutePolicy
  /** By the config object of the route, which exists once per route. */
  readonly decisions: WeakMap<object, RouteDecision>
  /** By policy. */
  readonly denials: WeakMap<RoutePolicy, KnownDenials>
}

/** @throws ConfigurationError */
export async function createResourceServer(options: Options): Promise<ResourceServer> {
  const advertisedScopes = (options.advertisedScopes ?? Object.keys(options.scopes ?? {})).filter(
    scope => scope !== 'offline_access'
  )
  const operations = compileOperations(options)
  const { resource, clock = systemClock, sessionTtl: ttl } = options
  const storage = options.sessionStorage ?? memoryStorage()
  const telemetry = await createTelemetry(resource)
  const events = createEvents({ resource, clock, telemetry, sink: options.onEvent })
  const streams = createOpenStreams(clock)
  return Object.freeze({
    options,
    verifier: telemetry?.measured(options.verify) ?? options.verify,
    resource,
    metadata: await createMetadata(options, advertisedScopes),
    metadataUrl: protectedResourceMetadataUrl(options.resource),
    admission: createAdmission(options),
    operations,
    wideRules: operations.filter(rule => rule.matchesName === null),
    anonymous: compileAnonymous(options),
    scopeRules: createScopeRules(options),
    clock,
    events,
    telemetry,
    sessions: options.sessionBinding ? await createSessionBinding({ storage, ttl, resource, clock }) : null,
    streams,
    endWithToken({ request, raw }: FastifyReply): void {
      const expiresAt = request.auth?.expiresAt ?? null
      if (expiresAt === null) return
      streams.add({ response: raw, expiresAt, onEnd: () => events.tell(request, { type: 'stream.ended' }) })
    },
    advertisedScopes,
    plainPolicy: createPolicy(options, {}),
    decisions: new WeakMap<object, RouteDecision>(),
    denials: new WeakMap<RoutePolicy, KnownDenials>()
  })
}
