/** The conformance table: which test holds which requirement, since which revision of the MCP authorization specification. */
import { globSync, readFileSync } from 'node:fs'
import { ADVISORIES } from './advisories.ts'
import { REQUIREMENTS } from './requirements.ts'

interface TitledTest {
  readonly file: string
  readonly title: string
  readonly ids: readonly string[]
}

const TITLE = /\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g
const LEADING =
  /^((?:(?:GEN|PRM|RS|TR|CD|REG|AZ|TK|EM|WI|PX)-\d+|RFC \d+(?: [\d.]+)?)(?:(?:, | and |\/)(?:(?:GEN|PRM|RS|TR|CD|REG|AZ|TK|EM|WI|PX)-\d+|RFC \d+(?: [\d.]+)?))*)\b/

const ADVISORY_IDS = new Set(ADVISORIES.flatMap(({ ids }) => ids))

function titledTests(): TitledTest[] {
  const files = globSync([
    'packages/*/test/**/*.{test,browser,service}.ts',
    'examples/*/test/**/*.{test,browser,service}.ts'
  ]).toSorted()
  return files.flatMap(file =>
    [...readFileSync(file, 'utf8').matchAll(TITLE)].flatMap(([, single, double, template]) => {
      const title = (single ?? double ?? template ?? '').replace(/\\(.)/g, '$1').replace(/\$\{[^}]*\}/g, '…')
      const named = title.split(': ', 1)[0]?.split(', ') ?? []
      const advisories = named.filter(name => ADVISORY_IDS.has(name))
      const rest = title.slice(advisories.reduce((length, id) => length + id.length + 2, 0))
      const ids = [...advisories, ...(LEADING.exec(rest)?.[1]?.split(/, | and |\//) ?? [])]
      return ids.length > 0 ? [{ file, title, ids }] : []
    })
  )
}

export function conformancePage(): string {
  const tests = titledTests()
  const rows = REQUIREMENTS.map(
    ({ id, since, text }) => `| ${id} | ${since} | ${text} | ${listed(tests.filter(test => test.ids.includes(id)))} |`
  )
  const rfcs = [...new Set(tests.flatMap(test => test.ids.filter(id => id.startsWith('RFC'))))].toSorted(byNumber)
  const rfcRows = rfcs.map(id => `| ${id} | ${listed(tests.filter(test => test.ids.includes(id)))} |`)
  const advisoryRows = ADVISORIES.map(
    ({ ids, where, text }) =>
      `| ${ids.join('<br>')} | ${where} | ${text} | ${listed(tests.filter(test => ids.some(id => test.ids.includes(id))))} |`
  )
  const proven = REQUIREMENTS.filter(({ id }) => tests.some(test => test.ids.includes(id))).length
  return `${[
    '# Conformance',
    'Printed from the titles of the tests by `pnpm run docs`. A requirement without a test says so.',
    `${proven} of ${REQUIREMENTS.length} requirements of the MCP authorization specification (revision 2026-07-28) that concern what exists have a test by name. "Since" is the first revision with the rule; clients of 2025-03-26, 2025-06-18 and 2025-11-25 are served by the same code.`,
    '## MCP authorization',
    ['| requirement | since | in short | held by |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    '## Advisories',
    'What happened to others, and the tests that would notice it here.',
    ['| advisory | where | what happened | held by |', '| --- | --- | --- | --- |', ...advisoryRows].join('\n'),
    '## RFCs',
    ['| section | held by |', '| --- | --- |', ...rfcRows].join('\n')
  ].join('\n\n')}\n`
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

function listed(tests: readonly TitledTest[]): string {
  if (tests.length === 0) return 'no test by name yet'
  return tests.map(({ file, title }) => `[${cell(title)}](../${file})`).join('<br>')
}

const cell = (title: string): string => title.replaceAll('|', '\\|').replace(/[<>[\]]/g, character => `\\${character}`)
