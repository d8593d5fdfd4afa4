/** The body of a request, read once and parsed when somebody asks. */
import { Effect, Result, Schema, SchemaAST } from "effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import { MaxBodySize } from "effect/http/HttpIncomingMessage"
import { type Contract, type Refusal, toApiIssues } from "./Refusal.ts"

/** 25 MB of mail make 34 MB of base64; past this a request is answered 413. */
const MAX_BODY_BYTES = 48n * 1024n * 1024n

export class RequestBody {
  readonly bytes: Uint8Array
  #json: Result.Result<unknown, unknown> | undefined

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Fails when the body is not JSON in UTF-8. */
  get json(): Result.Result<unknown, unknown> {
    this.#json ??= Result.try((): unknown => JSON.parse(this.text))
    return this.#json
  }

  get text(): string {
    return strictUtf8.decode(this.bytes)
  }
}

/** A client that goes away in the middle interrupts; nothing is left to be answered then. */
export const readBody = (request: HttpServerRequest, contract: Contract): Effect.Effect<RequestBody, Refusal> =>
  request.arrayBuffer.pipe(
    Effect.provideService(MaxBodySize, MAX_BODY_BYTES),
    Effect.map((buffer) => new RequestBody(new Uint8Array(buffer))),
    Effect.mapError((error) =>
      error.reason._tag === "RequestParseError" && error.reason.reason === "BodyTooLarge"
        ? contract.failure(413, "Request body too large")
        : contract.failure(400, "Request body could not be read")
    )
  )

const ALL_ISSUES: SchemaAST.ParseOptions = { errors: "all" }

/** A decoder of JSON bodies whose failures are in the contract's shape. Build it once. */
export const jsonDecoder = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  contract: Contract
): ((request: HttpServerRequest, body: RequestBody) => Effect.Effect<S["Type"], Refusal>) => {
  const decode = Schema.decodeUnknownResult(schema, ALL_ISSUES)
  return (request, body) => {
    if (!isJson(request.headers["content-type"])) {
      return Effect.fail(contract.invalid([{ path: [], message: "object expected", type: "type_error.dict" }]))
    }
    const { json } = body
    if (Result.isFailure(json)) {
      return Effect.fail(contract.invalid([{ path: [], message: "invalid JSON", type: "value_error.jsondecode" }]))
    }
    const decoded = decode(json.success)
    return Result.isSuccess(decoded)
      ? Effect.succeed(decoded.success)
      : Effect.fail(contract.invalid(toApiIssues(decoded.failure.issue)))
  }
}

/** Fields of a form; `undefined` when the body is no form. The first value of a name counts. */
export const formFields = (
  request: HttpServerRequest,
  body: RequestBody
): Readonly<Record<string, string>> | undefined => {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "")) return undefined
  const fields: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(Buffer.from(body.bytes).toString("utf8"))) fields[name] ??= value
  return fields
}

const isJson = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)

const strictUtf8 = new TextDecoder("utf-8", { fatal: true })
