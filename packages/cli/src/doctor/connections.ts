/** Whether the servers that the app connects to can be reached and tell how. */
import type { BootedConnections } from '../connections.ts'
import { bad, type Finding, good, skipped } from './finding.ts'

export async function connectionFindings({ registry, diagnose }: BootedConnections): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { id, disabled, definition } of await registry.list()) {
    const check = `connection ${id}`
    if (disabled) findings.push(skipped(check, 'it is switched off', 'switch it on, or remove it'))
    else if (definition.auth === 'bearer' || definition.auth === 'header')
      findings.push(skipped(check, 'it takes a key, and shows nothing without one', 'try it with a key of your own'))
    else findings.push(await connectionFinding(check, () => diagnose(id)))
  }
  return findings
}

async function connectionFinding(
  check: string,
  diagnose: () => ReturnType<BootedConnections['diagnose']>
): Promise<Finding> {
  const { auth, problems } = await diagnose()
  if (auth === 'unknown')
    return bad(check, problems.join('; '), 'see whether it runs and is reached from here; its owner can say more')
  const way = auth === 'none' ? 'it asks for no authorization' : 'it tells how to connect'
  return good(check, auth === 'none' ? way : [way, ...problems].join('; '))
}
