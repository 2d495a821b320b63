/**
 * Takes one guard after another out of the storage drivers and looks whether the contract suite notices. A guard that nobody misses is
 * printed and fails the run. So does one whose text is not in its source any more.
 *
 *   node .ci/storage-mutation.ts [memory | sqlite | postgres | mysql | redis ...]     all of them take ten minutes and need the servers
 *   node .ci/storage-mutation.ts --check     only looks whether every text is in its source, once; nothing is run
 *
 * No file is changed: the guard is missing from what is loaded.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are pieces of source
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface Guard {
  /** What it keeps. */
  readonly name: string
  /** End of the path of its source, the text of the guard, and what is there without it. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

const MEMORY = 'core/src/storage/memory.ts'
const STATEMENTS = 'storage-sql/src/statements.ts'
const SQL = 'storage-sql/src/driver.ts'
const TABLES = 'storage-sql/src/tables.ts'
const SCRIPTS = 'storage-redis/src/scripts.ts'
const REDIS = 'storage-redis/src/driver.ts'
const REDIS_RECORDS = 'storage-redis/src/records.ts'

const memory: Guard[] = [
  {
    name: 'insert leaves a taken key alone',
    file: MEMORY,
    find: 'if (table.records.has(key)) return false\n      put',
    replace: 'put'
  },
  {
    name: 'update needs its guard',
    file: MEMORY,
    find: 'if (!record || !holds(guard, record)) return false',
    replace: 'if (!record) return false'
  },
  {
    name: 'an index follows an update',
    file: MEMORY,
    find: 'if (collection.indexes.some(index => changed[index] !== record[index]))',
    replace: 'if (false)'
  },
  { name: 'an index follows a removal', file: MEMORY, find: 'keys?.delete(key)', replace: '' },
  {
    name: 'records are copied on their way in',
    file: MEMORY,
    find: 'whole[name] = copyOfValue(value)',
    replace: 'whole[name] = value'
  },
  {
    name: 'records are copied on their way out',
    file: MEMORY,
    find: 'for (const name of json) copy[name] = copyOfValue(copy[name])',
    replace: ''
  },
  {
    name: 'what has no expiry stays',
    file: MEMORY,
    find: "typeof second === 'number' && second < before",
    replace: 'Number(second) < before'
  },
  {
    name: 'the second itself has not expired',
    file: MEMORY,
    find: "return typeof second === 'number' && second < before",
    replace: "return typeof second === 'number' && second <= before"
  },
  {
    name: 'a batch has its limit',
    file: MEMORY,
    find: 'keys.slice(0, Math.max(1, limit)).filter',
    replace: 'keys.filter'
  },
  {
    name: 'what is taken has expired',
    file: MEMORY,
    find: 'if (!record || !isExpired(record, collection.expiry, expiresBefore)) return false',
    replace: 'if (!record) return false'
  },
  {
    name: 'what is taken holds the guard',
    file: MEMORY,
    find: 'return holds(guard, record) && drop(table, key)',
    replace: 'return drop(table, key)'
  },
  {
    name: 'a guard on undefined never holds',
    file: MEMORY,
    find: "if (value === undefined || fields.get(name) === 'json')",
    replace: 'if (value === undefined) { delete (guard as Record<string, unknown>)[name]; continue }\n    if (false)'
  },
  {
    name: 'only a declared index is searched',
    file: MEMORY,
    find: 'if (!entries) throw new TypeError(`there is no index "${index}"`)',
    replace: 'if (!entries) return []'
  }
]

const sql: Guard[] = [
  {
    name: 'update needs its guard',
    file: STATEMENTS,
    find: '= ${ANY}`, ...conditionsOf(guarded)], sql` and `)',
    replace: '= ${ANY}`, ...conditionsOf(guarded).map(one => sql`(true or ${one})`)], sql` and `)'
  },
  {
    name: 'null in a guard is null in the record',
    file: STATEMENTS,
    find: 'isNull ? sql`${sql.ref(column)} is null`',
    replace: 'isNull ? sql`${sql.ref(column)} is not distinct from ${sql.ref(column)}`'
  },
  {
    name: 'an update tells how many records it wrote',
    file: SQL,
    find: '...tested])) === 1\n',
    replace: '...tested])) >= 0\n'
  },
  {
    name: 'an insert tells whether it wrote',
    file: SQL,
    find: 'return (await changed(statements.insert(), [key, ...values])) === 1',
    replace: 'await changed(statements.insert(), [key, ...values])\n        return true'
  },
  {
    name: 'a guard on undefined never holds',
    file: SQL,
    find: "if (value === undefined || column.type === 'json')",
    replace: 'if (value === undefined) continue\n    if (false)'
  },
  {
    name: 'a page begins after its cursor',
    file: STATEMENTS,
    find: 'const rest = after ? sql` and ${key} > ${ANY}` : sql``\n  return sql`select ${columns(table)} from ${sql.table(table.path)}\n    where',
    replace:
      'const rest = after ? sql` and ${key} >= ${ANY}` : sql``\n  return sql`select ${columns(table)} from ${sql.table(table.path)}\n    where'
  },
  {
    name: 'a page is in the order of its keys',
    file: STATEMENTS,
    find: '= ${ANY}${rest} order by ${key} limit ${ANY}`',
    replace: '= ${ANY}${rest} order by ${key} desc limit ${ANY}`'
  },
  { name: 'the last page says so', file: SQL, find: '[value, ...after, size + 1]', replace: '[value, ...after, size]' },
  {
    name: 'the second itself has not expired',
    // Not in the statement: PostgreSQL asks twice there, for what it chooses and for what it has locked.
    file: SQL,
    find: "removeBatch(table.expiry, '<'), batch(dialect.name, value, limit)",
    replace: "removeBatch(table.expiry, '<'), batch(dialect.name, value + 1, limit)"
  },
  {
    name: 'what is taken has expired',
    file: STATEMENTS,
    find: 'sql`${sql.ref(column)} + 0 < ${ANY}`, ...conditionsOf(guarded)]',
    replace: 'sql`(${sql.ref(column)} + 0 < ${ANY} or true)`, ...conditionsOf(guarded)]'
  },
  {
    name: 'what is taken holds the guard',
    file: STATEMENTS,
    find: '< ${ANY}`, ...conditionsOf(guarded)]',
    replace: '< ${ANY}`, ...conditionsOf(guarded).map(one => sql`(true or ${one})`)]'
  },
  {
    name: 'only a declared index is searched',
    file: SQL,
    find: 'if (!collection.indexes.includes(index)) throw new TypeError',
    replace: 'if (false) throw new TypeError'
  },
  {
    name: 'text that not every engine keeps is refused',
    file: TABLES,
    find: 'if (!isStorableText(value)) throw',
    replace: 'if (false) throw'
  },
  { name: 'a key that cannot be kept is unknown', file: SQL, find: 'if (!isStorableKey(key)) return null', replace: '' }
]

const sqlite: Guard[] = [
  ...sql,
  {
    name: 'insert leaves a taken key alone',
    file: STATEMENTS,
    find: '`${statement} on conflict do nothing`',
    replace: '`insert or replace into ${sql.table(table.path)} (${columns(table)}) values (${values})`'
  },
  {
    name: 'a batch has its limit',
    file: STATEMENTS,
    find: 'order by ${order} limit ${ANY}`\n  // Nobody',
    replace: 'order by ${order} limit max(${ANY}, 9999)`\n  // Nobody'
  },
  {
    name: 'an outage is no error of the caller',
    file: 'storage-sql/src/answer.ts',
    find: "throw new UnavailableError('the database did not answer', { cause })",
    replace: 'throw cause'
  }
]

const postgres: Guard[] = [
  ...sql,
  {
    name: 'insert leaves a taken key alone',
    file: STATEMENTS,
    find: '`${statement} on conflict do nothing`',
    replace: '`${statement} on conflict (${sql.ref(KEY)}) do update set ${sql.ref(KEY)} = excluded.${sql.ref(KEY)}`'
  },
  {
    name: 'a batch has its limit',
    file: STATEMENTS,
    find: 'order by ${order} limit ${ANY}`\n  // Nobody',
    replace: 'order by ${order} limit greatest(${ANY}, 9999)`\n  // Nobody'
  },
  {
    name: 'a removal locks what it chose',
    file: STATEMENTS,
    find: 'in (${some} for update) and',
    replace: 'in (${some}) and'
  },
  {
    name: 'keys are in the order of bytes',
    file: 'storage-sql/src/dialects/postgres.ts',
    find: 'key: \'text collate "C"\',',
    replace: 'key: \'text collate "en-x-icu"\','
  }
]

const mysql: Guard[] = [
  // There an insert that did not write is an error; see "a taken key is a verdict".
  ...sql.filter(({ name }) => name !== 'an insert tells whether it wrote'),
  {
    name: 'insert leaves a taken key alone',
    file: STATEMENTS,
    find: "dialect.name === 'mysql' ? statement :",
    replace:
      "dialect.name === 'mysql' ? sql`replace into ${sql.table(table.path)} (${columns(table)}) values (${values})` :"
  },
  {
    name: 'a taken key is a verdict',
    file: 'storage-sql/src/dialects/mysql.ts',
    find: "if (code === 'ER_DUP_ENTRY') return 'duplicate'",
    replace: ''
  },
  {
    name: 'what is taken is locked until it is removed',
    file: STATEMENTS,
    find: 'where ${where} for update`',
    replace: 'where ${where}`'
  },
  {
    name: 'bytes are compared',
    file: 'storage-sql/src/dialects/mysql.ts',
    find: 'collate utf8mb4_nopad_bin */',
    replace: 'collate utf8mb4_general_ci */'
  },
  {
    name: 'spaces at the end count',
    file: 'storage-sql/src/dialects/mysql.ts',
    find: 'collate utf8mb4_nopad_bin */',
    replace: 'collate utf8mb4_bin */'
  }
]

