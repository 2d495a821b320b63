/** Preloaded into a test run by `storage-mutation.ts`: the source file that it names is loaded with one guard taken out. */
import { registerHooks } from 'node:module'

const { file, find, replace } = JSON.parse(process.env['STORAGE_MUTATION'] ?? '{}') as {
  file: string
  find: string
  replace: string
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(file)) return loaded
    const source = String(loaded.source)
    // A guard that was rewritten must not pass for one whose loss was noticed.
    if (source.split(find).length !== 2) {
      console.error(`NOT FOUND ONCE: ${find}`)
      process.exit(86)
    }
    return { ...loaded, source: source.replace(find, () => replace) }
  }
})
