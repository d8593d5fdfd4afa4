/**
 * The HTML of a mail as a page of its own. Mail is hostile: the page has no origin, runs no script, submits no form and
 * loads nothing from anywhere. What holds that is the policy that goes with it, not an attempt to read HTML better than
 * a browser does.
 */
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/**
 * Links open in a window of their own, outside of the sandbox: they are for people to follow. Without allow-scripts
 * there is no `<meta http-equiv="refresh">` either.
 */
export const SANDBOX = "allow-popups allow-popups-to-escape-sandbox"

/** Styles stand in the mail itself; pictures may too. */
const LOADS_NOTHING = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"

/** What a recipient loads who asks for it: still no script, no frame, no form, no connection. */
const LOADS_REMOTE =
  "default-src 'none'; style-src 'unsafe-inline' http: https:; img-src data: http: https:; " +
  "font-src data: http: https:; media-src http: https:"

const ALWAYS = `base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox ${SANDBOX}`

/** `remote`: pictures, styles and fonts from elsewhere are loaded, because whoever looks at the mail asked for it. */
export const viewHtml = (html: string, remote: boolean): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(withLinksOutside(remote ? html : withoutConnections(html)), {
    contentType: "text/html; charset=utf-8",
    headers: {
      "content-security-policy": `${remote ? LOADS_REMOTE : LOADS_NOTHING}; ${ALWAYS}`,
      "x-frame-options": "SAMEORIGIN",
      "cache-control": "no-store"
    }
  })

export const viewText = (text: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(text, { contentType: "text/plain; charset=utf-8", headers: { "cache-control": "no-store" } })

/**
 * What opens connections that no policy governs. `<link rel="preconnect">` is meant to; for a frame a browser connects
 * before it asks the policy, which then forbids the frame. A start tag of a name can begin in no other way than this
 * (HTML, section 13.2.5.8). What takes the place of an element stands where it stood and leaves the rest of the document
 * as it is: `meta` is as empty as `link`, and what is in a `template` is as little shown as what is in an `iframe`.
 */
const withoutConnections = (html: string): string =>
  html.replace(/(<\/?)(link|iframe|frameset|frame)(?=[\t\n\f\r />])/gi, (_, start: string, name: string) => {
    return `${start}${STAND_INS[name.toLowerCase()] ?? "template"}`
  })

const STAND_INS: Readonly<Record<string, string>> = { link: "meta", frame: "meta", frameset: "div", iframe: "template" }

/** Behind the document type, which has to come first; the first `base` with a target is the one that counts. */
const withLinksOutside = (html: string): string => {
  const start = /^(?:\s|<!--[^>]*-->)*<!doctype[^>]*>/i.exec(html.slice(0, 4_096))?.[0] ?? ""
  return `${start}<base target="_blank">${html.slice(start.length)}`
}
