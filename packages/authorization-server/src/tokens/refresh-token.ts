/**
 * Refresh tokens: `<grant id>.<family secret>.<secret>`. The family secret is the same in all tokens of a grant, so that an old
 * one can be told from an invented one; the last part changes with each rotation.
 */
import { randomSecret } from '@fastify-mcp-auth/core'

export interface RefreshToken {
  readonly grantId: string
  readonly family: string
  readonly secret: string
}

const REFRESH_TOKEN = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/

export function parseRefreshToken(token: string): RefreshToken | null {
  const [, grantId, family, secret] = REFRESH_TOKEN.exec(token) ?? []
  return grantId === undefined || family === undefined || secret === undefined ? null : { grantId, family, secret }
}

export function formatRefreshToken({ grantId, family, secret }: RefreshToken): string {
  return `${grantId}.${family}.${secret}`
}

export function firstRefreshToken(grantId: string): RefreshToken {
  return { grantId, family: randomSecret(16), secret: randomSecret() }
}

export function nextRefreshToken({ grantId, family }: RefreshToken): RefreshToken {
  return { grantId, family, secret: randomSecret() }
}
