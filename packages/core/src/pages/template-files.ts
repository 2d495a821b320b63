/** Files of a package that a team may replace one by one: ours, and over them those of the team's folder, by name. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigurationError } from '../errors.ts'

/** Paths by name (`consent.eta`, `parts/footer.eta`). A fixed list: no name can lead out of the two folders. */
export interface TemplateFiles {
  readonly paths: ReadonlyMap<string, string>
  /** Names of the files that are the team's. */
  readonly replaced: ReadonlySet<string>
  /** The text of a file. @throws ConfigurationError when there is none of that name */
  read(name: string): string
  /** @throws ConfigurationError when there is none of that name */
  pathOf(name: string): string
}

/**
 * @param ours folder of the package
 * @param team folder of the team; undefined for none
 * @param owner name of the package, for messages
 * @throws ConfigurationError when the team's folder is missing
 */
export function templateFiles(ours: string, team: string | undefined, owner: string): TemplateFiles {
  const folder = team === undefined ? null : resolve(team)
  const refused = (message: string): ConfigurationError =>
    new ConfigurationError('FST_OAUTH_OPTION', `${owner}: ${message}`)
  if (folder !== null && !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw refused(`"templates" is not a folder: ${folder}`)
  const own = folder === null ? [] : listFiles(folder)
  const paths = new Map([...listFiles(resolve(ours)), ...own])
  const pathOf = (name: string): string => {
    const path = paths.get(name)
    if (path === undefined) throw refused(`there is no template "${name}"`)
    return path
  }
  return Object.freeze<TemplateFiles>({
    paths,
    replaced: new Set(own.map(([name]) => name)),
    pathOf,
    read: name => readFileSync(pathOf(name), 'utf8')
  })
}

function listFiles(folder: string): [name: string, path: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => {
      const path = join(entry.parentPath, entry.name)
      return [path.slice(folder.length + 1).replaceAll('\\', '/'), path]
    })
}
