import fc from 'fast-check'
import t from 'tap'
import { isRefusedRequestError } from '../src/errors.ts'
import { readOperations } from '../src/json-rpc-message.ts'
import { compileOperations, needsOf } from '../src/operations.ts'

/** Every place where a method could hide from a reader that looks less closely. */
function methodsIn(value: unknown): string[] {
  const messages = Array.isArray(value) ? value : [value]
  return messages.flatMap(message => {
    const method: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, 'method') : undefined
    return typeof method === 'string' ? [method] : []
  })
}

t.test('fast-check: any JSON is either refused or read with all of its methods', t => {
  const message = fc.record(
    {
      jsonrpc: fc.constantFrom('2.0', 2, null),
      method: fc.oneof(fc.constantFrom('tools/call', 'ping', 'prompts/get', '', 'x'), fc.jsonValue()),
      params: fc.oneof(fc.record({ name: fc.oneof(fc.string(), fc.jsonValue()) }), fc.jsonValue()),
      result: fc.jsonValue(),
      error: fc.jsonValue()
    },
    { requiredKeys: [] }
  )
  const body = fc.oneof(message, fc.array(fc.oneof(message, fc.jsonValue()), { maxLength: 5 }), fc.jsonValue())
  fc.assert(
    fc.property(body, value => {
      try {
        const operations = readOperations(value)
        return JSON.stringify(operations.map(operation => operation.method)) === JSON.stringify(methodsIn(value))
      } catch (error) {
        return isRefusedRequestError(error) && error.statusCode === 400
      }
    }),
    { numRuns: 1000 }
  )
  t.end()
})

t.test('bodies that nobody parsed are refused: text, bytes, streams, nothing', t => {
  for (const body of [
    undefined,
    null,
    'text',
    1,
    true,
    Buffer.from('{}'),
    new (class Body {
      readonly method = 'ping'
    })(),
    new Map([['method', 'ping']])
  ])
    t.throws(() => readOperations(body), { message: /not a JSON-RPC message/ })
  t.end()
})

t.test('a batch may reach 100 things besides, however they are spread', t => {
  const listen = (uris: number): object => ({
    method: 'subscriptions/listen',
    params: { notifications: { resourceSubscriptions: Array.from({ length: uris }, (_, index) => `notes://${index}`) } }
  })
  t.equal(readOperations(listen(100)).length, 1)
  t.equal(readOperations([listen(50), listen(50)]).length, 2)
  for (const body of [listen(101), [listen(50), listen(51)], Array.from({ length: 100 }, () => listen(2))])
    t.throws(() => readOperations(body), { message: /more than 100/ })
  t.end()
})

t.test('a batch may have 100 messages', t => {
  const ping = { jsonrpc: '2.0', method: 'ping' }
  t.equal(readOperations(Array(100).fill(ping)).length, 100)
  t.throws(() => readOperations(Array(101).fill(ping)), { message: /100/ })
  t.end()
})

t.test('fast-check: more operations never need fewer scopes', t => {
  const rules = compileOperations({
    operations: { '*': ['a'], 'tools/*': ['b'], 'tools/call:x': ['c'], 'tools/call:y*': ['d'] }
  })
  const operation = fc.record({
    method: fc.constantFrom('tools/call', 'tools/list', 'ping'),
    name: fc.constantFrom('x', 'y', 'yz', 'z')
  })
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1 }), operation, (operations, one) => {
      const all = needsOf(rules, [...operations, one]).scopes
      const parts = [needsOf(rules, operations), needsOf(rules, [one])]
      return parts.every(({ scopes }) => scopes.every(scope => all.includes(scope)))
    })
  )
  t.end()
})
