/** What a command says. Results go to stdout, everything else to stderr, so that a result can be piped. */

/** A row of a table: column name -> value. Null is nothing. */
export type Row = { readonly [column: string]: string | number | boolean | null }

export interface Output {
  /** Whether results are wanted as JSON. */
  readonly json: boolean
  /** A line of the result. */
  print(line: string): void
  /** Rows as a table; with `--json` as an array of objects. */
  table(rows: readonly Row[], whenEmpty: string): void
  /** One thing with its values; with `--json` as an object. */
  facts(facts: Row): void
  /** Progress and remarks, for whoever waits. */
  say(line: string): void
}

export interface Streams {
  out(text: string): void
  err(text: string): void
}

export function createOutput({ out, err }: Streams, { json = false }: { json?: boolean } = {}): Output {
  const print = (line: string): void => out(`${line}\n`)
  const asJson = (value: unknown): void => print(JSON.stringify(value, null, 2))
  return {
    json,
    print,
    table(rows, whenEmpty) {
      if (json) asJson(rows)
      else if (rows.length === 0) print(whenEmpty)
      else for (const line of tableOf(rows)) print(line)
    },
    facts(facts) {
      if (json) return asJson(facts)
      const width = Math.max(...Object.keys(facts).map(name => name.length))
      for (const [name, value] of Object.entries(facts)) print(`${name.padEnd(width)}  ${show(value)}`.trimEnd())
    },
    say: line => err(`${line}\n`)
  }
}

function tableOf(rows: readonly Row[]): string[] {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const lines = [columns, ...rows.map(row => columns.map(column => show(row[column] ?? null)))]
  const widths = columns.map((_, at) => Math.max(...lines.map(line => (line[at] ?? '').length)))
  return lines.map(line =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()
  )
}

// Names of clients are chosen by strangers: what would move the cursor or the reading direction is shown, not obeyed.
function show(value: Row[string]): string {
  return value === null ? '-' : String(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => escaped(character))
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`
}

/** Epoch seconds as people write them; null stays. */
export function when(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** What other programs say of a connection that failed may have the whole URL in it. */
export function withoutPasswords(words: string): string {
  return words.replace(/\/\/[^@/\s]*@/g, '//***@')
}
