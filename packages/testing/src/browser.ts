/**
 * A browser without a screen and without JavaScript: cookies, redirects and forms. Enough to sign in and to answer a consent page.
 *
 * Follows redirects within an origin and stops at the first one that leaves it: that one is the answer to the OAuth client.
 */
import { type CookieJar, createCookieJar } from './cookie-jar.ts'
import { type FormChoices, formBody, type HtmlForm, parseForms } from './html-form.ts'
import type { HttpResponse, Send } from './transport.ts'

/** Where a navigation ended. */
export interface Page extends HttpResponse {
  readonly forms: readonly HtmlForm[]
  /** Absolute target of a redirect that was not followed, because it leaves the origin; else null. */
  readonly leavesTo: string | null
}

/** Follows redirects, keeps cookies and fills in forms, as a person would. */
export interface Browser {
  readonly cookies: CookieJar
  /** Types a URL into the address bar. */
  open(url: string): Promise<Page>
  /**
   * Presses a button of a form of the page.
   *
   * @param form the only form of the page when left out
   * @throws Error when the page has no form, or several to choose from
   */
  submit(page: Page, choices?: FormChoices & { form?: HtmlForm }): Promise<Page>
}

const MAX_REDIRECTS = 10

/** A browser without cookies. Runs no script and loads nothing that a page refers to. */
export function createBrowser(send: Send): Browser {
  const cookies = createCookieJar()

  async function navigate(method: string, url: string, form?: { body: string; origin: string }): Promise<Page> {
    let step = { method, url, form }
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await visit(step.method, step.url, step.form)
      const target = redirectTarget(response)
      if (target === null || new URL(target).origin !== new URL(step.url).origin) return pageOf(response, target)
      // 307 and 308 repeat the request as it was; every other redirect turns it into a GET.
      const repeats = response.statusCode === 307 || response.statusCode === 308
      step = repeats ? { ...step, url: target } : { method: 'GET', url: target, form: undefined }
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects, the last one to ${new URL(step.url).pathname}`)
  }

  async function visit(method: string, url: string, form?: { body: string; origin: string }): Promise<HttpResponse> {
    const cookie = cookies.header(url)
    const response = await send({
      method,
      url,
      headers: {
        accept: 'text/html,application/xhtml+xml',
        ...(cookie === '' ? {} : { cookie }),
        ...(form ? { 'content-type': 'application/x-www-form-urlencoded', origin: form.origin } : {})
      },
      ...(form ? { body: form.body } : {})
    })
    cookies.store(url, [response.headers['set-cookie'] ?? []].flat())
    return response
  }

  return {
    cookies,
    open: url => navigate('GET', url),
    submit(page, { form = onlyForm(page), ...choices } = {}) {
      const body = formBody(form, choices).toString()
      if (form.method === 'GET') return navigate('GET', `${form.action.replace(/[?#].*$/s, '')}?${body}`)
      // Browsers hide the origin of a page that asks for no referrer at all.
      const hidden = page.headers['referrer-policy'] === 'no-referrer'
      return navigate('POST', form.action, { body, origin: hidden ? 'null' : new URL(page.url).origin })
    }
  }
}

/** The one form of a page that has a field of that type or name, such as `password`. Undefined when there is none. */
export function formWith(page: Page, field: string): HtmlForm | undefined {
  return page.forms.find(form => form.fields.some(({ type, name }) => type === field || name === field))
}

function onlyForm(page: Page): HtmlForm {
  const [form, ...others] = page.forms
  if (!form || others.length > 0) throw new Error(`expected one form, found ${page.forms.length}: ${summary(page)}`)
  return form
}

/** Status, path and the beginning of the text of a page, for error messages. */
export function summary(page: HttpResponse): string {
  const text = page.body
    .replace(/<(style|script)[\s\S]*?<\/\1>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return `${page.statusCode} at ${new URL(page.url).pathname}: ${text.slice(0, 300)}`
}

function redirectTarget(response: HttpResponse): string | null {
  const location = response.headers['location']
  if (response.statusCode < 300 || response.statusCode > 399 || typeof location !== 'string') return null
  return new URL(location, response.url).href
}

function pageOf(response: HttpResponse, leavesTo: string | null): Page {
  const isHtml = String(response.headers['content-type'] ?? '').startsWith('text/html')
  return { ...response, forms: isHtml ? parseForms(response.body, response.url) : [], leavesTo }
}
