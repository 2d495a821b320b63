/**
 * Where this server and oidc-provider differ, and why. The comparison fails for a difference that is not here, and for one that is here and
 * not there any more.
 */
export interface Difference {
  readonly why: string
  /** Verdicts by name of the case: ours, theirs. */
  readonly cases: { readonly [name: string]: readonly [ours: string, theirs: string] }
}

export const DIFFERENCES: readonly Difference[] = [
  {
    why: 'Which port of a loopback redirect URI is meant, only the request can say (RFC 8252 section 7.3). Only an https redirect URI may be left out.',
    cases: {
      'authorize: redirect_uri missing, loopback': ['page 400', 'asks the person'],
      'par: redirect_uri missing': ['400 invalid_request', '201 pushed']
    }
  },
  {
    why: 'With two redirect URIs in one request there is none that could be trusted: a page, no redirect (RFC 6749 section 4.1.2.1).',
    cases: {
      'authorize: redirect_uri twice': ['page 400', 'redirect invalid_request'],
      'authorize: redirect_uri and one of somebody else': ['page 400', 'redirect invalid_request']
    }
  },
  {
    why: 'Flows with tokens in the fragment do not exist here, so no answer goes there either (OAuth 2.1 section 10.1).',
    cases: {
      'authorize: response_type token': [
        'redirect unsupported_response_type',
        'redirect unsupported_response_type in the fragment'
      ],
      'authorize: response_type id_token': [
        'redirect unsupported_response_type',
        'redirect unsupported_response_type in the fragment'
      ],
      'authorize: response_type code token': [
        'redirect unsupported_response_type',
        'redirect unsupported_response_type in the fragment'
      ]
    }
  },
  {
    why: 'RFC 6749 section 4.1.2.1 has `invalid_request` for a value that is not supported, and no `unsupported_response_mode`.',
    cases: {
      'authorize: response_mode unknown': ['redirect invalid_request', 'redirect unsupported_response_mode']
    }
  },
  {
    why: 'Nobody is asked for nothing: unknown scopes are left out, and a request of which nothing remains is refused (RFC 6749 section 3.3).',
    cases: {
      'authorize: scope unknown': ['redirect invalid_scope', 'asks the person'],
      'authorize: scope of another resource': ['redirect invalid_scope', 'asks the person'],
      'par: scope unknown': ['400 invalid_scope', '201 pushed']
    }
  },
  {
    why: 'Two spaces between two scopes name the same two scopes.',
    cases: {
      'authorize: scope with two spaces': ['asks the person', 'redirect invalid_scope']
    }
  },
  {
    why: 'MCP authorization: servers should accept the host of a resource in upper case. The tokens carry the canonical one.',
    cases: {
      'authorize: resource with the host in upper case': ['asks the person', 'redirect invalid_target']
    }
  },
  {
    why: 'A SHA-256 digest in base64url has 43 characters; of any other length no verifier can be found (RFC 7636 section 4.2).',
    cases: {
      'authorize: code_challenge of 44 characters': ['redirect invalid_request', 'asks the person']
    }
  },
  {
    why: 'Bounds: no parameter is longer than 8,192 characters, a body than 64 kilobytes; text that a database could not keep, such as NUL, is refused. Who sends a larger body is told so (RFC 9110 section 15.5.14).',
    cases: {
      'authorize: state of 9,000 characters': ['redirect invalid_request without state', 'asks the person'],
      'token: code of 9,000 characters': ['400 invalid_request', '400 invalid_grant'],
      'token: code with a NUL': ['400 invalid_request', '400 invalid_grant'],
      'token: sent with 100 kilobytes': ['413 invalid_request', '400 invalid_request'],
      'register: with 100 kilobytes': ['413 invalid_client_metadata', '400 invalid_request']
    }
  },
  {
    why: 'RFC 6749 sections 3.1 and 3.2: a parameter must not be there more than once, and a name that we do not know is a parameter, too. Else two programs on the way could read two things.',
    cases: {
      'authorize: unknown parameter twice': ['redirect invalid_request', 'asks the person'],
      'token: unknown parameter twice': ['400 invalid_request', 'tokens for notes:read + refresh_token']
    }
  },
  {
    why: 'OpenID Connect Core section 3.1.2.1: by GET and by POST. oidc-provider takes POST only when it is told to, and with cookies for every site; here a POST leads to the same request by GET.',
    cases: {
      'authorize: by POST': ['asks the person', '404'],
      'authorize: by POST, client_id unknown': ['page 400', '404']
    }
  },
  {
    why: 'How a person signs in does not depend on whether the client wants an ID token.',
    cases: {
      'authorize: max_age without openid': ['asks the person', 'redirect invalid_request'],
      'authorize: acr_values without openid': ['asks the person', 'redirect invalid_request']
    }
  },
  {
    why: 'A pushed request that is not there has no redirect URI that could be trusted: a page. oidc-provider takes the one beside it, or that of the client.',
    cases: {
      'authorize: request_uri never pushed': ['page 400', 'redirect invalid_request_uri'],
      'par: used by another client': ['page 400', 'redirect invalid_request_object'],
      'par: request_uri twice': ['page 400', 'redirect invalid_request without state'],
      'par: used with one letter changed': ['page 400', 'redirect invalid_request_uri without state']
    }
  },
  {
    why: 'RFC 9126 section 7.3: a pushed request is good once. oidc-provider uses it up when the code is issued, here it is when the browser comes.',
    cases: {
      'par: used twice': ['asks the person, then page 400', 'asks the person, then asks the person']
    }
  },
  {
    why: 'What stands beside a pushed request is never read, whatever it is (RFC 9101 section 6.3).',
    cases: {
      'par: used with a request object beside it': ['asks the person', 'redirect request_not_supported without state']
    }
  },
  {
    why: 'RFC 9126 section 2.1 says that it must be refused, not how; the parameter is supported, but not here.',
    cases: {
      'par: request_uri pushed': ['400 invalid_request', '400 request_uri_not_supported']
    }
  },
  {
    why: 'Who does not say who it is, or says it in a way that cannot be read, is not authenticated: `invalid_client` (RFC 6749 section 5.2). Clients in the wild register anew on a 401, and on nothing else.',
    cases: {
      'par: client_id missing': ['401 invalid_client', '400 invalid_request'],
      'device: client_id missing': ['401 invalid_client', '400 invalid_request'],
      'token: client_id missing': ['401 invalid_client', '400 invalid_request'],
      'token: client_id empty': ['401 invalid_client', '400 invalid_request'],
      'refresh: client_id missing': ['401 invalid_client', '400 invalid_request'],
      'client: scheme Bearer': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: secret not form-encoded': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: empty secret': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: no colon': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: no base64': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: base64 with a stray character': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: nothing behind the scheme': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: a broken percent sign in the secret': ['401 invalid_client (Basic)', '400 invalid_request'],
      'client: nobody': ['401 invalid_client', '400 invalid_request'],
      'client: assertion of an unknown type': ['401 invalid_client', '400 invalid_request'],
      'client: assertion that is no JWT': ['401 invalid_client', '400 invalid_request'],
      'introspect: by nobody': ['401 invalid_client', '400 invalid_request'],
      'revoke: by nobody': ['401 invalid_client', '400 invalid_request']
    }
  },
  {
    why: 'An assertion is for us alone: one that names others could be used by one of them here. And it is short-lived (RFC 7523 section 3; the draft that revises it wants one audience).',
    cases: {
      'client: assertion for the issuer and the token endpoint': [
        '401 invalid_client',
        'tokens for notes:read + refresh_token'
      ],
      'client: assertion for the issuer and somebody else': [
        '401 invalid_client',
        'tokens for notes:read + refresh_token'
      ],
      'client: assertion from the future': ['401 invalid_client', 'tokens for notes:read + refresh_token'],
      'client: assertion good for a year': ['401 invalid_client', 'tokens for notes:read + refresh_token']
    }
  },
  {
    why: '`openid` stays in the scope of a token for a resource: the userinfo endpoint takes it (OpenID Connect Core section 5.3). oidc-provider has tokens of their own for that.',
    cases: {
      'token: good, with openid': [
        'tokens for openid notes:read + refresh_token + id_token',
        'tokens for notes:read + refresh_token + id_token'
      ]
    }
  },
  {
    why: 'A missing parameter is `invalid_request` (RFC 6749 section 5.2).',
    cases: {
      'token: code_verifier missing': ['400 invalid_request', '400 invalid_grant'],
      'token: code_verifier empty': ['400 invalid_request', '400 invalid_grant']
    }
  },
  {
    why: 'A token is for one resource. Asking for two at once is refused, not half granted (RFC 8707 section 2.2).',
    cases: {
      'token: two granted, both': ['400 invalid_target', 'tokens for notes:read notes:write + refresh_token']
    }
  },
  {
    why: 'A retry within a minute gets the same tokens again: agents refresh in parallel, and answers get lost (`refreshGrace`). Later it is theft in both.',
    cases: {
      'refresh: the same token again at once': [
        'tokens for notes:read + refresh_token, then tokens for notes:read + refresh_token',
        'tokens for notes:read + refresh_token, then 400 invalid_grant'
      ]
    }
  },
  {
    why: 'Only those whom a token concerns learn what it is worth, and only if they prove themselves (RFC 7662 sections 2.1 and 4). oidc-provider leaves that to an option, and lets everybody ask.',
    cases: {
      'introspect: access token, by its own public client': ['401 invalid_client', 'active'],
      'introspect: access token, by another public client': ['401 invalid_client', 'inactive'],
      'introspect: access token, by a client that it does not concern': ['inactive', 'active']
    }
  },
  {
    why: 'A resource server that asks about a refresh token has been handed one in the place of an access token: for it, it is worth nothing.',
    cases: {
      'introspect: refresh token, by a resource server': ['inactive', 'active']
    }
  },
  {
    why: 'RFC 7009 section 2.1: the request is refused, and the client is told. The token lives on in both.',
    cases: {
      'revoke: token of another client, then its refresh': [
        '400 invalid_grant, then tokens for notes:read + refresh_token',
        '200, then tokens for notes:read + refresh_token'
      ]
    }
  },
  {
    why: 'Method negotiation: what the client asked for cannot be had, so it is told what it gets instead (RFC 7591 sections 2 and 3.2.1). Real clients read the answer.',
    cases: {
      'register: method unknown': [
        '201 client_secret_basic, 1 URI, authorization_code + refresh_token',
        '400 invalid_client_metadata'
      ],
      'register: private_key_jwt without keys': [
        '201 client_secret_basic, 1 URI, authorization_code + refresh_token',
        '400 invalid_client_metadata'
      ]
    }
  },
  {
    why: "Keys over plain http could be anybody's: https only.",
    cases: {
      'register: jwks_uri with http': [
        '400 invalid_client_metadata',
        '201 private_key_jwt, 1 URI, authorization_code + refresh_token'
      ]
    }
  },
  {
    why: 'Real clients name no grant types, or some that nobody knows, and expect to stay connected: what exists is kept, and the answer says what. A client that could not even ask for a code is refused.',
    cases: {
      'register: grant_types missing': [
        '201 none, 1 URI, authorization_code + refresh_token',
        '201 none, 1 URI, authorization_code'
      ],
      'register: grant_types empty': ['400 invalid_client_metadata', '201 none, 1 URI, authorization_code'],
      'register: grant_types with an unknown one': [
        '201 none, 1 URI, authorization_code',
        '400 invalid_client_metadata'
      ],
      'register: grant_types only refresh_token': [
        '400 invalid_client_metadata',
        '201 none, 1 URI, authorization_code + refresh_token'
      ]
    }
  },
  {
    why: 'What is no good for a page is dropped, the client is kept: it is shown without that link.',
    cases: {
      'register: client_uri javascript:': [
        '201 none, 1 URI, authorization_code + refresh_token',
        '400 invalid_client_metadata'
      ],
      'register: logo_uri data:': ['201 none, 1 URI, authorization_code + refresh_token', '400 invalid_client_metadata']
    }
  },
  {
    why: 'What we do not use is no reason to turn a client away: unknown application types, scopes of servers behind, and null for "not set" are all sent by real clients (RFC 7591 section 2).',
    cases: {
      'register: application_type unknown': [
        '201 none, 1 URI, authorization_code + refresh_token',
        '400 invalid_client_metadata'
      ],
      'register: scope unknown': ['201 none, 1 URI, authorization_code + refresh_token', '400 invalid_client_metadata'],
      'register: null where nothing is meant': [
        '201 none, 1 URI, authorization_code + refresh_token',
        '400 invalid_client_metadata'
      ]
    }
  },
  {
    why: 'A redirect URI that could lead a code astray is not registered: plain http is for loopback, and user information, wildcards and spaces are for nobody (OAuth 2.1 section 2.3).',
    cases: {
      'register: redirect URI http elsewhere': [
        '400 invalid_redirect_uri',
        '201 none, 1 URI, authorization_code + refresh_token'
      ],
      'register: redirect URI with user information': [
        '400 invalid_redirect_uri',
        '201 none, 1 URI, authorization_code + refresh_token'
      ],
      'register: redirect URI with a wildcard': [
        '400 invalid_redirect_uri',
        '201 none, 1 URI, authorization_code + refresh_token'
      ],
      'register: redirect URI with a space': [
        '400 invalid_redirect_uri',
        '201 none, 1 URI, authorization_code + refresh_token'
      ]
    }
  },
  {
    why: 'One unusable redirect URI does not cost a client the others: Cursor names three kinds at once. The answer says which were kept.',
    cases: {
      'register: redirect URI good and bad': [
        '201 none, 1 URI, authorization_code + refresh_token',
        '400 invalid_redirect_uri'
      ]
    }
  },
  {
    why: 'MCP authorization: redirect URIs are https or loopback. Schemes of apps are an exact list in the options, because every program can claim them.',
    cases: {
      'register: redirect URI with a scheme of its own, native': [
        '400 invalid_redirect_uri',
        '201 none, 1 URI, authorization_code + refresh_token'
      ],
      'register: redirect URI with a scheme of one word, native': [
        '400 invalid_redirect_uri',
        '201 none, 1 URI, authorization_code + refresh_token'
      ]
    }
  },
  {
    why: 'At the registration endpoint everything that is wrong with the body has the code that RFC 7591 section 3.2.2 has for it.',
    cases: {
      'register: body empty': ['400 invalid_client_metadata', '400 invalid_request'],
      'register: body broken': ['400 invalid_client_metadata', '400 invalid_request'],
      'register: body null': ['400 invalid_client_metadata', '400 invalid_request'],
      'register: body is a list': ['400 invalid_client_metadata', '400 invalid_request'],
      'register: body is a text': ['400 invalid_client_metadata', '400 invalid_request'],
      'register: as a form': ['400 invalid_client_metadata', '400 invalid_request'],
      'register: as plain text': ['400 invalid_client_metadata', '400 invalid_request']
    }
  },
  {
    why: 'A body with `__proto__` means to change more than a client.',
    cases: {
      'register: body with __proto__': [
        '400 invalid_client_metadata',
        '201 none, 1 URI, authorization_code + refresh_token'
      ]
    }
  },
  {
    why: 'A client that did not register a grant type is not authorized for it: `unauthorized_client` (RFC 6749 section 5.2).',
    cases: {
      'register: only the code grant, then a refresh': ['400 unauthorized_client', '400 invalid_request'],
      'token: grant_type client_credentials, public client': ['400 unauthorized_client', '400 invalid_request'],
      'own name: a client that did not register it': ['400 unauthorized_client', '400 invalid_request'],
      'own name: a public client': ['400 unauthorized_client', '400 invalid_request'],
      'device: a client that did not register it': ['400 unauthorized_client', '400 invalid_request'],
      'waiting: another client': ['400 unauthorized_client', '400 invalid_request']
    }
  },
  {
    why: 'No usable token came along, wherever else something was put: 401 with a challenge (RFC 6750 section 3). A token in the URL is not even looked at.',
    cases: {
      'manage: read by Basic': ['401 invalid_token (Bearer)', '400 invalid_request'],
      'userinfo: token in the query': ['401 invalid_token (Bearer)', '400 invalid_request (Bearer)'],
      'userinfo: token of another scheme': ['401 invalid_token (Bearer)', '400 invalid_request (Bearer)']
    }
  },
  {
    why: 'A client that names no scope gets all that was written down for it, and one that may have nothing of what it names is told so; a token without any scope would open nothing.',
    cases: {
      'own name: no scope': ['tokens for notes:read notes:write', 'tokens for undefined'],
      'own name: a scope of nowhere': ['400 invalid_scope', 'tokens for undefined'],
      'own name: openid': ['400 invalid_scope', 'tokens for undefined']
    }
  }
]