const redis: Guard[] = [
  {
    name: 'insert leaves a taken key alone',
    file: SCRIPTS,
    find: "if redis.call('EXISTS', record_of(key)) == 1 then return 0 end",
    replace: ''
  },
  {
    name: 'update never creates',
    file: SCRIPTS,
    find: "if redis.call('EXISTS', record_of(key)) == 0 then return 0 end",
    replace: ''
  },
  {
    name: 'update needs its guard',
    file: SCRIPTS,
    find: '~= ARGV[at + 1] then return 0 end',
    replace: '~= ARGV[at + 1] then end'
  },
  {
    name: 'the old index value is left',
    file: SCRIPTS,
    find: "if #ARGV < changes then return 1 end\nfor field in string.gmatch(indexes, '[^,]+') do\n  delist",
    replace: "if #ARGV < changes then return 1 end\nfor field in string.gmatch(indexes, '[^,]+') do\n  local _ ="
  },
  {
    name: 'the new index value is entered',
    file: SCRIPTS,
    find: "redis.call('HSET', record_of(key), unpack(ARGV, changes))\nfor field in string.gmatch(indexes, '[^,]+') do\n  enlist",
    replace:
      "redis.call('HSET', record_of(key), unpack(ARGV, changes))\nfor field in string.gmatch(indexes, '[^,]+') do\n  local _ ="
  },
  {
    name: 'an index follows a removal',
    file: SCRIPTS,
    find: "  for field in string.gmatch(indexes, '[^,]+') do\n    delist(key, field",
    replace: "  for field in string.gmatch(indexes, '[^,]+') do\n    local _ = (key"
  },
  {
    name: 'what expires is known',
    file: SCRIPTS,
    find: "  redis.call('ZADD', root .. 'expiry', second, key)",
    replace: ''
  },
  {
    name: 'what does not expire any more is not',
    file: SCRIPTS,
    find: "    redis.call('ZREM', root .. 'expiry', key)\n    redis.call('PERSIST'",
    replace: "    redis.call('PERSIST'"
  },
  { name: 'an expired record stays to be judged', file: SCRIPTS, find: ' + tonumber(retention)\n', replace: ' - 1\n' },
  {
    name: 'what is taken has expired',
    file: SCRIPTS,
    find: 'if not second or tonumber(second) >= before then return false end',
    replace: ''
  },
  {
    name: 'what is taken holds the guard',
    file: SCRIPTS,
    find: '~= ARGV[at + 1] then return false end',
    replace: '~= ARGV[at + 1] then end'
  },
  { name: 'the second itself has not expired', file: SCRIPTS, find: "'-inf', '(' .. value", replace: "'-inf', value" },
  {
    name: 'a batch has its limit',
    file: REDIS,
    find: 'if (seen < most || removed >= limit) return removed',
    replace: 'if (seen < most) return removed'
  },
  {
    name: 'a page begins after its cursor',
    file: REDIS,
    find: "const from = cursor === null ? '-' : `(${cursor}`\n      const found",
    replace: "const from = cursor === null ? '-' : `[${cursor}`\n      const found"
  },
  {
    name: 'a guard on undefined never holds',
    file: REDIS_RECORDS,
    find: "if (typeof value === 'string' && !isKept(prepared, field, value)) isPossible = false",
    replace:
      "if (value === undefined) continue\n    if (typeof value === 'string' && !isKept(prepared, field, value)) isPossible = false"
  },
  {
    name: 'only a declared index is searched',
    file: REDIS,
    find: 'if (!collection.indexes.includes(index)) throw new TypeError',
    replace: 'if (false) throw new TypeError'
  },
  {
    name: 'a broken line is an outage',
    file: 'storage-redis/src/connection.ts',
    find: "throw new UnavailableError('Redis did not answer', { cause })",
    replace: 'throw cause'
  },
  {
    name: 'nothing is sent twice',
    file: 'storage-redis/src/connection.ts',
    find: '  maxRetriesPerRequest: 0,\n  autoResendUnfulfilledCommands: false,',
    replace: '  maxRetriesPerRequest: 20,\n  autoResendUnfulfilledCommands: true,'
  }
]

