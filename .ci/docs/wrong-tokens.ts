/** Reference page of the tokens that the test issuer makes wrong. */
import { createTestIssuer } from '../../packages/testing/src/issuer.ts'

export async function wrongTokensPage(): Promise<string> {
  const issuer = await createTestIssuer()
  const wrong = await issuer.wrong({ resource: 'https://api.example.com/mcp', scopes: ['mcp:tools'] })
  return `${[
    '# Wrong tokens',
    'Printed from `createTestIssuer().wrong()` of `@fastify-mcp-auth/testing` by `pnpm run docs`. Each is a good token but for one thing; a resource server has to refuse them all.',
    wrong.map(({ name }) => `- ${name}`).join('\n')
  ].join('\n\n')}\n`
}
