import t from 'tap'
import type { TSchema } from 'typebox'
import Value from 'typebox/value'
import {
  AccessTokenClaims,
  AuthorizationServerMetadata,
  ClientMetadata,
  ProtectedResourceMetadata,
  TokenResponse
} from '../../src/index.ts'

const CLAIMS = { iss: 'https://a', sub: 's', aud: 'https://r', exp: 2, iat: 1, jti: 'j', client_id: 'c' }

const table: [string, TSchema, unknown[], unknown[]][] = [
  [
    'RFC 9068 2.2: access token claims',
    AccessTokenClaims,
    [CLAIMS, { ...CLAIMS, aud: ['a', 'b'], scope: 'x', grant_id: 'g', other: {} }],
    [
      ...Object.keys(CLAIMS).map(name => ({ ...CLAIMS, [name]: undefined })),
      { ...CLAIMS, iss: ['https://evil', 'https://a'] },
      { ...CLAIMS, sub: '' },
      { ...CLAIMS, sub: ['s'] },
      { ...CLAIMS, client_id: 7 },
      { ...CLAIMS, aud: [] },
      { ...CLAIMS, aud: {} },
      { ...CLAIMS, exp: '2' },
      { ...CLAIMS, exp: Number.NaN },
      { ...CLAIMS, exp: Number.POSITIVE_INFINITY },
      { ...CLAIMS, scope: ['x'] },
      null,
      []
    ]
  ],
  [
    'RFC 7591 2: client metadata',
    ClientMetadata,
    [{}, { redirect_uris: ['https://a/cb'], client_name: 'A', unknown: { a: 1 } }],
    [
      { redirect_uris: [] },
      { redirect_uris: 'https://a/cb' },
      { redirect_uris: [null] },
      { redirect_uris: Array(33).fill('https://a/cb') },
      { redirect_uris: ['a'.repeat(2049)] },
      { client_name: 'a'.repeat(201) },
      { client_name: null },
      { grant_types: 'authorization_code' },
      { grant_types: Array(33).fill('x') },
      { scope: 'a'.repeat(4097) },
      []
    ]
  ],
  [
    'RFC 8414 2: authorization server metadata',
    AuthorizationServerMetadata,
    [{ issuer: 'https://a' }, { issuer: 'https://a', more: true }],
    [
      {},
      { issuer: ['https://a'] },
      { issuer: 'https://a', scopes_supported: 'a b' },
      { issuer: 'https://a', jwks_uri: 1 }
    ]
  ],
  [
    'RFC 9728 2: protected resource metadata',
    ProtectedResourceMetadata,
    [{ resource: 'https://r' }, { resource: 'https://r', authorization_servers: ['https://a'], x: 1 }],
    [
      {},
      { resource: 'https://r', authorization_servers: [] },
      { resource: 'https://r', authorization_servers: 'https://a' }
    ]
  ],
  [
    'RFC 6749 5.1: token response',
    TokenResponse,
    [
      { access_token: 'a', token_type: 'Bearer' },
      { access_token: 'a', token_type: 'bearer', expires_in: 1, id_token: 'x' }
    ],
    [{}, { access_token: 'a' }, { access_token: 'a', token_type: 'Bearer', expires_in: '1' }]
  ]
]

for (const [title, schema, good, bad] of table)
  t.test(title, async t => {
    for (const value of good) t.ok(Value.Check(schema, value), JSON.stringify(value))
    for (const value of bad) t.notOk(Value.Check(schema, value), JSON.stringify(value)?.slice(0, 80))
  })