const DRIVERS: Record<string, { readonly test: string; readonly guards: readonly Guard[] }> = {
  memory: { test: 'packages/testing/test/storage-suite.test.ts', guards: memory },
  sqlite: { test: 'packages/storage-sql/test/suite/sqlite.ts', guards: sqlite },
  postgres: { test: 'packages/storage-sql/test/suite/postgres.ts', guards: postgres },
  mysql: { test: 'packages/storage-sql/test/suite/mysql.ts', guards: mysql },
  redis: { test: 'packages/storage-redis/test/suite/redis.ts', guards: redis }
}

/** Milliseconds in which a suite has to hold without any change, on a machine that is busy with other things. */
const PATIENCE = 900_000

if (process.argv.includes('--check')) {
  const lost = Object.entries(DRIVERS).flatMap(([driver, { guards }]) =>
    guards.filter(guard => !isFoundOnce(guard)).map(({ name, file }) => `${driver}: ${name} (${file})`)
  )
  for (const guard of lost) console.log(`LOST - ${guard}`)
  const count = Object.values(DRIVERS).reduce((sum, { guards }) => sum + guards.length, 0)
  console.log(`${count - lost.length} of ${count} guards are in their source, once`)
  process.exit(lost.length === 0 ? 0 : 1)
}

const wanted = process.argv.slice(2)
const unknown = wanted.find(name => !(name in DRIVERS))
if (unknown !== undefined) throw new Error(`no driver ${unknown}: there are ${Object.keys(DRIVERS).join(', ')}`)
let missed = 0
for (const [driver, { test, guards }] of Object.entries(DRIVERS)) {
  if (wanted.length > 0 && !wanted.includes(driver)) continue
  const start = performance.now()
  const { verdict, output } = run(test, null, PATIENCE)
  if (verdict !== 'MISSED')
    throw new Error(`${driver}: without any change the suite ended as "${verdict}":\n${output.slice(-4000)}`)
  // Without a guard some loops never end; where the whole suite took this long, so much more is for ever.
  const limit = Math.ceil(60_000 + 4 * (performance.now() - start))
  for (const guard of guards) {
    const { verdict } = run(test, guard, limit)
    if (verdict === 'MISSED' || verdict === 'LOST') missed++
    console.log(`${verdict} - ${driver}: ${guard.name}`)
  }
}
console.log(
  missed === 0 ? 'every guard is missed when it is gone' : `${missed} guards could go without anybody noticing`
)
process.exit(missed === 0 ? 0 : 1)

