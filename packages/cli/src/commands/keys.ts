/** Encryption keys and signing keys. */
import { type AuthorizationServer, randomSecret } from '@fastify-mcp-auth/core'
import { type Call, type Command, EXIT_CODES, type ExitCode, noWords, UsageError, withServer } from '../command.ts'
import { when } from '../output.ts'

export const keys: Command = {
  name: 'keys',
  summary: 'make an encryption key; list and rotate signing keys',
  forms: ['generate', 'list', 'rotate [--immediately]'],
  details: [
    'generate prints 32 random bytes in base64, for the option "encryptionKeys". It needs no configuration and stores nothing.',
    'list shows the keys that verify tokens, without anything of the keys themselves.',
    'rotate publishes successors that sign after an hour; the old ones stay published for a day after that. With --immediately, after a key was stolen: no token that was signed before is good any more.'
  ],
  options: { immediately: { type: 'boolean', about: 'for "rotate": the new key signs at once, old tokens end' } },
  async run(call) {
    const [form, ...words] = call.words
    noWords(words)
    if (form === 'generate') return generate(call)
    if (form === 'list') return withServer(call, async server => show(call, await server.keys.list()))
    if (form === 'rotate') {
      const immediately = call.flags['immediately'] === true
      return withServer(call, async server => show(call, await server.keys.rotate({ immediately })))
    }
    throw new UsageError('say generate, list or rotate')
  }
}

function generate({ out }: Call): ExitCode {
  out.print(Buffer.from(randomSecret(32), 'base64url').toString('base64'))
  return EXIT_CODES.done
}

function show({ out }: Call, list: Awaited<ReturnType<AuthorizationServer['keys']['list']>>): ExitCode {
  const rows = list.map(({ kid, alg, state, createdAt, activeFrom }) => ({
    kid,
    alg,
    state,
    created: when(createdAt),
    'active from': when(activeFrom)
  }))
  out.table(rows, 'There are no signing keys.')
  return EXIT_CODES.done
}
