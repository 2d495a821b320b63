/** Where your app sends mail. This one writes lines. */

/** @param links pages of ours where the person mends something, and comes back from */
export function tell(userId: string, links: readonly string[]): void {
  console.log(JSON.stringify({ tell: userId, links }))
}

export function deliver(userId: string, lines: readonly string[]): void {
  console.log(JSON.stringify({ deliver: userId, lines }))
}
