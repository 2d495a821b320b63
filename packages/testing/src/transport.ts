/** One way to send a request, whether the server listens or only answers `app.inject()`. */

/** A response whose body has been read. The same shape as light-my-request's, so that assertions take both. */
export interface HttpResponse {
  /** Absolute URL that was asked. */
  readonly url: string
  readonly statusCode: number
  /** Names in lower case; `set-cookie` is always a list. */
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined }
  readonly body: string
  /** The body as JSON. @throws SyntaxError when it is not */
  json<T = Record<string, unknown>>(): T
}

/** One request; `url` is absolute. */
export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
}

/** Never follows a redirect and never throws for a status. */
export type Send = (request: HttpRequest) => Promise<HttpResponse>

/** What is used of a Fastify instance. */
export interface InjectableApp {
  inject(request: {
    method: 'GET' | 'POST'
    url: string
    headers: Record<string, string>
    payload?: string
  }): Promise<{ statusCode: number; headers: object; body: string }>
}

/** Sends by `app.inject()` whatever the origin of the URL: the app sees it as the Host header. */
export function injectTransport(app: InjectableApp): Send {
  return async ({ method, url, headers = {}, body }) => {
    const { host, pathname, search } = new URL(url)
    const response = await app.inject({
      method: method as 'GET' | 'POST',
      url: `${pathname}${search}`,
      headers: { host, ...headers },
      ...(body === undefined ? {} : { payload: body })
    })
    const cookies = (response.headers as Record<string, string | string[] | undefined>)['set-cookie'] ?? []
    return httpResponse(
      url,
      response.statusCode,
      { ...response.headers, 'set-cookie': [cookies].flat() },
      response.body
    )
  }
}

/** Sends by the global `fetch`, to wherever the URL points. For servers of your own tests: it guards against nothing. */
export function fetchTransport(): Send {
  return async ({ method, url, headers = {}, body }) => {
    const response = await fetch(url, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) })
    const fields = { ...Object.fromEntries(response.headers), 'set-cookie': response.headers.getSetCookie() }
    return httpResponse(url, response.status, fields, await response.text())
  }
}

function httpResponse(url: string, statusCode: number, headers: HttpResponse['headers'], body: string): HttpResponse {
  return { url, statusCode, headers, body, json: <T>() => JSON.parse(body) as T }
}
