import { Predicate } from "effect"
import type { ApiCallError } from "../../domain/GatewayError.ts"

/**
 * Whether an error of an API call speaks against the API (requirement A11, rulings 1): it was not reached, did not answer
 * in time, broke off, answered 5xx, or answered what nobody can read. Every other answer shows that it is there.
 */
export const isApiFailure = (error: unknown): boolean =>
  Predicate.hasProperty(error, "_tag") &&
  (FAILURES.has(error._tag) ||
    // ApiFailed also stands for redirects and for the 4xx that ask to come again.
    (error._tag === FAILED && Predicate.hasProperty(error, "status") && Number(error.status) >= 500))

const FAILED: ApiCallError["_tag"] = "ApiFailed"

const FAILURES: ReadonlySet<unknown> = new Set<ApiCallError["_tag"]>([
  "ApiUnreachable",
  "ApiOutcomeUnknown",
  "ApiAnswerUnreadable"
])
