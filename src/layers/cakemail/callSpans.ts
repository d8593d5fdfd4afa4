/**
 * What a call to the API tells of itself: its headers, to the API; and to the operator, attributes of the span that it is
 * made in. That one is the caller's and covers what is tried again: it says what the last call met.
 */
import type { Fiber, Tracer } from "effect"
import { traceHeaders } from "../../domain/traceContext.ts"
import { sampledSpan, setAttributes } from "../telemetry/spans.ts"

/** `origin` is that of the API. */
export const makeCallSpans = (origin: string) => {
  const { hostname, port, protocol } = new URL(origin)
  const defaultPort = protocol === "https:" ? 443 : 80
  const server = {
    "server.address": hostname,
    "server.port": port === "" ? defaultPort : Number(port)
  }

  return {
    /** Gives the headers that carry the trace on, names and values in turn; `path` is from the root, with its query. */
    begun: (fiber: Fiber.Fiber<unknown, unknown>, method: string, path: string): ReadonlyArray<string> => {
      const { span, tracerEnabled } = fiber.cache
      if (!tracerEnabled || span === undefined) return NO_HEADERS
      const ours = clientSpan(fiber)
      if (ours !== undefined) {
        setAttributes(ours, { "http.request.method": method, "url.full": origin + path, ...server })
      }
      return traceHeaders(span)
    },

    answered: (fiber: Fiber.Fiber<unknown, unknown>, status: number): void =>
      clientSpan(fiber)?.attribute("http.response.status_code", status)
  }
}

const NO_HEADERS: ReadonlyArray<string> = []

const clientSpan = (fiber: Fiber.Fiber<unknown, unknown>): Tracer.Span | undefined => {
  const span = sampledSpan(fiber)
  return span?.kind === "client" ? span : undefined
}
