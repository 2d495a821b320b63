/**
 * What a request says about signing in: whom to ask for, how fresh the sign-in has to be, and hints for the pages. Hints are
 * hints: one that cannot be used is dropped, not refused.
 *
 * @see OpenID Connect Core section 3.1.2.1
 */
import { type Display, OAuthError } from '@fastify-mcp-auth/core'
import type { ServerContext } from '../context.ts'
import type { Form } from '../form-body.ts'
import { pairwiseSub } from '../openid/pairwise.ts'
import type { FrozenRequest } from '../records.ts'
import type { LoginTarget } from '../types.ts'
import type { Session } from '../users.ts'

/** What `prompt` may say, and what the metadata says that it may. */
export const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const
export type Prompt = (typeof PROMPTS)[number]

export type SignIn = Pick<FrozenRequest, 'prompts' | 'signedInSince' | 'hints'>

/**
 * @param now epoch second of the request
 * @throws OAuthError `invalid_request` for a prompt or max_age that cannot be kept
 */
export function readSignIn(form: Form, now: number): SignIn {
  const prompts = readPrompts(form.prompt)
  const maxAge = readMaxAge(form.max_age)
  const since = [...(prompts.includes('login') ? [now] : []), ...(maxAge === null ? [] : [Math.max(0, now - maxAge)])]
  return { prompts, signedInSince: since.length === 0 ? null : Math.max(...since), hints: readHints(form) }
}

function readPrompts(prompt: string | undefined): Prompt[] {
  const words = [...new Set(prompt?.split(' ').filter(word => word !== '') ?? [])]
  const known = PROMPTS.filter(word => words.includes(word))
  if (known.length !== words.length)
    throw new OAuthError('invalid_request', 'prompt has a value that is not supported', { reason: 'prompt_unknown' })
  if (known.includes('none') && known.length > 1)
    throw new OAuthError('invalid_request', 'prompt none stands alone', { reason: 'prompt_contradiction' })
  return known
}

function readMaxAge(maxAge: string | undefined): number | null {
  if (maxAge === undefined) return null
  if (!/^\d{1,10}$/.test(maxAge)) throw new OAuthError('invalid_request', 'max_age must be whole seconds')
  return Number(maxAge)
}

const DISPLAYS: readonly Display[] = ['page', 'popup', 'touch', 'wap']
const MAX_HINT = 320
const MAX_WORDS = 10

function readHints({ login_hint: loginHint, ui_locales: locales, acr_values: acr, display }: Form): SignIn['hints'] {
  return {
    loginHint: loginHint !== undefined && loginHint.length <= MAX_HINT ? loginHint : null,
    uiLocales: words(locales, /^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,5}$/),
    acrValues: words(acr, /^[\x21-\x7E]{1,200}$/),
    display: DISPLAYS.find(known => known === display) ?? null
  }
}

function words(value: string | undefined, shape: RegExp): string[] {
  return (value?.split(' ') ?? []).filter(word => shape.test(word)).slice(0, MAX_WORDS)
}

/** Whether the session is as fresh as the request wants it, and of whom it wants to hear. @see OpenID Connect Core section 3.1.2.2 */
export function isWanted(
  server: ServerContext,
  { authTime, subject }: Session,
  { signedInSince, hintedSub, sector }: Pick<FrozenRequest, 'signedInSince' | 'hintedSub' | 'sector'>
): boolean {
  if (hintedSub && hintedSub !== (pairwiseSub(server, { sector, subject }) ?? subject)) return false
  return signedInSince === null || authTime >= signedInSince
}

/** What the app's login is told. @param prompt in place of what the client asked for, when it is the person who wants it */
export function loginTarget(
  returnTo: string,
  { prompts, hints, hintedSub }: SignIn & Pick<FrozenRequest, 'hintedSub'>,
  prompt?: 'login'
): LoginTarget {
  // Whoever the login remembers may be somebody else than the client wants to hear of.
  const asked = (['select_account', 'login'] as const).find(word => prompts.includes(word))
  const wanted = prompt ?? asked ?? (hintedSub ? 'login' : undefined)
  return {
    returnTo,
    ...(wanted === undefined ? {} : { prompt: wanted }),
    // Who wants to be somebody else does not want the name that the client proposed.
    ...(hints.loginHint === null || prompt !== undefined ? {} : { loginHint: hints.loginHint }),
    ...(hints.uiLocales.length === 0 ? {} : { uiLocales: hints.uiLocales }),
    ...(hints.acrValues.length === 0 ? {} : { acrValues: hints.acrValues }),
    ...(hints.display === null ? {} : { display: hints.display })
  }
}
