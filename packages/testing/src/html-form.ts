/**
 * Reads the forms of a page that a server wrote, and fills them in as a person without JavaScript would: hidden fields and ticked
 * boxes go along, disabled ones do not, and of the buttons only the one that was pressed.
 *
 * Knows `input`, `button` and `textarea` without content; no `select`, no file uploads, no repair of broken markup.
 */
export interface HtmlForm {
  /** Absolute. */
  readonly action: string
  readonly method: 'GET' | 'POST'
  readonly fields: readonly FormField[]
  readonly buttons: readonly { readonly name: string; readonly value: string }[]
}

/** One field of a form, with its value as the page came. */
export interface FormField {
  readonly name: string
  readonly value: string
  /** The `type` of an input: `text`, `password`, `hidden`, `checkbox`, `radio`... */
  readonly type: string
  readonly checked: boolean
  readonly disabled: boolean
}

/** What a person does with a form. */
export interface FormChoices {
  /** Text typed into fields, by name; also replaces hidden fields, which a person cannot do and an attacker can. */
  readonly fields?: { readonly [name: string]: string }
  /** For a group of checkboxes of one name: exactly these values are ticked, whatever the page preselected. */
  readonly ticked?: { readonly [name: string]: readonly string[] }
  /** The button to press; the first one when left out. */
  readonly button?: { readonly name: string; readonly value: string }
}

const TAG = /<(\/?)([a-z][a-z0-9-]*)((?:\s+[^\s=>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*\/?>/gi
const ATTRIBUTE = /([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g

/** @param pageUrl what relative actions are resolved against */
export function parseForms(html: string, pageUrl: string): HtmlForm[] {
  const forms: (HtmlForm & { fields: FormField[]; buttons: { name: string; value: string }[] })[] = []
  const byId = new Map<string, (typeof forms)[number]>()
  let open: (typeof forms)[number] | undefined
  const inert = /<!--[\s\S]*?-->|<(script|style|template)\b[\s\S]*?<\/\1\s*>/gi
  for (const [, slash, tag = '', text = ''] of html.replace(inert, '').matchAll(TAG)) {
    const name = tag.toLowerCase()
    const attributes = readAttributes(text)
    if (name === 'form') {
      open = slash ? undefined : startForm(attributes, pageUrl)
      if (open) forms.push(open)
      const id = attributes.get('id')
      if (open && id) byId.set(id, open)
      continue
    }
    const owner = byId.get(attributes.get('form') ?? '') ?? open
    if (slash || !owner) continue
    addControl(owner, name, attributes)
  }
  return forms
}

/** The `application/x-www-form-urlencoded` body of a filled-in form. */
export function formBody(form: HtmlForm, choices: FormChoices = {}): URLSearchParams {
  const { fields = {}, ticked = {}, button = form.buttons[0] } = choices
  const body = new URLSearchParams()
  for (const field of form.fields) {
    if (field.disabled || field.name === '') continue
    const group = Object.hasOwn(ticked, field.name) ? ticked[field.name] : undefined
    const isBox = field.type === 'checkbox' || field.type === 'radio'
    if (isBox && !(group ? group.includes(field.value) : field.checked)) continue
    body.append(field.name, isBox ? field.value : (fields[field.name] ?? field.value))
  }
  if (button && button.name !== '') body.append(button.name, button.value)
  return body
}

function startForm(attributes: ReadonlyMap<string, string>, pageUrl: string) {
  return {
    action: new URL(attributes.get('action') || pageUrl, pageUrl).href,
    method: attributes.get('method')?.toLowerCase() === 'post' ? ('POST' as const) : ('GET' as const),
    fields: [],
    buttons: []
  }
}

function addControl(
  form: { fields: FormField[]; buttons: { name: string; value: string }[] },
  tag: string,
  attributes: ReadonlyMap<string, string>
): void {
  const name = attributes.get('name') ?? ''
  const type = (attributes.get('type') ?? (tag === 'button' ? 'submit' : 'text')).toLowerCase()
  if (tag !== 'input' && tag !== 'textarea' && tag !== 'button') return
  if (tag === 'button' || type === 'submit') {
    if (type === 'submit' && !attributes.has('disabled'))
      form.buttons.push({ name, value: attributes.get('value') ?? '' })
    return
  }
  const isBox = type === 'checkbox' || type === 'radio'
  form.fields.push({
    name,
    type,
    value: attributes.get('value') ?? (isBox ? 'on' : ''),
    checked: attributes.has('checked'),
    disabled: attributes.has('disabled')
  })
}

function readAttributes(text: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const [, name = '', double, single, bare] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase()
    if (!attributes.has(key)) attributes.set(key, decodeEntities(double ?? single ?? bare ?? ''))
  }
  return attributes
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00A0' }

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name] ?? whole
  })
}
