/** What a protected resource asks of its callers, operation by operation. The resource server answers, pages for people ask. */

/** An MCP method, and the name of the tool or prompt or the URI of the resource that it acts on. */
export interface McpOperation {
  readonly method: string
  readonly name: string
}

/** All of `scopes`, and one of each list in `anyOf`. Empty for an operation that asks for nothing by itself. */
export interface OperationNeeds {
  readonly scopes: readonly string[]
  readonly anyOf: readonly (readonly string[])[]
}

/** Part of `app.mcpAuth`. */
export interface OperationScopes {
  /** Canonical identifier of the protected resource. */
  readonly resource: string
  /** What the option `operations` says about one operation. Does not know what its route asks for besides. */
  scopesFor(operation: McpOperation): OperationNeeds
}
