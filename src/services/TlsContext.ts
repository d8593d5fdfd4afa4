import { Context, type Effect, type Redacted, type Stream } from "effect"

/** A certificate with its key, known to belong together. */
export interface Certificate {
  /** PEM, the whole chain. */
  readonly certificate: string
  /** PEM. */
  readonly privateKey: Redacted.Redacted
  /** End of validity of the leaf, in milliseconds of the epoch. */
  readonly expiresAt: number
  /** Where it came from: the certificate file, or `self-signed`. */
  readonly source: string
}

/** The certificate that new TLS connections are served with. Changes when the files change. */
export class TlsContext extends Context.Service<
  TlsContext,
  {
    /** `undefined` until a usable pair was ever loaded. */
    readonly current: Effect.Effect<Certificate | undefined>
    /** The current certificate, then each later one. */
    readonly changes: Stream.Stream<Certificate>
  }
>()("gateway/services/TlsContext") {}
