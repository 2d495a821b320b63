/** What a person must be told to decide, looked for in a document. */
import type { ConsentPage } from './model.ts'

/**
 * What a drawn consent page keeps from people, or from the form: the client and who vouches for it, the place where the answer goes,
 * every permission, every warning, and the fields without which no decision counts.
 *
 * @param html what was drawn from the model
 * @returns sentences for developers; empty when everything is there
 */
export function missingFacts(html: string, model: ConsentPage): string[] {
  const text = textOf(html)
  const tags = tagsOf(html)
  const isSaid = (value: string): boolean => text.includes(collapse(value))
  const field = (name: string, value: string): boolean =>
    tags.some(tag => attribute(tag, 'name') === name && attribute(tag, 'value') === value)
  const { client, answersTo, account } = model
  const lines = [...model.scopes, ...model.alreadyAllowed]
  const facts: [boolean, string][] = [
    [
      isSaid(client.name) || isSaid(client.shortName),
      'the page does not say who asks (client.name or client.shortName)'
    ],
    [
      client.verifiedHost === null ? isSaid(model.words.notVerified) : isSaid(client.verifiedHost),
      'the page does not say who vouches for the client (client.verifiedHost, or words.notVerified)'
    ],
    [isSaid(answersTo.host), 'the page does not say where the answer goes (answersTo.host)'],
    [isSaid(account.displayName), 'the page does not say who is signed in (account.displayName)'],
    ...lines.map((line): [boolean, string] => [
      isSaid(line.description),
      `the page does not say what is asked (${model.scopes.includes(line) ? 'scopes' : 'alreadyAllowed'}: description)`
    ]),
    ...lines.flatMap((line): [boolean, string][] => [
      [
        !line.destructive || isSaid(model.words.irreversible),
        'the page does not mark what cannot be undone (scopes: destructive)'
      ],
      [
        line.required || field('scope', line.scope),
        'a permission has no checkbox named "scope" with scopes[].scope as value'
      ]
    ]),
    ...model.warnings.map(({ lead, text }): [boolean, string] => [
      isSaid(words(lead)) && isSaid(words(text)),
      'the page leaves out a warning (warnings: lead and text)'
    ]),
    ...model.organizations.map(({ id, name }): [boolean, string] => [
      isSaid(name) && field('organization', id),
      'the page does not let people pick an organization (organizations: radio buttons named "organization")'
    ]),
    [
      tags.some(
        tag => attribute(tag, 'action') === model.decisionUrl && /^post$/i.test(attribute(tag, 'method') ?? '')
      ),
      'the page has no form that posts to decisionUrl'
    ],
    [field('account', account.proof), 'the form has no hidden field "account" with account.proof'],
    [
      field('decision', 'allow') && field('decision', 'deny'),
      'the form has no buttons "decision" for "allow" and "deny"'
    ]
  ]
  return [...new Set(facts.flatMap(([isThere, fault]) => (isThere ? [] : [fault])))]
}

const words = (sentence: ConsentPage['heading']): string =>
  sentence.map(part => (typeof part === 'string' ? part : part.value)).join('')

const TAG = /<[a-z][^\s/>]*(?:\s+[^\s=>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*\s*\/?>/gi

function tagsOf(html: string): string[] {
  return [...html.matchAll(TAG)].map(([tag]) => tag)
}

function attribute(tag: string, name: string): string | null {
  const [, double, single, bare] =
    new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(tag) ?? []
  const value = double ?? single ?? bare
  return value === undefined ? null : decode(value)
}

function textOf(html: string): string {
  const shown = html.replace(/<!--[\s\S]*?-->|<(script|style|template|title)\b[\s\S]*?<\/\1\s*>/gi, '')
  return collapse(decode(shown.replace(/<\/?[a-z][^>]*>/gi, '')))
}

const collapse = (text: string): string => text.replace(/\s+/g, ' ').trim()

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name] ?? whole
  })
}
