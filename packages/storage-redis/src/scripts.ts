/**
 * Every write is one script: Redis runs nothing beside it, and replicates and logs its effects as one.
 *
 * All keys of a collection have the name of the collection in braces, so they share one slot of a cluster, and a script may
 * touch those that follow from what it reads. Per collection there are
 *
 * - `record:KEY`, a hash of the fields, each as JSON text: equal texts are equal values, and integers stay exact;
 * - `keys`, the keys in order, to count;
 * - `expiry`, the keys that expire, by second;
 * - `by:FIELD:VALUE`, the keys under an indexed value, in order.
 */
import { createHash } from 'node:crypto'

export interface Script {
  readonly lua: string
  readonly sha: string
}

function script(body: string): Script {
  const lua = `${FUNCTIONS}${body}`
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

// KEYS[1] is always the root of the collection. Nothing here may fail after the first write: a script is not rolled back.
const FUNCTIONS = `
local root = KEYS[1]
local function record_of(key) return root .. 'record:' .. key end
local function list_of(field, value) return root .. 'by:' .. field .. ':' .. value end

local function enlist(key, field, value)
  if value and value ~= 'null' then redis.call('ZADD', list_of(field, value), 0, key) end
end
local function delist(key, field, value)
  if value and value ~= 'null' then redis.call('ZREM', list_of(field, value), key) end
end

local function expire(key, second, retention)
  if second == 'null' then
    redis.call('ZREM', root .. 'expiry', key)
    redis.call('PERSIST', record_of(key))
    return
  end
  redis.call('ZADD', root .. 'expiry', second, key)
  if retention == '' then return end
  local now = tonumber(redis.call('TIME')[1])
  local last = math.min(math.max(tonumber(second), now), now + 4e9) + tonumber(retention)
  redis.call('EXPIREAT', record_of(key), string.format('%.0f', last))
end

local function forget(key)
  redis.call('ZREM', root .. 'expiry', key)
  redis.call('ZREM', root .. 'keys', key)
end

local function drop(key, indexes)
  for field in string.gmatch(indexes, '[^,]+') do
    delist(key, field, redis.call('HGET', record_of(key), field))
  end
  forget(key)
  return redis.call('UNLINK', record_of(key))
end
`

/** ARGV: key, retention or '', expiry as JSON or '', indexes, then fields and values. 1 when the record was created. */
export const INSERT = script(`
local key, retention, second, indexes = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', record_of(key)) == 1 then return 0 end
redis.call('HSET', record_of(key), unpack(ARGV, 5))
redis.call('ZADD', root .. 'keys', 0, key)
for field in string.gmatch(indexes, '[^,]+') do
  enlist(key, field, redis.call('HGET', record_of(key), field))
end
if second ~= '' then expire(key, second, retention) end
if retention ~= '' then
  local gone = tonumber(redis.call('TIME')[1]) - tonumber(retention)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', root .. 'expiry', '-inf', '(' .. string.format('%.0f', gone), 'LIMIT', 0, 2)) do
    if redis.call('EXISTS', record_of(old)) == 0 then forget(old) end
  end
end
return 1`)

/** ARGV: key, retention or '', expiry as JSON or '', indexes among the changes, number of guards, guards, then changes. 1 when the guard held. */
export const UPDATE = script(`
local key, retention, second, indexes, guards = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('EXISTS', record_of(key)) == 0 then return 0 end
for at = 6, 4 + 2 * guards, 2 do
  if (redis.call('HGET', record_of(key), ARGV[at]) or 'null') ~= ARGV[at + 1] then return 0 end
end
local changes = 6 + 2 * guards
if #ARGV < changes then return 1 end
for field in string.gmatch(indexes, '[^,]+') do
  delist(key, field, redis.call('HGET', record_of(key), field))
end
redis.call('HSET', record_of(key), unpack(ARGV, changes))
for field in string.gmatch(indexes, '[^,]+') do
  enlist(key, field, redis.call('HGET', record_of(key), field))
end
if second ~= '' then expire(key, second, retention) end
return 1`)

/** ARGV: key, indexes. 1 when the record was there. */
export const REMOVE = script(`
return drop(ARGV[1], ARGV[2])`)

/** ARGV: field, value as JSON, lower bound, most. Pairs of a key and a flat list of fields and values. */
export const LIST = script(`
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', list_of(ARGV[1], ARGV[2]), ARGV[3], '+', 'LIMIT', 0, ARGV[4])) do
  found[#found + 1] = { key, redis.call('HGETALL', record_of(key)) }
end
return found`)

/**
 * ARGV: the second before which, most, and the second and key of the last one or '' twice. Triples of a key, a flat list of fields and
 * values, and a second.
 *
 * Where the page begins is found by halving: keys of one second stand in the order of their bytes, which is not the order in which
 * Lua compares texts.
 */
export const LIST_EXPIRED = script(`
local expiry, most, second, last = root .. 'expiry', tonumber(ARGV[2]), ARGV[3], ARGV[4]
local function is_behind(key)
  for at = 1, math.min(#key, #last) do
    local one, other = string.byte(key, at), string.byte(last, at)
    if one ~= other then return one > other end
  end
  return #key > #last
end
local from, to = 0, 0
if second ~= '' then
  from = redis.call('ZCOUNT', expiry, '-inf', '(' .. second)
  to = from + redis.call('ZCOUNT', expiry, second, second)
end
while from < to do
  local middle = math.floor((from + to) / 2)
  if is_behind(redis.call('ZRANGE', expiry, middle, middle)[1]) then to = middle else from = middle + 1 end
end
local rest = redis.call('ZCOUNT', expiry, '-inf', '(' .. ARGV[1]) - from
local found = {}
if rest <= 0 then return found end
for _, key in ipairs(redis.call('ZRANGE', expiry, from, from + math.min(most, rest) - 1)) do
  found[#found + 1] = { key, redis.call('HGETALL', record_of(key)), redis.call('ZSCORE', expiry, key) }
end
return found`)

/** ARGV: indexes, most, field, value as JSON; or with the field '', the second before which to expire. How many went, of how many. */
export const REMOVE_WHERE = script(`
local indexes, most, field, value = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local keys, removed
if field == '' then
  keys = redis.call('ZRANGEBYSCORE', root .. 'expiry', '-inf', '(' .. value, 'LIMIT', 0, most)
else
  keys = redis.call('ZRANGE', list_of(field, value), 0, most - 1)
end
removed = 0
for _, key in ipairs(keys) do removed = removed + drop(key, indexes) end
return { removed, #keys }`)

/** ARGV: indexes, the second before which, number of guards, guards, then keys. The keys of those that went. */
export const TAKE = script(`
local indexes, before, guards = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function is_meant(key)
  local second = redis.call('ZSCORE', root .. 'expiry', key)
  if not second or tonumber(second) >= before then return false end
  for at = 4, 2 + 2 * guards, 2 do
    if (redis.call('HGET', record_of(key), ARGV[at]) or 'null') ~= ARGV[at + 1] then return false end
  end
  return true
end
local taken = {}
for at = 4 + 2 * guards, #ARGV do
  if is_meant(ARGV[at]) and drop(ARGV[at], indexes) == 1 then taken[#taken + 1] = ARGV[at] end
end
return taken`)

/** ARGV: lower bound, most. Pairs like those of `LIST`, of all records. */
export const SCAN = script(`
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', root .. 'keys', ARGV[1], '+', 'LIMIT', 0, ARGV[2])) do
  found[#found + 1] = { key, redis.call('HGETALL', record_of(key)) }
end
return found`)
