import { getRefusalStory } from "./api.ts"
import { formatFullTime } from "./format.ts"
import { Icon } from "./Icon.tsx"
import { WHAT } from "./RefusalList.tsx"
import { goTo } from "./route.ts"
import { refusals } from "./sandbox.ts"
import { StoryView } from "./StoryView.tsx"

export const RefusalPane = ({ id }: { readonly id: string }) => {
  const refusal = refusals.value.find((each) => each.id === id)
  if (refusal === undefined) return <p class="nothing">This is no longer listed.</p>
  const facts: ReadonlyArray<readonly [name: string, value: string | undefined]> = [
    ["SMTP reply", refusal.reply],
    // What the API said is in the reply too, unless the client had to be told something else.
    ["Reason", refusal.reply?.includes(refusal.reason) === true ? undefined : refusal.reason],
    ["From", refusal.sender],
    ["To", refusal.recipient],
    ["Login", refusal.username],
    ["Date", formatFullTime(refusal.at)]
  ]
  return (
    <article class="message">
      <header class="message-head">
        <div class="message-title">
          <div>
            <p class="kind">{WHAT[refusal.by]}</p>
            <h1 tabIndex={-1}>{refusal.subject ?? refusal.recipient ?? refusal.username ?? "Without a subject"}</h1>
          </div>
          <div class="message-tools">
            <button
              type="button"
              class="quiet back"
              aria-label="Back to the list"
              onClick={() => goTo({ id: undefined })}
            >
              <Icon name="back" />
            </button>
          </div>
        </div>
        <dl class="envelope">
          {facts.map(
            ([name, value]) =>
              value !== undefined && (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              )
          )}
        </dl>
      </header>
      <div class="panel panel-cakemail">
        <StoryView id={id} ask={getRefusalStory} state={refusal.reply} />
      </div>
    </article>
  )
}
