/** Failures by mouse: makes the API slow, busy, broken or picky, to see how an application copes. */
import { useState } from "preact/hooks"
import { clearFaults, type Fault } from "./api.ts"
import { Dialog } from "./Dialog.tsx"
import { dialog } from "./dialogs.ts"
import { addFault, removeFault } from "./faultChanges.ts"
import { endpointText, ENDPOINTS, faultText, isActive } from "./faultText.ts"
import { Icon } from "./Icon.tsx"
import { attempt } from "./problems.ts"
import { faults } from "./sandbox.ts"

export const FailuresDialog = () =>
  dialog.value?.name === "failures" ? (
    <Dialog title="Make the API fail" class="failures-dialog">
      <CurrentFaults />
      <NewFault />
    </Dialog>
  ) : null

const CurrentFaults = () => {
  const set = faults.value
  if (set.length === 0)
    return <p class="hint">Nothing goes wrong at the moment. What you add here takes effect at once.</p>
  return (
    <section class="current-faults" aria-label="Current failures">
      <ul>
        {set.map((state) => (
          // What the mouse is about to press stays itself while others go.
          <li key={JSON.stringify(state.fault)} class={isActive(state) ? "" : "over"}>
            <span>
              <b>{faultText(state)}</b> on {endpointText(state.fault)}
              <span class="remark">
                hit {state.fired} of {state.matched} calls
              </span>
            </span>
            <button
              type="button"
              class="quiet"
              aria-label={`Remove ${faultText(state)}`}
              onClick={() => removeFault(state.fault)}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => void attempt(clearFaults)}>
        Clear all
      </button>
    </section>
  )
}

const KINDS = {
  slow: "Slow",
  busy: "429 Too many requests",
  broken: "500 Server error",
  reset: "Reset the connection",
  refuse: "Refuse a recipient"
} as const

type Kind = keyof typeof KINDS

const REMARKS: Readonly<Record<Kind, string>> = {
  slow: "The answer comes, but late.",
  busy: "The client is told 451, and when to come back.",
  broken: "The client is told 451 after the retries.",
  reset: "Nobody knows whether the mail was taken: 451.",
  refuse: "The API objects to one address: 550."
}

/** What stands in the form; numbers as they were typed. */
interface Draft {
  readonly kind: Kind
  readonly endpoint: "emails" | "auth" | "*"
  readonly seconds: string
  readonly retryAfter: string
  readonly recipient: string
  readonly reason: string
  readonly next: string
}

const NewFault = () => {
  const [draft, setDraft] = useState<Draft>({
    kind: "slow",
    endpoint: "emails",
    seconds: "2",
    retryAfter: "30",
    recipient: "",
    reason: "mailbox is unknown",
    next: ""
  })
  const change = (part: Partial<Draft>): void => setDraft({ ...draft, ...part })
  const add = (event: Event): void => {
    event.preventDefault()
    addFault(toFault(draft))
  }
  return (
    <form class="new-fault" onSubmit={add}>
      <fieldset class="kinds">
        <legend>What goes wrong</legend>
        {Object.entries(KINDS).map(([name, title]) => (
          <label key={name} class="kind-choice">
            <input
              type="radio"
              name="kind"
              value={name}
              checked={draft.kind === name}
              onChange={() => change({ kind: name as Kind })}
            />
            <span>
              <b>{title}</b>
              <span class="remark">{REMARKS[name as Kind]}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="fault-fields">
        {draft.kind === "slow" && (
          <NumberField
            label="Seconds"
            value={draft.seconds}
            min={0.1}
            max={600}
            step={0.1}
            onInput={(seconds) => change({ seconds })}
          />
        )}
        {draft.kind === "busy" && (
          <NumberField
            label="Retry after (seconds)"
            value={draft.retryAfter}
            min={0}
            max={86_400}
            step={1}
            onInput={(retryAfter) => change({ retryAfter })}
          />
        )}
        {draft.kind === "refuse" ? (
          <>
            <label>
              Recipient
              <input
                type="text"
                value={draft.recipient}
                placeholder="everybody"
                onInput={({ currentTarget }) => change({ recipient: currentTarget.value })}
              />
            </label>
            <label>
              Reason
              <input
                type="text"
                value={draft.reason}
                onInput={({ currentTarget }) => change({ reason: currentTarget.value })}
              />
            </label>
          </>
        ) : (
          <label>
            Calls
            <select
              value={draft.endpoint}
              onChange={({ currentTarget }) => change({ endpoint: currentTarget.value as Draft["endpoint"] })}
            >
              {(["emails", "auth", "*"] as const).map((endpoint) => (
                <option key={endpoint} value={endpoint}>
                  {ENDPOINTS[endpoint]}
                </option>
              ))}
            </select>
          </label>
        )}
        <NumberField
          label="For the next calls"
          value={draft.next}
          min={1}
          max={1_000_000}
          step={1}
          placeholder="until cleared"
          onInput={(next) => change({ next })}
        />
      </div>
      <footer class="dialog-foot">
        <button type="submit" class="primary">
          <Icon name="plus" /> Add failure
        </button>
      </footer>
    </form>
  )
}

const NumberField = (props: {
  readonly label: string
  readonly value: string
  readonly min: number
  readonly max: number
  readonly step: number
  readonly placeholder?: string
  readonly onInput: (value: string) => void
}) => (
  <label>
    {props.label}
    <input
      type="number"
      min={props.min}
      max={props.max}
      step={props.step}
      value={props.value}
      placeholder={props.placeholder ?? ""}
      onInput={({ currentTarget }) => props.onInput(currentTarget.value)}
    />
  </label>
)

const toFault = (draft: Draft): Fault => {
  const when = { endpoint: draft.endpoint, ...(draft.next === "" ? {} : { next: Number(draft.next) }) }
  switch (draft.kind) {
    case "slow":
      return { ...when, what: "latency", latency: Math.round(Number(draft.seconds) * 1_000) }
    case "busy":
      return { ...when, what: "rate-limit", retryAfter: Number(draft.retryAfter) }
    case "broken":
      return { ...when, what: "status", status: 500 }
    case "reset":
      return { ...when, what: "reset-after-body" }
    case "refuse": {
      const recipient = draft.recipient.trim()
      const reason = draft.reason.trim()
      return {
        ...when,
        endpoint: "emails",
        what: "refuse",
        ...(recipient === "" ? {} : { recipient }),
        ...(reason === "" ? {} : { reason })
      }
    }
  }
}
