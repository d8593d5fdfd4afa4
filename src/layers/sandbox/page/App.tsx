import { useComputed, useSignal, useSignalEffect } from "@preact/signals"
import { ConfirmDialog } from "./ConfirmDialog.tsx"
import { FailuresDialog } from "./FailuresDialog.tsx"
import { FirstMail } from "./FirstMail.tsx"
import { FirstMailDialog } from "./FirstMailDialog.tsx"
import { Icon } from "./Icon.tsx"
import { useKeyboard } from "./keyboard.ts"
import { ListHead } from "./ListHead.tsx"
import * as mailbox from "./mailbox.ts"
import { MessageList } from "./MessageList.tsx"
import { MessagePane } from "./MessagePane.tsx"
import { problem } from "./problems.ts"
import { RefusalList } from "./RefusalList.tsx"
import { RefusalPane } from "./RefusalPane.tsx"
import { route } from "./route.ts"
import { latest, refusals } from "./sandbox.ts"
import { TopBar } from "./TopBar.tsx"

/** Nothing has come yet, and nothing was refused: whoever is here wants to know how to begin. */
const isUntouched = (): boolean => {
  const { id, inbox, search } = route.value
  return (
    mailbox.loaded.value &&
    mailbox.total.value === 0 &&
    refusals.value.length === 0 &&
    `${inbox}${search}${id ?? ""}` === ""
  )
}

export const App = () => {
  const untouched = useComputed(isUntouched)
  useKeyboard()
  useSignalEffect(() => {
    const count = mailbox.unread.value
    document.title = `${count === 0 ? "" : `(${count}) `}Cakemail sandbox`
  })
  return (
    <div class={route.value.id === undefined ? "app" : "app reading"}>
      <TopBar />
      {problem.value !== undefined && <Problem text={problem.value} />}
      {untouched.value ? (
        <main class="first" id="content" tabIndex={-1}>
          <FirstMail />
        </main>
      ) : (
        <main class="panes" id="content" tabIndex={-1}>
          <section class="list-pane" aria-label="Messages">
            <ListHead />
            {route.value.list === "inbox" ? <MessageList /> : <RefusalList />}
          </section>
          <section class="reading-pane" aria-label="Reading">
            <Reading />
          </section>
        </main>
      )}
      <Announcement />
      <FailuresDialog />
      <FirstMailDialog />
      <ConfirmDialog />
    </div>
  )
}

const Reading = () => {
  const { id, list } = route.value
  if (id === undefined) return <NothingOpen />
  return list === "inbox" ? <MessagePane key={id} id={id} /> : <RefusalPane key={id} id={id} />
}

const NothingOpen = () => (
  <div class="nothing">
    <Icon name="envelope" />
    <p>Choose a message to read it.</p>
    <p class="keys">
      <kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> opens, <kbd>Esc</kbd> closes, <kbd>/</kbd> searches
    </p>
  </div>
)

const Problem = ({ text }: { readonly text: string }) => (
  <div class="problem" role="alert">
    <span>{text}</span>
    <button type="button" class="quiet" aria-label="Dismiss" onClick={() => (problem.value = undefined)}>
      <Icon name="close" />
    </button>
  </div>
)

/** For screen readers: what others see appear at the top of the list. */
const Announcement = () => {
  const text = useSignal("")
  useSignalEffect(() => {
    const message = latest.value
    if (message !== undefined) text.value = `New message from ${message.From.Address}: ${message.Subject}`
  })
  return (
    <div class="unseen" aria-live="polite">
      {text}
    </div>
  )
}