/** `MISSED`: the suite holds. `LOST`: the text of the guard is not in its source, once. `never ends`: no end within the limit. */
type Verdict = 'MISSED' | 'LOST' | 'noticed' | 'never ends'

function run(test: string, guard: Guard | null, limit: number): { verdict: Verdict; output: string } {
  const hook = guard ? ['--import', resolve(import.meta.dirname, 'storage-mutation-hook.ts')] : []
  const { status, error, stdout } = spawnSync(
    process.execPath,
    [...hook, '--conditions=@fastify-mcp-auth/source', test],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
      maxBuffer: Number.POSITIVE_INFINITY,
      timeout: limit,
      killSignal: 'SIGKILL',
      env: {
        ...process.env,
        NODE_ENV: 'test',
        TAP_BAIL: '1',
        // The limit is ours.
        TAP_TIMEOUT: '0',
        ...(guard && { STORAGE_MUTATION: JSON.stringify(guard) })
      }
    }
  )
  const isOver = error !== undefined && 'code' in error && error.code === 'ETIMEDOUT'
  if (error && !isOver) throw error
  const verdict: Verdict = isOver ? 'never ends' : status === 86 ? 'LOST' : status === 0 ? 'MISSED' : 'noticed'
  return { verdict, output: stdout }
}

/** As the hook will look for it. A text that is its own replacement would take nothing out. */
function isFoundOnce({ file, find, replace }: Guard): boolean {
  const source = readFileSync(join(import.meta.dirname, '../packages', file), 'utf8')
  return source.split(find).length === 2 && find !== replace
}
