/**
 * A registration that its server has forgotten is noticed only by the person, as an error page over there, from which nobody comes back.
 * So an old one is looked at before somebody is sent: status only, without cookies, and nothing of the page is kept.
 */
import { markReplaced } from './client-registration.ts'
import { type Context, routeOf, type Target } from './context.ts'
import type { OAuthClient } from './oauth-client.ts'

/** Seconds that a registration is trusted without a look. */
const TRUSTED_FOR = 30 * 86_400

/**
 * @param url of the authorization request
 * @returns whether the registration was forgotten, so that another one has to be made
 */
export async function forgetDeadClient(
  context: Context,
  target: Target,
  { client, url }: { readonly client: OAuthClient; readonly url: string }
): Promise<boolean> {
  if (client.registration === null) return false
  const record = await context.records.registrations.get(client.registration)
  if (!record || context.clock.now() - record.createdAt < TRUSTED_FOR) return false
  try {
    const { status } = await routeOf(context, target).oauth(url, { headers: { accept: 'text/html' } })
    if (![400, 401, 403, 404].includes(status)) return false
  } catch {
    // Sent on to a login, or down: neither says that it does not know us.
    return false
  }
  return markReplaced(context, client)
}
