/**
 * Who may speak with the sandbox. It asks nobody for a password, so a page from elsewhere that is open in the
 * developer's browser must get nowhere: not by a name that it made point to this machine (DNS rebinding), not by a
 * request across origins, not by a frame. Programs that are no browser are let in.
 */
import { Effect } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** Names, beside the addresses of this machine, by which the sandbox may be called. In lower case, without a port. */
export const requestGuard = (allowedHosts: ReadonlyArray<string>) => {
  const names = new Set(["localhost", ...allowedHosts.map((name) => name.toLowerCase())])
  return HttpRouter.middleware(
    (handler) =>
      Effect.gen(function* () {
        const { headers, method } = yield* HttpServerRequest
        const objection = objectionTo(method, headers, names)
        const response =
          objection === undefined ? yield* handler : HttpServerResponse.text(`${objection}\n`, { status: 403 })
        return withDefaults(response, RESTRICTIONS)
      }),
    { global: true }
  )
}

type RequestHeaders = Readonly<Record<string, string | undefined>>

/** Why the request is refused; `undefined` when it is not. */
export const objectionTo = (
  method: string,
  headers: RequestHeaders,
  names: ReadonlySet<string>
): string | undefined => {
  const { host, origin } = headers
  if (host === undefined || !isOwnHost(host, names)) {
    return "Host: this sandbox is not called so; SANDBOX_ALLOWED_HOSTS takes further names"
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return "Origin: requests of other pages are not taken"
  }
  return isFromElsewhere(method, headers) ? "Sec-Fetch-Site: requests of other pages are not taken" : undefined
}

/**
 * An address cannot be made to point elsewhere; a name can. Names of this machine alone: `localhost` and what is below
 * it (RFC 6761 section 6.3), and those that were allowed.
 */
const isOwnHost = (host: string, names: ReadonlySet<string>): boolean => {
  const [, name] = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(host) ?? []
  if (name === undefined) return false
  const lower = name.toLowerCase().replace(/\.$/, "")
  return lower.startsWith("[") || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(lower) || lower.endsWith(".localhost")
    ? true
    : names.has(lower)
}

/** Browsers say where a request comes from (Fetch Metadata). Following a link to the page is all that is let in. */
const isFromElsewhere = (method: string, headers: RequestHeaders): boolean => {
  const site = headers["sec-fetch-site"]
  if (site === undefined || site === "same-origin" || site === "none") return false
  return !(method === "GET" && headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document")
}

/** For every answer that does not say otherwise: it runs nothing, loads nothing and is part of no other page. */
const RESTRICTIONS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "x-dns-prefetch-control": "off"
}

const withDefaults = (
  response: HttpServerResponse.HttpServerResponse,
  defaults: Readonly<Record<string, string>>
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeaders(response, { ...defaults, ...response.headers })
