/**
 * A value that may be there already. A request whose token is known should not wait for a promise: each one costs a turn of the queue, and
 * all of them together as much as the rest of the check.
 */
export type Awaitable<T> = T | Promise<T>

export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Goes on at once with a value, and later with a promise. What `next` throws is thrown, or rejects. */
export function then<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value)
}
