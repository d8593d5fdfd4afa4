/** How the API says no: a status and a body in the shape of the contract. */
import { Data, type SchemaIssue } from "effect"
import type { SandboxContract } from "../../services/SandboxMessages.ts"

export class Refusal extends Data.TaggedError("Refusal")<{
  readonly status: number
  readonly body: unknown
}> {}

/** One thing that a request got wrong. */
export interface ApiIssue {
  /** From the root of the body. */
  readonly path: ReadonlyArray<string | number>
  readonly message: string
  /** A short word for programs. */
  readonly type: string
}

/** The error bodies of a contract. */
export interface Contract {
  readonly name: SandboxContract
  /** An error without particulars. */
  readonly failure: (status: number, message: string) => Refusal
  /** A request body that breaks the rules. */
  readonly invalid: (issues: ReadonlyArray<ApiIssue>) => Refusal
  readonly rateLimited: (retryAfter: number | undefined) => Refusal
  readonly recipientRefused: (reason: string) => Refusal
}

export const emailApiV2: Contract = {
  name: "email-api-v2",
  failure: (status, message) => new Refusal({ status, body: { detail: message } }),
  invalid: (issues) =>
    new Refusal({
      status: 422,
      body: { detail: issues.map(({ message, path, type }) => ({ loc: ["body", ...path], msg: message, type })) }
    }),
  rateLimited: () => new Refusal({ status: 429, body: { detail: "Too many requests" } }),
  recipientRefused: (reason) =>
    new Refusal({ status: 400, body: { detail: [{ loc: ["body", "email"], msg: reason, type: "value_error" }] } })
}

/** A rule that the account, not the schema, makes. */
export const businessRefusal = (path: ReadonlyArray<string | number>, message: string, code?: number): Refusal =>
  new Refusal({
    status: 400,
    body: {
      detail: [{ loc: path, msg: message, type: "value_error", ...(code === undefined ? {} : { code }) }]
    }
  })

export const invalidInteger = (path: ReadonlyArray<string>): Refusal =>
  new Refusal({
    status: 422,
    body: { detail: [{ loc: path, msg: "value is not a valid integer in range", type: "type_error.integer" }] }
  })

export const gatewayV1: Contract = {
  name: "gateway-v1",
  failure: (status, message) => new Refusal({ status, body: { error: V1_ERRORS[status] ?? "server_error", message } }),
  invalid: (issues) => {
    // The contract has room for one.
    const [first] = issues
    const field = first?.path.filter((key) => typeof key === "string").join(".") ?? ""
    return new Refusal({
      status: 400,
      body: {
        error: "validation_error",
        message: first?.message ?? "Invalid request",
        ...(field === "" ? {} : { field })
      }
    })
  },
  rateLimited: (retryAfter) =>
    new Refusal({
      status: 429,
      body: {
        error: "rate_limit_exceeded",
        message: "Rate limit exceeded",
        ...(retryAfter === undefined ? {} : { retry_after: retryAfter })
      }
    }),
  recipientRefused: (reason) =>
    new Refusal({ status: 400, body: { error: "validation_error", message: reason, field: "to.email" } })
}

const V1_ERRORS: Readonly<Record<number, string>> = {
  400: "bad_request",
  401: "invalid_credentials",
  403: "forbidden",
  404: "not_found",
  413: "payload_too_large",
  422: "validation_error",
  429: "rate_limit_exceeded",
  503: "service_unavailable"
}

/**
 * The issues of a failed decoding, flat. Messages tell what was expected and never repeat what came: it may be a
 * password or the content of a mail.
 */
export const toApiIssues = (issue: SchemaIssue.Issue): ReadonlyArray<ApiIssue> => {
  const issues: Array<ApiIssue> = []
  collect(issue, [], undefined, issues)
  return issues
}

const collect = (
  issue: SchemaIssue.Issue,
  path: ReadonlyArray<string | number>,
  rule: Omit<ApiIssue, "path"> | undefined,
  issues: Array<ApiIssue>
): void => {
  switch (issue._tag) {
    case "Pointer":
      return collect(issue.issue, [...path, ...issue.path.map(toKey)], rule, issues)
    case "Filter":
      return collect(issue.issue, path, rule ?? ruleOf(issue.filter.annotations), issues)
    case "Encoding":
      return collect(issue.issue, path, rule, issues)
    case "Composite":
      for (const inner of issue.issues) collect(inner, path, rule, issues)
      return
    case "AnyOf":
      issues.push({ path, ...(rule ?? typeRule(issue.ast)) })
      return
    case "InvalidType":
      issues.push({ path, ...(rule ?? typeRule(issue.ast)) })
      return
    case "MissingKey":
      issues.push({ path, message: "field required", type: "value_error.missing" })
      return
    case "UnexpectedKey":
      issues.push({ path, message: "extra fields not permitted", type: "value_error.extra" })
      return
    default:
      issues.push({ path, ...(rule ?? { message: "invalid value", type: "value_error" }) })
  }
}

const toKey = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key)

const ruleOf = (annotations: SchemaIssue.Filter["filter"]["annotations"]): Omit<ApiIssue, "path"> => {
  const { expected, message } = annotations ?? {}
  return {
    message:
      typeof message === "string" ? message : typeof expected === "string" ? `expected ${expected}` : "invalid value",
    type: "value_error"
  }
}

const typeRule = (ast: SchemaIssue.InvalidType["ast"]): Omit<ApiIssue, "path"> => {
  const message = ast.annotations?.["message"]
  const [expected, type] = TYPES[ast._tag] ?? ["valid value", "type_error"]
  return { message: typeof message === "string" ? message : `${expected} expected`, type }
}

const TYPES: Readonly<Record<string, readonly [expected: string, type: string]>> = {
  String: ["string", "type_error.str"],
  Number: ["number", "type_error.number"],
  Boolean: ["boolean", "type_error.bool"],
  Arrays: ["list", "type_error.list"],
  Objects: ["object", "type_error.dict"],
  Literal: ["permitted value", "value_error.const"],
  Union: ["permitted value", "type_error.enum"]
}
