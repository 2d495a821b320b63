/**
 * Where to go after signing in: a path of this app, or its home page. Everything that a browser could read as another site is
 * refused: a second slash or a backslash, a scheme, control characters, and percent signs, behind which all of these can hide.
 */
export function safeReturnTo(value: string | undefined): string {
  if (value === undefined || value.length > 512) return '/'
  const isOurs = /^(?!.*\/\/)\/[A-Za-z0-9_\-./~]*(?:\?[A-Za-z0-9_\-.~=&]*)?$/.test(value)
  return isOurs ? value : '/'
}
