/**
 * What the app attaches to a grant, for example tokens of another API. Encrypted under a random key that is stored nowhere in clear: the
 * authorization code, then each refresh and each access token of the grant has it encrypted under itself.
 */
import { createKeyRing, keyRingOfSecret, randomSecret } from '@fastify-mcp-auth/core'
import type { GrantRecord } from '../records.ts'

type StoredProps = Pick<GrantRecord, 'props' | 'propsKey'>

/** Characters of JSON: they are written with every grant and read with every token. */
const MAX_LENGTH = 16_384

export const NO_PROPS: StoredProps = Object.freeze({ props: null, propsKey: null })

/**
 * @param props JSON; null or undefined for none
 * @param secret of the authorization code
 * @throws TypeError when it is no JSON or too long: the app's mistake
 */
export function sealProps(props: unknown, secret: string): StoredProps {
  if (props === null || props === undefined) return NO_PROPS
  const text: string | undefined = JSON.stringify(props)
  if (text === undefined || text.length > MAX_LENGTH)
    throw new TypeError(`users.props() must return JSON of at most ${MAX_LENGTH} characters`)
  const key = randomSecret(32)
  return { props: createKeyRing([key]).seal(text, 'props'), propsKey: wrapPropsKey(key, secret) }
}

/** @param secret of the code or refresh token that has the key now. @returns null when the grant has no props */
export function openPropsKey({ propsKey }: StoredProps, secret: string): string | null {
  return propsKey === null ? null : keyRingOfSecret(secret).unseal(propsKey, 'props key')
}

export function wrapPropsKey(key: string, secret: string): string {
  return keyRingOfSecret(secret).seal(key, 'props key')
}

/** @returns null when there are none */
export function openProps({ props }: StoredProps, key: string | null): unknown {
  const text = props === null || key === null ? null : createKeyRing([key]).unseal(props, 'props')
  return text === null ? null : JSON.parse(text)
}
