/** What would not have reached its recipient. A thousand at most: they are all in the document. */
import type { Refusal } from "./api.ts"
import { formatFullTime, formatTime } from "./format.ts"
import { Icon } from "./Icon.tsx"
import { cursor, putCursor } from "./keyboard.ts"
import { linkTo, route } from "./route.ts"
import { refusals } from "./sandbox.ts"

export const RefusalList = () => {
  const all = refusals.value
  if (all.length === 0) {
    return (
      <div class="nothing" id="list" tabIndex={-1}>
        <Icon name="check" />
        <p>Nothing was refused.</p>
      </div>
    )
  }
  return (
    <div class="scroller" id="list" tabIndex={-1}>
      <ol class="refusals" aria-label="Refused, newest first">
        {all.map((refusal, index) => (
          <Row key={refusal.id} refusal={refusal} index={index} />
        ))}
      </ol>
    </div>
  )
}

const Row = ({ index, refusal }: { readonly index: number; readonly refusal: Refusal }) => (
  <li>
    <a
      class={cursor.value === index ? "row at" : "row"}
      href={linkTo({ list: "refused", id: refusal.id })}
      aria-current={route.value.id === refusal.id ? "true" : undefined}
      onClick={() => putCursor(index)}
    >
      <span class="row-line">
        <span class="row-from">{refusal.recipient ?? refusal.username ?? "Somebody"}</span>
        <time dateTime={new Date(refusal.at).toISOString()} title={formatFullTime(refusal.at)}>
          {formatTime(refusal.at)}
        </time>
      </span>
      <span class="row-line">
        <span class="row-subject">{refusal.subject ?? WHAT[refusal.by]}</span>
      </span>
      <span class="row-line">
        <span class="row-reason">{refusal.reply ?? refusal.reason}</span>
      </span>
    </a>
  </li>
)

export const WHAT: Readonly<Record<Refusal["by"], string>> = {
  api: "Refused by the Cakemail API",
  gateway: "Refused by the gateway",
  login: "Login refused"
}
