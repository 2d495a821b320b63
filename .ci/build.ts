/**
 * Builds what is published. Types of every package, and JavaScript of most, file by file, come from the compiler. Core and the resource
 * server are bundled, one file for each entry point, because a server loads them before it listens: a hundred small modules take as long
 * as Fastify itself, and TypeBox, of which a few builders and its checks are used, twice that (docs/performance.md).
 *
 * Dependencies stay dependencies, so that whoever audits an installation sees them. But TypeBox: its parts are taken in, with its license
 * beside them, and only its types are asked of the package.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const TAKEN_IN = 'typebox'

interface Manifest {
  exports: Record<string, { default: string }>
  dependencies: Record<string, string>
  peerDependencies?: Record<string, string>
}

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json'], { stdio: 'inherit' })
for (const folder of ['packages/core', 'packages/resource-server']) await bundle(folder)

async function bundle(folder: string): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  for (const file of globSync(`${folder}/dist/**/*.js{,.map}`)) rmSync(file)
  await build({
    absWorkingDir: join(process.cwd(), folder),
    entryPoints: Object.values(manifest.exports).map(entry =>
      entry.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts')
    ),
    outbase: 'src',
    outdir: 'dist',
    bundle: true,
    // What several entry points have in common is there once: two copies of a class are two classes.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    external: needed.filter(name => name !== TAKEN_IN),
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning'
  })
  copyFileSync(join(folder, 'node_modules', TAKEN_IN, 'license'), join(folder, 'dist', `LICENSE-${TAKEN_IN}`))
}
