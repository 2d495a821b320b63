export interface SafeFetchOptions {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
}
export interface SafeResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: { readonly [name: string]: string }
  readonly body: Buffer
}
export type SafeFetch = (url: string, options?: SafeFetchOptions) => Promise<SafeResponse>
export declare function createSafeFetch(options?: {
  /** `public` (default): what a stranger chose; `public-or-loopback`: development; `any`: the operator chose the URL. */
  addresses?: 'public' | 'public-or-loopback' | 'any'
  maxBytes?: number
  timeoutMs?: number
}): SafeFetch
