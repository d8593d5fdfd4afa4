/** Faults and call counters over HTTP, probes, and the page that says what this is. */
import { Effect, Result, Schema } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Sandbox } from "../../services/Sandbox.ts"
import { Fault } from "../../services/SandboxFaults.ts"

export const SandboxControl = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const { calls, faults } = yield* Sandbox
    const showFaults = Effect.map(faults.current, (current) => HttpServerResponse.jsonUnsafe(current))

    yield* router.add("GET", "/sandbox/faults", showFaults)
    yield* router.add(
      "PUT",
      "/sandbox/faults",
      Effect.gen(function* () {
        const decoded = decodeFaults(yield* (yield* HttpServerRequest).text)
        if (Result.isFailure(decoded)) {
          return HttpServerResponse.jsonUnsafe({ error: decoded.failure.message }, { status: 400 })
        }
        yield* faults.set(decoded.success)
        return yield* showFaults
      })
    )
    yield* router.add("DELETE", "/sandbox/faults", Effect.andThen(faults.clear, NO_CONTENT))
    yield* router.add(
      "GET",
      "/sandbox/calls",
      Effect.map(calls.summary, (summary) => HttpServerResponse.jsonUnsafe(summary))
    )
    yield* router.add("DELETE", "/sandbox/calls", Effect.andThen(calls.reset, NO_CONTENT))
    yield* router.add("GET", "/livez", HttpServerResponse.text("ok"))
    yield* router.add("GET", "/readyz", HttpServerResponse.text("ok"))
    yield* router.add(
      "GET",
      "/",
      HttpServerResponse.text(PAGE, {
        contentType: "text/html; charset=utf-8",
        headers: { "content-security-policy": "default-src 'none'" }
      })
    )
    yield* router.add("*", "/*", HttpServerResponse.text("404 page not found", { status: 404 }))
  })
)

/** A misspelt field is an error, not a fault that never comes. */
const decodeFaults = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Array(Fault)), {
  errors: "all",
  onExcessProperty: "error"
})

const NO_CONTENT = Effect.succeed(HttpServerResponse.empty({ status: 204 }))

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Cakemail sandbox</title>
<h1>Cakemail sandbox</h1>
<p>An embedded Cakemail Email API. It sends nothing: what is submitted is kept in memory and can be looked at here.</p>
<h2>Captured messages (the core of Mailpit's API)</h2>
<ul>
<li><a href="/api/v1/messages">GET /api/v1/messages?start=&amp;limit=</a>, DELETE, PUT (read status)
<li>GET /api/v1/search?query=, DELETE
<li>GET /api/v1/messages/wait?query=&amp;timeout=
<li><a href="/api/v1/message/latest">GET /api/v1/message/{id or latest}</a>, with /headers, /raw, /part/{n}
<li><a href="/api/v1/info">GET /api/v1/info</a>
</ul>
<h2>The API itself</h2>
<ul>
<li>POST /token, GET and POST /brands/default/senders, POST /v2/emails
<li>POST /v1/auth/validate, POST /v1/emails
</ul>
<h2>Faults and counters</h2>
<ul>
<li><a href="/sandbox/faults">GET /sandbox/faults</a>, PUT, DELETE
<li><a href="/sandbox/calls">GET /sandbox/calls</a>, DELETE
</ul>
</html>
`
