/** Whether the clocks of a deployment agree: of this process, of the app that runs, of the databases. */
import type { SafeResponse, StorageDriver } from '@fastify-mcp-auth/core'
import { bad, type Finding, good } from './finding.ts'

/** Seconds that clocks of one deployment may differ by. Codes live for a minute. */
const CLOCK_SKEW = 10

/** A proxy may have put its own date there. */
export function clockFinding({ headers }: SafeResponse, now: number): Finding {
  const theirs = Math.floor(Date.parse(headers['date'] ?? '') / 1000)
  if (Number.isNaN(theirs)) return good('clock', 'the answer has no date to compare with')
  return apartFinding('clock', 'the running app', Math.abs(theirs - now))
}

/** Of databases that have a clock of their own. */
export async function storageClockFindings(drivers: readonly StorageDriver[], now: () => number): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const driver of drivers) {
    if (!driver.serverTime) continue
    const asked = now()
    const theirs = await driver.serverTime()
    // However long the answer took: it was written between the two.
    const apart = Math.max(asked - theirs, theirs - now(), 0)
    findings.push(apartFinding('clock of the storage', 'the database', apart))
  }
  return findings
}

export function apartFinding(check: string, whose: string, apart: number): Finding {
  const seen = `${apart} s from that of ${whose}`
  return apart <= CLOCK_SKEW ? good(check, seen) : bad(check, seen, 'let NTP set the clocks of all machines')
}
