/** Every case, by what it is about. */
import { AUTHORIZATION_CASES } from './authorization.ts'
import type { OracleCase } from './case.ts'
import { CLIENT_CASES } from './client-authentication.ts'
import { TOKEN_STATE_CASES } from './introspection-and-revocation.ts'
import { OWN_NAME_AND_DEVICE_CASES } from './own-name-and-devices.ts'
import { PUSHED_CASES } from './pushed-authorization.ts'
import { REGISTRATION_CASES } from './registration.ts'
import { TOKEN_CASES } from './token.ts'
import { USERINFO_CASES } from './userinfo.ts'

export const CASES: readonly OracleCase[] = [
  ...AUTHORIZATION_CASES,
  ...PUSHED_CASES,
  ...TOKEN_CASES,
  ...CLIENT_CASES,
  ...TOKEN_STATE_CASES,
  ...REGISTRATION_CASES,
  ...USERINFO_CASES,
  ...OWN_NAME_AND_DEVICE_CASES
]
