/** Takes access back. */
import type { GrantCriteria } from '@fastify-mcp-auth/core'
import { type Call, type Command, EXIT_CODES, noWords, text, UsageError, withServer } from '../command.ts'

export const revoke: Command = {
  name: 'revoke',
  summary: 'end grants: one, or all of a client, a user or an organization',
  forms: ['--grant ID', '[--client ID] [--user SUBJECT] [--organization ID]'],
  details: [
    'Refresh tokens end at once, and access tokens where they are checked by local() or introspection; a JWT that is checked elsewhere lives to its end. With several criteria, the grants that meet all of them.',
    'Exit code 1 when there was nothing to end.'
  ],
  options: {
    grant: { type: 'string', value: 'ID', about: 'this grant and no other' },
    client: { type: 'string', value: 'ID', about: 'grants of this client' },
    user: { type: 'string', value: 'SUBJECT', about: 'grants of this user, by the name that the app gives as subject' },
    organization: { type: 'string', value: 'ID', about: 'grants for this organization' }
  },
  async run(call) {
    noWords(call.words)
    const grant = text(call, 'grant')
    const criteria = criteriaOf(call)
    const isAny = Object.keys(criteria).length > 0
    if (grant !== undefined && isAny) throw new UsageError('--grant stands alone')
    if (grant === undefined && !isAny) throw new UsageError('say what to revoke')
    const ended = await withServer(call, async server =>
      grant === undefined ? server.grants.revokeAll(criteria) : Number(await server.grants.revoke(grant))
    )
    call.out.facts({ ended })
    return ended > 0 ? EXIT_CODES.done : EXIT_CODES.found
  }
}

function criteriaOf(call: Call): GrantCriteria {
  const [clientId, subject, organization] = [text(call, 'client'), text(call, 'user'), text(call, 'organization')]
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(subject === undefined ? {} : { subject }),
    ...(organization === undefined ? {} : { organization })
  }
}
