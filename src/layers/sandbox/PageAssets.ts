/**
 * The inbox in the browser. Its sources are in page/, what Vite makes of them in dist/page. The files are read when
 * somebody first asks for the page, and by the names that are there: no path of a request ever reaches the file system.
 */
import { fileURLToPath } from "node:url"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/** From src/layers/sandbox as from dist/layers/sandbox. */
const BUILT_PAGE = fileURLToPath(new URL("../../../dist/page", import.meta.url))

export const PageAssets = HttpRouter.use((router) =>
  Effect.gen(function* () {
    let read: Assets | undefined
    // Until there is one: it may be built while the sandbox runs.
    const assets = Effect.suspend(() => (read === undefined ? readAssets : Effect.succeed(read))).pipe(
      Effect.tap((files) => Effect.sync(() => void (read = files.has(PAGE) ? files : undefined))),
      Effect.provide(NodeFileSystem.layer)
    )
    const serve = (name: string) => Effect.map(assets, (files) => files.get(name) ?? missing(name))
    yield* router.add("GET", "/", serve(PAGE))
    // Where browsers look for the icon of a page that names none, as the one of the documentation.
    yield* router.add("GET", "/favicon.ico", Effect.map(assets, iconAmong))
    yield* router.add(
      "GET",
      "/assets/:name",
      Effect.flatMap(HttpRouter.params, ({ name = "" }) => serve(`assets/${name}`))
    )
  })
)

const PAGE = "inbox.html"

/** Everything comes from here, and from nowhere else; mails are shown in frames, which have a policy of their own. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'"

type Assets = ReadonlyMap<string, HttpServerResponse.HttpServerResponse>

const readAssets: Effect.Effect<Assets, never, FileSystem.FileSystem> = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const names = yield* fileSystem.readDirectory(BUILT_PAGE, { recursive: true })
  const served = names.filter((name) => typeOf(name) !== undefined)
  const entries = yield* Effect.forEach(served, (name) =>
    Effect.map(fileSystem.readFile(`${BUILT_PAGE}/${name}`), (content) => [name, toResponse(name, content)] as const)
  )
  return new Map(entries)
}).pipe(Effect.orElseSucceed(() => new Map()))

const toResponse = (name: string, content: Uint8Array): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.uint8Array(content, {
    contentType: typeOf(name) ?? "application/octet-stream",
    headers:
      name === PAGE
        ? { "cache-control": "no-cache", "content-security-policy": PAGE_POLICY }
        : // Their names hold a hash of what is in them.
          { "cache-control": "public, max-age=31536000, immutable" }
  })

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml"
}

const typeOf = (name: string): string | undefined => TYPES[name.slice(name.lastIndexOf(".") + 1)]

const iconAmong = (files: Assets): HttpServerResponse.HttpServerResponse => {
  for (const [name, icon] of files) {
    if (name.endsWith(".svg")) return HttpServerResponse.setHeader(icon, "cache-control", "no-cache")
  }
  return HttpServerResponse.empty({ status: 204 })
}

/** A production install leaves out what builds the page. */
const missing = (name: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(name === PAGE ? NOT_BUILT : "404 page not found", { status: 404 })

const NOT_BUILT = `The page is not built: npm ci builds it when it installs the development dependencies, npm run build at any time.
The REST API does without; /docs tells of it.
`
