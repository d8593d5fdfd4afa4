/** How the collector is reached, with the files of the settings read. */
import { Duration, Redacted } from "effect"
import { readFileSync } from "node:fs"
import type { GatewaySettings } from "../../services/GatewayConfig.ts"

export interface CollectorAccess {
  readonly url: string
  readonly headers: Record<string, string>
  readonly timeoutMillis: number
  readonly compressed: boolean
  /** PEM. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }
}

/** Throws when a file cannot be read. */
export const collectorAccess = (url: string, tracing: GatewaySettings["tracing"]): CollectorAccess => {
  const { caPath, clientCertificatePath, clientKeyPath, compression, headers, timeout } = tracing
  return {
    url,
    headers: { ...Redacted.value(headers) },
    timeoutMillis: Duration.toMillis(timeout),
    compressed: compression === "gzip",
    tls: {
      ...(caPath !== undefined && { ca: readFileSync(caPath) }),
      ...(clientCertificatePath !== undefined && { cert: readFileSync(clientCertificatePath) }),
      ...(clientKeyPath !== undefined && { key: readFileSync(clientKeyPath) })
    }
  }
}
