/** Why a submission was not taken, in the words of the answer. */
import { Option, Schema } from "effect"
import type { SandboxExchange } from "../../services/SandboxStories.ts"

const Detail = Schema.Struct({ msg: Schema.String, loc: Schema.optional(Schema.Array(Schema.Unknown)) })

/** Error bodies of both contracts, and successes that carry a refusal. */
const Answer = Schema.fromJsonString(
  Schema.Struct({
    detail: Schema.optional(Schema.Union([Schema.String, Schema.Array(Detail)])),
    message: Schema.optional(Schema.String),
    status: Schema.optional(Schema.String),
    data: Schema.optional(Schema.Struct({ status: Schema.optional(Schema.String) }))
  })
)

const decodeAnswer = Schema.decodeUnknownOption(Answer)

/** One line. An answer that cannot be read is told by its status. */
export const reasonIn = ({ answer, outcome }: Pick<SandboxExchange, "answer" | "outcome">): string => {
  if (outcome === "reset") return "The connection was reset"
  const { data, detail, message, status } = Option.getOrElse(decodeAnswer(answer.text), (): typeof Answer.Type => ({}))
  const words = typeof detail === "string" ? detail : detail?.map(issueText).join("; ")
  const result = data?.status ?? status
  return `${outcome}: ${words || message || (result === undefined ? "not a valid answer" : `answered "${result}"`)}`
}

/** `email: value is not a valid email address` */
const issueText = ({ loc = [], msg }: typeof Detail.Type): string => {
  const path = loc.filter((key) => key !== "body").join(".")
  return path === "" ? msg : `${path}: ${msg}`
}
