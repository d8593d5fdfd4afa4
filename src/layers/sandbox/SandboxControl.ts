/** Faults, calls, refusals and inboxes over HTTP. */
import { Effect, Result, Schema } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Sandbox } from "../../services/Sandbox.ts"
import { Faults } from "../../services/SandboxFaults.ts"
import { countInboxes, inboxOf, isIn } from "./Inbox.ts"
import { InboxApi } from "./InboxApi.ts"
import { withBody } from "./JsonRequest.ts"
import type * as SandboxSchema from "./SandboxSchema.ts"
import { SandboxState } from "./SandboxState.ts"

export const SandboxControl = HttpApiBuilder.group(
  InboxApi,
  "sandbox",
  Effect.fnUntraced(function* (handlers) {
    const { calls, faults, messages, refusals, stories } = yield* Sandbox
    const { options, smtp } = yield* SandboxState
    const showFaults = Effect.map(faults.current, (current) => HttpServerResponse.jsonUnsafe(current))

    const info = (): typeof SandboxSchema.InfoJson.Type => {
      const announced = smtp()
      return {
        ...(announced === undefined ? {} : { smtp: announced }),
        openInboxes: options.openInboxes,
        maxMessages: options.maxMessages,
        maxBytes: options.maxBytes
      }
    }

    return handlers
      .handleRaw("info", () => Effect.sync(() => HttpServerResponse.jsonUnsafe(info())))
      .handleRaw("inboxes", () => Effect.map(messages.all, (all) => HttpServerResponse.jsonUnsafe(countInboxes(all))))
      .handleRaw("story", ({ params }) =>
        Effect.gen(function* () {
          const stored = yield* messages.get(params.id)
          if (stored === undefined) return NOT_FOUND
          return HttpServerResponse.jsonUnsafe(yield* stories.ofMessage(stored.message))
        })
      )
      .handleRaw("refusals", ({ query }) =>
        Effect.map(refusals.all, (all) =>
          HttpServerResponse.jsonUnsafe(all.filter(({ username }) => isIn(inboxOf(query), username)))
        )
      )
      .handleRaw("clearRefusals", () => Effect.as(refusals.clear, NO_CONTENT))
      .handleRaw("refusalStory", ({ params }) =>
        Effect.map(refusals.story(params.id), (story) =>
          story === undefined ? NOT_FOUND : HttpServerResponse.jsonUnsafe(story)
        )
      )
      .handleRaw("faults", () => showFaults)
      .handleRaw("setFaults", () =>
        withBody((body) => {
          const decoded = decodeFaults(body)
          return Result.isFailure(decoded)
            ? Effect.succeed(HttpServerResponse.jsonUnsafe({ error: decoded.failure.message }, { status: 400 }))
            : Effect.andThen(faults.set(decoded.success), showFaults)
        })
      )
      .handleRaw("clearFaults", () => Effect.as(faults.clear, NO_CONTENT))
      .handleRaw("calls", () => Effect.map(calls.summary, (summary) => HttpServerResponse.jsonUnsafe(summary)))
      .handleRaw("resetCalls", () => Effect.as(calls.reset, NO_CONTENT))
  })
)

/** A misspelt field is an error, not a fault that never comes. */
const decodeFaults = Schema.decodeUnknownResult(Schema.fromJsonString(Faults), {
  errors: "all",
  onExcessProperty: "error"
})

const NO_CONTENT = HttpServerResponse.empty({ status: 204 })

const NOT_FOUND = HttpServerResponse.text("404 page not found", { status: 404 })
