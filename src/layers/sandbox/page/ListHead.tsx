import { clearRefusals, deleteAll, setAllRead } from "./api.ts"
import { confirm } from "./dialogs.ts"
import { formatCount } from "./format.ts"
import { Icon } from "./Icon.tsx"
import * as mailbox from "./mailbox.ts"
import { attempt } from "./problems.ts"
import { linkTo, route } from "./route.ts"
import { refusals } from "./sandbox.ts"

/** What the list shows, and what can be done with all of it. */
export const ListHead = () => {
  const { id, list } = route.value
  return (
    <header class="list-head">
      {/* The page is about the list, until a message is open whose subject says what it is about. */}
      {id === undefined && <h1 class="unseen">{list === "inbox" ? "Inbox" : "Refused"}</h1>}
      <nav aria-label="Lists">
        <ListLink to="inbox" title="Inbox" count={mailbox.total.value} />
        <ListLink to="refused" title="Refused" count={refusals.value.length} />
      </nav>
      {list === "inbox" ? <MessageTools /> : <RefusalTools />}
    </header>
  )
}

const ListLink = (props: { readonly to: "inbox" | "refused"; readonly title: string; readonly count: number }) => (
  <a
    href={linkTo({ list: props.to, id: undefined, tab: undefined })}
    aria-current={route.value.list === props.to ? "page" : undefined}
  >
    {props.title} <span class="count">{formatCount(props.count)}</span>
  </a>
)

const MessageTools = () => {
  const { inbox, search } = route.value
  const selection = { inbox, search }
  const count = mailbox.total.value
  const removeAll = (): void =>
    confirm({
      text: `Delete ${count === 1 ? "this message" : `these ${formatCount(count)} messages`}?`,
      answer: "Delete",
      act: () => deleteAll(selection)
    })
  return (
    <div class="list-tools">
      <button
        type="button"
        class="quiet"
        title="Mark all as read"
        aria-label="Mark all as read"
        disabled={mailbox.unread.value === 0}
        onClick={() => void attempt(() => setAllRead(selection))}
      >
        <Icon name="read" />
      </button>
      <button
        type="button"
        class="quiet"
        title="Delete all"
        aria-label="Delete all"
        disabled={count === 0}
        onClick={removeAll}
      >
        <Icon name="trash" />
      </button>
    </div>
  )
}

const RefusalTools = () => (
  <div class="list-tools">
    <button
      type="button"
      class="quiet"
      title="Clear the list"
      aria-label="Clear the list of refusals"
      disabled={refusals.value.length === 0}
      onClick={() => void attempt(clearRefusals)}
    >
      <Icon name="trash" />
    </button>
  </div>
)
