/** By which name tokens of a grant call the person. */
import type { GrantRecord } from '../records.ts'

/** The `sub` of every token and answer about the grant; decided when a person said yes, so that it never changes. */
export function subOf({ sub, subject }: GrantRecord): string {
  return sub ?? subject
}
