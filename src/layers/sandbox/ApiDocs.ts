/** The documentation of the REST API as a page: Swagger UI as Effect ships it, which needs no network. */
import { createHash } from "node:crypto"
import { Effect } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { InboxApi } from "./InboxApi.ts"

export const ApiDocs = HttpRouter.use((router) =>
  Effect.gen(function* () {
    // Two megabytes that only readers of the documentation want: loaded when the first one comes.
    const page = yield* Effect.cached(
      Effect.gen(function* () {
        const { layer } = yield* Effect.promise(() => import("effect/http-api/HttpApiSwagger"))
        const app = yield* HttpRouter.toHttpEffect(layer(InboxApi, { path: "/docs" }))
        return withPolicy(yield* app)
      }).pipe(Effect.scoped, Effect.orDie)
    )
    yield* router.add("GET", "/docs", page)
  })
)

/** The scripts of the page are allowed one by one, by their hashes. Swagger UI writes its styles as it goes. */
const withPolicy = (page: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse => {
  const html = page.body._tag === "Uint8Array" ? Buffer.from(page.body.body).toString("utf8") : ""
  const hashes = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, script = ""]) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`
  )
  return HttpServerResponse.setHeader(
    page,
    "content-security-policy",
    `default-src 'none'; script-src ${hashes.join(" ")}; style-src 'unsafe-inline'; img-src 'self' data:; ` +
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  )
}
