import { resolveOptions } from '@fastify-mcp-auth/core'
import Type, { type Static } from 'typebox'

export const BrandOptions = Type.Object(
  {
    /**
     * Name of your app, above every page. Without it the consent page uses the name of the resource, and error pages
     * the host of the issuer.
     */
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
    /**
     * Your logo: a path on this origin (`/logo.svg`) or an https URL. The page loads this one image and no other;
     * an https URL on another host tells that host who opens the page.
     */
    logoUrl: Type.Optional(Type.String({ pattern: '^(/(?![/\\\\])|https://)[!-~]+$', maxLength: 2048 })),
    /**
     * Colour of the Allow button, `#rgb` or `#rrggbb`. A readable text colour is worked out, and for links, checks and
     * edges a shade that stands out from the ground, in light and in dark; the boot says where that was necessary.
     */
    accent: Type.Optional(Type.String({ pattern: '^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$' }))
  },
  { additionalProperties: false }
)

/** Options of the plugin: check, type, default and documentation. */
export const ConsentOptions = Type.Object(
  {
    /**
     * Folder whose files replace ours by name: `consent.eta`, `error.eta`, `layout.eta`, `scope.eta`, `sentence.eta`,
     * `theme.css`. Other `.eta` files in it can be included. A missing folder or a template with a syntax error stops the boot.
     */
    templates: Type.Optional(Type.String({ minLength: 1 })),
    /** Whose pages these are. */
    brand: Type.Optional(BrandOptions)
  },
  { additionalProperties: false }
)

export type ConsentOptions = Static<typeof ConsentOptions>

/** @throws ConfigurationError naming the option */
export function resolveConsentOptions(input: unknown): ConsentOptions {
  return resolveOptions(ConsentOptions, input, '@fastify-mcp-auth/consent')
}
