/** The person in front of the browser: signs in, and decides what a client may do. */
import { type Browser, formWith, type Page, summary } from './browser.ts'

/** What is typed into a login form. */
export interface Account {
  readonly username: string
  readonly password: string
}

/** What is done with a consent page. */
export interface Decision {
  /** `allow` when left out. */
  decision?: 'allow' | 'deny'
  /** Exactly these boxes are ticked; as the page preselected them when left out. */
  scopes?: readonly string[]
  /** The organization that is picked, where there is a choice. */
  organization?: string
}

/** Fills in the form that has a password field: the name goes into its text or e-mail field. @throws Error when there is none */
export async function signIn(browser: Browser, page: Page, account: Account): Promise<Page> {
  const form = formWith(page, 'password')
  const username = form?.fields.find(({ type }) => type === 'text' || type === 'email')
  const password = form?.fields.find(({ type }) => type === 'password')
  if (!form || !username || !password) throw new Error(`no login form: ${summary(page)}`)
  return browser.submit(page, {
    form,
    fields: { [username.name]: account.username, [password.name]: account.password }
  })
}

/** Answers the form that has buttons named `decision`. @throws Error when there is none */
export async function decide(
  browser: Browser,
  page: Page,
  { decision = 'allow', scopes, organization }: Decision = {}
): Promise<Page> {
  const form = page.forms.find(({ buttons }) => buttons.some(({ name }) => name === 'decision'))
  if (!form) throw new Error(`no consent form: ${summary(page)}`)
  const ticked = {
    ...(scopes === undefined ? {} : { scope: scopes }),
    ...(organization === undefined ? {} : { organization: [organization] })
  }
  return browser.submit(page, { form, ticked, button: { name: 'decision', value: decision } })
}

/**
 * Opens an authorization URL, signs in when a login form appears, and decides when a consent form does.
 *
 * @returns where it ended; `leavesTo` is the answer for the client, and null when the server showed something else
 * @throws Error when what appears is neither a form to sign in, nor one to decide, nor the way back to the client
 */
export async function visitAuthorization(browser: Browser, url: string, choice: Account & Decision): Promise<Page> {
  let page = await browser.open(url)
  if (page.leavesTo === null && formWith(page, 'password')) page = await signIn(browser, page, choice)
  return page.leavesTo === null ? decide(browser, page, choice) : page
}
