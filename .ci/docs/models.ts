/** Reference page of the models: what a template, `render` and the JSON of the consent pages get, member by member. */
import { readFileSync } from 'node:fs'

const SOURCES = ['packages/core/src/pages/page.ts', 'packages/consent/src/model.ts'] as const

/** @throws Error when a model is not written as this page reads it */
export function modelsPage(): string {
  const sections = SOURCES.flatMap(file => interfacesIn(readFileSync(file, 'utf8')))
  if (sections.length < 8) throw new Error('the models are not written as this page reads them')
  return `${[
    '# Models of the consent pages',
    'Printed from the types by `pnpm run docs`. Every model has the members of [Page](#page) and a member `page`, the name of its template. `version` is 1: it changes when a member goes away or changes its meaning; new members may come at any time. A `Sentence` is text in reading order: strings are ours, `{ value }` is what somebody else wrote, to be fenced off with `<bdi>`. Every string is plain text: escape it.',
    ...sections
  ].join('\n\n')}\n`
}

function interfacesIn(source: string): string[] {
  const declarations = source.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport interface (\w+)(?: extends (\w+))? \{\n([\s\S]*?)\n\}/g
  )
  return [...declarations].map(([, about = '', name = '', base, body = '']) => {
    const inherited = base === undefined ? '' : ` With the members of [${base}](#${base.toLowerCase()}).`
    const rows = membersOf(body).map(({ member, type, comment }) => `| \`${member}\` | \`${type}\` | ${comment} |`)
    return [
      `## ${name}`,
      `${flatten(about)}${inherited}`,
      ['| member | type | |', '| --- | --- | --- |', ...rows].join('\n')
    ].join('\n\n')
  })
}

// A member of the first level; what is an object in itself is printed as it is written, without its comments.
function membersOf(body: string): { member: string; type: string; comment: string }[] {
  const members = body.matchAll(
    /(?:^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^ {2}readonly (\w+)\??: ([\s\S]*?)(?=\n {2}(?:\/\*\*|readonly)|$(?![\s\S]))/gm
  )
  return [...members].map(([, comment = '', member = '', type = '']) => ({
    member,
    comment: flatten(comment),
    type: flatten(
      type
        .replace(/\/\*\*[\s\S]*?\*\//g, '')
        .replaceAll('readonly ', '')
        .replace(/(?<=\w)\n\s*(?=\w)/g, '; ')
    )
  }))
}

function flatten(text: string): string {
  return text
    .replace(/^\s*\* ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\{@link (\w+)\}/g, '`$1`')
    .replaceAll('|', '\\|')
}
