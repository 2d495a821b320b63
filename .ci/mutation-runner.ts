/**
 * How the tests of a change are run: in one process, only those that reach it, and without loading everything anew for each change. A process
 * for each change and each file of tests, as Stryker's own runner for tap has it, takes ten times as long.
 *
 * Loaded by Stryker, see `.config/stryker.json`.
 */
import { type RegisterHooksOptions, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { INSTRUMENTER_CONSTANTS, type InstrumenterContext, type StrykerOptions } from '@stryker-mutator/api/core'
import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin'
import {
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult
} from '@stryker-mutator/api/test-runner'
import type { Test } from 'tap'

type Body = (t: Test) => unknown
type Hook = () => void | Promise<void>

interface FoundTest {
  readonly id: string
  readonly body: Body
  readonly before: readonly Hook[]
  readonly after: readonly Hook[]
}

/** As much of tap as test files use outside of their tests. */
interface Collector {
  test(name: string, body: Body): Promise<void>
  beforeEach(hook: Hook): void
  afterEach(hook: Hook): void
}

/** What Stryker's changes read: members that are not set are undefined here. */
type Context = { [K in keyof InstrumenterContext]: InstrumenterContext[K] | undefined }

/** Scheme of the modules that stand in for tap. */
const COLLECTED = 'collected:'

const t = await loadTap()

class InProcessRunner implements TestRunner {
  static readonly inject = tokens(commonTokens.options)
  readonly #files: readonly string[]
  readonly #context: Context = contextOf(globalThis)
  #tests: FoundTest[] = []
  #loads = 0

  constructor(options: StrykerOptions) {
    this.#files = (options['tests'] as { readonly files: readonly string[] }).files
    Reflect.set(globalThis, Symbol.for(COLLECTED), (file: string) => this.#collector(file))
    registerHooks(hooksOf(pathToFileURL('packages/').href))
  }

  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: true }
  }

  async dryRun(): Promise<DryRunResult> {
    await this.#load()
    return this.#run(this.#tests, true)
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { activeMutant, hitLimit, mutantActivation, reloadEnvironment, testFilter } = options
    this.#context.hitCount = hitLimit === undefined ? undefined : 0
    this.#context.hitLimit = hitLimit
    this.#context.activeMutant = mutantActivation === 'static' ? activeMutant.id : undefined
    try {
      if (reloadEnvironment || this.#loads === 0) await this.#load()
    } catch (error) {
      return toMutantRunResult(whole(TestStatus.Failed, String(error)))
    }
    this.#context.activeMutant = activeMutant.id
    const wanted = testFilter ? this.#tests.filter(({ id }) => testFilter.includes(id)) : this.#tests
    const result = await this.#run(wanted, options.disableBail)
    return toMutantRunResult(determineHitLimitReached(this.#context.hitCount, hitLimit) ?? result)
  }

  /** Test files and what they import of this package, anew: what was loaded before belongs to another change. */
  async #load(): Promise<void> {
    this.#tests = []
    this.#loads++
    for (const file of this.#files) await import(`${pathToFileURL(file).href}?load=${this.#loads}`)
  }

  async #run(tests: readonly FoundTest[], isWhole: boolean): Promise<DryRunResult> {
    const results: TestResult[] = []
    for (const test of tests) {
      this.#context.currentTestId = test.id
      const result = await runTest(test)
      results.push(result)
      if (result.status === TestStatus.Failed && !isWhole) break
    }
    this.#context.currentTestId = undefined
    const { mutantCoverage } = this.#context
    return { status: DryRunStatus.Complete, tests: results, ...(mutantCoverage ? { mutantCoverage } : {}) }
  }

  #collector(file: string): Collector {
    const before: Hook[] = []
    const after: Hook[] = []
    return {
      test: async (name, body) => void this.#tests.push({ id: `${file}: ${name}`, body, before, after }),
      beforeEach: hook => void before.push(hook),
      afterEach: hook => void after.push(hook)
    }
  }
}

// It would tell the parent process how long it may take, in a language that Stryker does not speak.
async function loadTap(): Promise<Test> {
  const { send } = process
  Reflect.deleteProperty(process, 'send')
  const { t } = await import('tap')
  // The whole run is one file to tap, which would end it after 30 seconds.
  t.setTimeout(0)
  Object.assign(process, { send })
  return t
}

/** The object through which the changed code is told which change is meant, and tells what it came by. */
function contextOf(global: object): Context {
  const context: InstrumenterContext = Reflect.get(global, INSTRUMENTER_CONSTANTS.NAMESPACE) ?? {}
  Reflect.set(global, INSTRUMENTER_CONSTANTS.NAMESPACE, context)
  return context
}

async function runTest({ id, body, before, after }: FoundTest): Promise<TestResult> {
  const since = performance.now()
  const outcome = await t.test(id, async outer => {
    for (const hook of before) outer.beforeEach(hook)
    for (const hook of after) outer.afterEach(hook)
    await outer.test(id, async inner => void (await body(inner)))
  })
  const test = { id, name: id, timeSpentMs: performance.now() - since }
  return outcome?.ok
    ? { ...test, status: TestStatus.Success }
    : { ...test, status: TestStatus.Failed, failureMessage: 'failed' }
}

/** What is found out about all tests at once. */
function whole(status: TestStatus.Failed, failureMessage: string): DryRunResult {
  const test = { id: 'load', name: 'load', timeSpentMs: 0, status, failureMessage }
  return { status: DryRunStatus.Complete, tests: [test] }
}

/** Whatever a file imports that was loaded anew is loaded anew with it, but not what is installed. @param place of all that is changed or tests it */
function hooksOf(place: string): RegisterHooksOptions {
  return {
    resolve(specifier, context, next) {
      const { parentURL = '' } = context
      const round = parentURL.startsWith(place) ? new URL(parentURL).search : ''
      if (round === '') return next(specifier, context)
      if (specifier === 'tap') return { url: `${COLLECTED}${parentURL}`, format: 'module', shortCircuit: true }
      const found = next(specifier, context)
      const isOurs = found.url.startsWith(place) && !found.url.includes('/node_modules/')
      return isOurs ? { ...found, url: found.url + round } : found
    },
    load(url, context, next) {
      if (!url.startsWith(COLLECTED)) return next(url, context)
      const { pathname } = new URL(url.slice(COLLECTED.length))
      const source = `export default globalThis[Symbol.for('${COLLECTED}')](${JSON.stringify(pathname)})`
      return { format: 'module', source, shortCircuit: true }
    }
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner)]
