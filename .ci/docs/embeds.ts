/** Guides show files that are run by tests: `<!-- from examples/x.ts -->` before a block puts the file into the block. */
import { globSync, readFileSync } from 'node:fs'

const EMBED = /(<!-- from (\S+) -->\n```ts\n)[\s\S]*?(^```$)/gm

/** Guides with embedded files, by path, as they should be. */
export function embeddingGuides(): Map<string, string> {
  const guides = globSync('docs/guides/*.md').toSorted()
  return new Map(
    guides.flatMap(guide => {
      const text = readFileSync(guide, 'utf8')
      if (!text.includes('<!-- from ')) return []
      return [
        [guide, text.replace(EMBED, (_, open: string, file: string, close: string) => open + codeOf(file) + close)]
      ]
    })
  )
}

// The comment at the top says what the guide says around the block.
function codeOf(file: string): string {
  return readFileSync(file, 'utf8').replace(/^\/\*\*[\s\S]*?\*\/\n/, '')
}
