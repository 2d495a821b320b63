/** Looks at a deployment as a client would, and says what is wrong and how to mend it. */
import { createSafeFetch, isConfigurationError, isUnavailableError, systemClock } from '@fastify-mcp-auth/core'
import { type Call, type Command, EXIT_CODES, noWords, UsageError, withApp } from '../command.ts'
import { type BootableApp, serverOf, wanted } from '../config.ts'
import { connectionsOf } from '../connections.ts'
import { connectionFindings } from '../doctor/connections.ts'
import { bad, type Finding, good, skipped } from '../doctor/finding.ts'
import { issuerFindings, signingFinding } from '../doctor/issuer.ts'
import { resourceFindings } from '../doctor/resource.ts'
import { storageFindings } from '../doctor/storage.ts'
import { withoutPasswords } from '../output.ts'

export const doctor: Command = {
  name: 'doctor',
  summary: 'look at a deployment as clients do, and say how to mend what is wrong',
  forms: ['[--resource URL]...'],
  details: [
    'Boots the app of the configuration without listening, and asks the one that runs under its public address: storage, tables, keys, https, metadata, key set, protected resources, clocks; of an app that connects to others also its client document and keys, whether it sees protocol, host and address of whoever asks through the proxy in front of it, what its secrets are encrypted with, and the servers that it connects to. Changes nothing but what booting the app changes.',
    'Exit code 1 when something is bad.'
  ],
  options: {
    resource: {
      type: 'string',
      value: 'URL',
      multiple: true,
      about: 'a protected resource of this issuer; one that the app itself protects is looked at anyway'
    }
  },
  async run(call) {
    noWords(call.words)
    const config = await call.config()
    wanted(config, 'app')
    const findings = [...(await storageFindings(config, systemClock.now)), ...(await appFindings(call))]
    report(call, findings)
    return findings.some(({ state }) => state === 'bad') ? EXIT_CODES.found : EXIT_CODES.done
  }
}

async function appFindings(call: Call): Promise<Finding[]> {
  try {
    return await withApp(call, async app => {
      const connections = connectionsOf(app)
      // The operator's own addresses, which may be private. Redirects are not followed, and size and time are bounded.
      const fetch = createSafeFetch({ addresses: 'any', maxBytes: 1_000_000 })
      const { now } = systemClock
      const connected = connections ? await connectionFindings({ connections, fetch, now }) : []
      // An app may be a client of others and nothing else.
      if (connections && !('authorizationServer' in app)) return [good('boot', 'the app starts'), ...connected]
      const server = serverOf(app)
      const published = { server, app, fetch, now }
      const findings = [good('boot', server.issuer), signingFinding(await server.keys.list())]
      findings.push(...(await issuerFindings(published)))
      const resources = resourcesOf(call, app)
      if (resources.length === 0)
        findings.push(skipped('resource', 'this app protects none in this scope', 'name one with --resource'))
      for (const resource of resources) findings.push(...(await resourceFindings(resource, server.issuer, fetch)))
      return [...findings, ...connected]
    })
  } catch (error) {
    if (isUnavailableError(error))
      return [bad('boot', error.message, 'look at the address of the database, and whether it runs')]
    if (isConfigurationError(error)) return [bad('boot', error.message, 'change the option that it names')]
    if (error instanceof UsageError || !(error instanceof Error)) throw error
    return [
      bad('boot', error.message, 'the app does not start with these settings either: start it, and read its error')
    ]
  }
}

function resourcesOf(call: Call, app: BootableApp): string[] {
  const named = call.flags['resource']
  const given = Array.isArray(named) ? named.map(String) : []
  const wrong = given.find(url => !URL.canParse(url))
  if (wrong !== undefined) throw new UsageError(`--resource must be a URL, not ${JSON.stringify(wrong)}`)
  const face: unknown = Reflect.get(app, 'mcpAuth')
  const own: unknown = typeof face === 'object' && face !== null ? Reflect.get(face, 'resource') : null
  return [...new Set([...(typeof own === 'string' ? [own] : []), ...given])]
}

function report({ out }: Call, found: readonly Finding[]): void {
  const findings = found.map(({ seen, mend, ...finding }) => ({
    ...finding,
    seen: withoutPasswords(seen),
    mend: mend && withoutPasswords(mend)
  }))
  if (out.json) out.table(findings, '')
  else
    for (const { state, check, seen, mend } of findings) {
      out.print(`${state.padEnd(7)}  ${check}: ${seen}`)
      if (mend !== null) out.print(`${' '.repeat(9)}${mend}`)
    }
  const wrong = findings.filter(({ state }) => state === 'bad').length
  out.say(wrong === 0 ? 'All is well.' : `${wrong} to mend.`)
}
