/** The person and the browser between an authorization URL and the callback of the client. */
import { type Browser, createBrowser, summary } from './browser.ts'
import { type Account, type Decision, visitAuthorization } from './person.ts'
import { fetchTransport } from './transport.ts'

/** Who walks, and what they say. */
export interface Walk extends Partial<Account>, Decision {
  /** Keeps the cookies of earlier walks; a browser of its own when left out. */
  browser?: Browser
}

/**
 * Opens an authorization URL, signs in and decides where the server asks for it, and stops at the client's redirect URI, which is
 * not opened: what the browser would bring there is the result.
 *
 * Works with the fake authorization server, where any account will do, and with any server whose pages have a form with a
 * password field and a form with buttons named `decision`. Checks nothing of the answer: that is the client's part.
 *
 * @returns the parameters of the callback, in order
 * @throws Error when the server shows something else, such as an error page
 */
export async function walkAuthorization(url: string, walk: Walk = {}): Promise<URLSearchParams> {
  const { browser = createBrowser(fetchTransport()), username = 'alice', password = 'any', ...decision } = walk
  const page = await visitAuthorization(browser, url, { username, password, ...decision })
  if (page.leavesTo === null) throw new Error(`the browser was not sent back to the client: ${summary(page)}`)
  return new URL(page.leavesTo).searchParams
}
