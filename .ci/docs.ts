/**
 * Prints the parts of `docs/` that are facts about the code, so that they cannot drift from it:
 *
 * - `docs/conformance.md` from the titles of the tests
 * - `docs/reference/options-<package>.md` from the option schemas and the comments above them
 * - `docs/reference/commands.md` from the declarations of the commands
 * - `docs/reference/errors.md` from the error catalogues
 * - `docs/oracle.md` from the comparison with oidc-provider
 * - files in guides, where a guide says `<!-- from path -->`
 *
 * With `--check` it writes nothing and fails when a file would change or an example does not compile. Either way it fails when a public
 * export has no docstring.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { authorizationServerEventsPage } from './docs/authorization-server-events.ts'
import { commandsPage } from './docs/commands.ts'
import { conformancePage } from './docs/conformance.ts'
import { connectionEventsPage } from './docs/connection-events.ts'
import { embeddingGuides } from './docs/embeds.ts'
import { errorsPage } from './docs/errors.ts'
import { eventsPage } from './docs/events.ts'
import { assertDocumented } from './docs/exports.ts'
import { modelsPage } from './docs/models.ts'
import { optionsPage, optionsSources } from './docs/options.ts'
import { oraclePage } from './docs/oracle.ts'
import { recordsPage } from './docs/records.ts'
import { assertSnippets } from './docs/snippets.ts'
import { wrongTokensPage } from './docs/wrong-tokens.ts'

assertDocumented()

const pages = new Map<string, string>([
  ...embeddingGuides(),
  ['docs/conformance.md', conformancePage()],
  ['docs/oracle.md', oraclePage()],
  ['docs/reference/commands.md', commandsPage()],
  ['docs/reference/errors.md', errorsPage()],
  ['docs/reference/models-consent.md', modelsPage()],
  ['docs/reference/events-resource-server.md', eventsPage()],
  ['docs/reference/events-authorization-server.md', authorizationServerEventsPage()],
  ['docs/reference/events-connections.md', connectionEventsPage()],
  ['docs/reference/records-authorization-server.md', recordsPage()],
  ['docs/reference/wrong-tokens.md', await wrongTokensPage()],
  ...optionsSources().map(source => [`docs/reference/options-${source.name}.md`, optionsPage(source)] as const)
])

const check = process.argv.includes('--check')
const stale = [...pages].filter(([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text)

for (const [file, text] of stale) {
  if (check) continue
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
for (const [file] of stale)
  console.log(check ? `${file} is not what the code says: run pnpm run docs` : `wrote ${file}`)
console.log(`${pages.size} generated pages, ${stale.length} ${check ? 'stale' : 'written'}`)
if (check) console.log(`${assertSnippets()} examples compile`)
if (check && stale.length > 0) process.exit(1)
