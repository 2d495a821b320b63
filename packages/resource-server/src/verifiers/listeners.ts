/** Who wants to hear of events. A verifier may serve several apps. */
export interface Listeners<T> {
  readonly add: (listener: (event: T) => void) => void
  readonly tell: (event: T) => void
}

export function createListeners<T>(): Listeners<T> {
  const listeners = new Set<(event: T) => void>()
  return Object.freeze({
    add: (listener: (event: T) => void) => void listeners.add(listener),
    tell: (event: T) => {
      for (const listener of listeners) listener(event)
    }
  })
}
