/** The connections to the API host: a pool of its own, through a proxy where one is set, with a private CA where one is set. */
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls"
import { Data, Duration, Effect, Redacted, type Scope } from "effect"
import { type Dispatcher, EnvHttpProxyAgent, Pool } from "undici"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"

/** CAKEMAIL_CA_PATH names no readable PEM certificate. */
export class CaCertificateUnusable extends Data.TaggedError("CaCertificateUnusable")<{
  readonly path: string
  readonly cause: string
}> {
  override get message(): string {
    return `CAKEMAIL_CA_PATH: ${this.path} holds no usable certificate (${this.cause})`
  }
}

/** Closed, and what is still under way broken off, when the scope closes. */
export const makeApiDispatcher = (
  api: GatewaySettings["api"]
): Effect.Effect<Dispatcher, CaCertificateUnusable, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(api.caPath === undefined ? Effect.undefined : trusting(api.caPath), (secureContext) =>
      connect(api, secureContext)
    ),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  )

/**
 * Milliseconds an idle connection is kept. Shorter than what servers and load balancers usually allow, since a
 * request on a connection that the other side is about to close has an unknown outcome. A `Keep-Alive` header
 * of the API overrides it.
 */
const KEEP_ALIVE_MILLIS = 10_000

const connect = (api: GatewaySettings["api"], secureContext: SecureContext | undefined): Dispatcher => {
  const origin = new URL(api.url).origin
  const connectTimeout = Math.min(Duration.toMillis(api.timeout), Duration.toMillis(api.authTimeout))
  // HTTP/1.1 only: with one request a connection it is always clear which request a broken connection takes along.
  const tls = {
    allowH2: false,
    timeout: connectTimeout,
    ...(secureContext === undefined ? undefined : { secureContext })
  }
  const options = {
    connections: api.poolSize,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MILLIS,
    connectTimeout,
    allowH2: false,
    connect: tls
  }
  if (api.httpsProxy === undefined || !origin.startsWith("https:")) return new Pool(origin, options)
  return new EnvHttpProxyAgent({
    ...options,
    // Empty rather than absent: what is absent undici takes from the environment.
    httpProxy: "",
    httpsProxy: Redacted.value(api.httpsProxy),
    noProxy: api.noProxy ?? "",
    requestTls: tls,
    proxyTls: tls,
    // The connection that asks for the tunnel has undici's own five minutes otherwise.
    clientFactory: (proxy, factoryOptions) =>
      new Pool(proxy, { ...factoryOptions, headersTimeout: connectTimeout, bodyTimeout: connectTimeout })
  })
}

/** Built once: reading the roots takes milliseconds, too long for each connection. */
const trusting = (path: string): Effect.Effect<SecureContext, CaCertificateUnusable> =>
  Effect.try({
    try: () => {
      const pem = readFileSync(path, "utf8")
      // Node ignores what it cannot read in a list of CAs; this does not.
      void new X509Certificate(pem)
      return createSecureContext({ ca: [...getCACertificates("default"), pem] })
    },
    catch: (error) => new CaCertificateUnusable({ path, cause: error instanceof Error ? error.message : String(error) })
  })
