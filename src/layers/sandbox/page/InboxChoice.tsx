import { formatCount } from "./format.ts"
import { goTo, route } from "./route.ts"
import { inboxes } from "./sandbox.ts"

/** The logins that have sent something, to look at one of them alone. */
export const InboxChoice = () => {
  const chosen = route.value.inbox
  const known = inboxes.value
  const total = known.reduce((sum, inbox) => sum + inbox.total, 0)
  return (
    <select
      class="inbox-choice"
      aria-label="Inbox"
      value={chosen}
      onChange={({ currentTarget }) => goTo({ inbox: currentTarget.value, id: undefined, tab: undefined })}
    >
      <option value="">All inboxes ({formatCount(total)})</option>
      {known.map(({ name, total }) => (
        <option key={name} value={name}>
          {name} ({formatCount(total)})
        </option>
      ))}
      {chosen !== "" && !known.some(({ name }) => name === chosen) && <option value={chosen}>{chosen} (0)</option>}
    </select>
  )
}
