/** One message: who, to whom, what about; and its sides as tabs. */
import { useSignalEffect } from "@preact/signals"
import { useEffect, useRef, useState } from "preact/hooks"
import { AttachmentsTab } from "./AttachmentsTab.tsx"
import { getMessage, getStory, type Message, rawUrl, setRead } from "./api.ts"
import { CopyButton } from "./CopyButton.tsx"
import { formatBytes, formatFullTime } from "./format.ts"
import { Gone } from "./Gone.tsx"
import { HeadersTab } from "./HeadersTab.tsx"
import { Icon } from "./Icon.tsx"
import { move, removeMessage } from "./keyboard.ts"
import { Preview } from "./Preview.tsx"
import { attempt } from "./problems.ts"
import { goTo, replaceWith, route, type Tab } from "./route.ts"
import { vanished } from "./sandbox.ts"
import { SourceTab } from "./SourceTab.tsx"
import { StoryView } from "./StoryView.tsx"
import { type TabItem, Tabs } from "./Tabs.tsx"
import { TextTab } from "./TextTab.tsx"
import { useAnswer } from "./useAnswer.ts"

export const MessagePane = ({ id }: { readonly id: string }) => {
  const message = useAnswer(id, getMessage)
  const [deleted, setDeleted] = useState(false)
  useSignalEffect(() => {
    if (vanished.value.includes(id)) setDeleted(true)
  })
  if (message === "gone" || deleted) return <Gone />
  return message === undefined ? <p class="nothing">Loading</p> : <MessageView message={message} />
}

const MessageView = ({ message }: { readonly message: Message }) => {
  const heading = useRef<HTMLHeadingElement>(null)
  // Whoever opened it by the keyboard goes on from here; the mouse sees no difference.
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  const items = tabsOf(message)
  const asked = route.value.tab
  const selected = items.find(({ name }) => name === asked)?.name ?? items[0]?.name ?? "text"
  return (
    <article class="message">
      <header class="message-head">
        <div class="message-title">
          <h1 ref={heading} tabIndex={-1}>
            {message.Subject}
          </h1>
          <MessageTools id={message.ID} />
        </div>
        <Envelope message={message} />
      </header>
      <Tabs label="Sides of the message" items={items} selected={selected} onSelect={(tab) => replaceWith({ tab })}>
        <Side message={message} tab={selected} />
      </Tabs>
    </article>
  )
}

const tabsOf = (message: Message): ReadonlyArray<TabItem<Tab>> => [
  ...(message.HTML === "" ? [] : [{ name: "preview" as const, title: "Preview" }]),
  { name: "text", title: "Text" },
  { name: "headers", title: "Headers" },
  { name: "source", title: "Source" },
  { name: "attachments", title: "Attachments", count: message.Attachments.length },
  { name: "cakemail", title: "Sent to Cakemail" }
]

const Side = ({ message, tab }: { readonly message: Message; readonly tab: Tab }) => {
  switch (tab) {
    case "preview":
      return <Preview message={message} />
    case "text":
      return <TextTab text={message.Text} />
    case "headers":
      return <HeadersTab id={message.ID} />
    case "source":
      return <SourceTab id={message.ID} />
    case "attachments":
      return <AttachmentsTab message={message} />
    case "cakemail":
      return <StoryView id={message.ID} ask={getStory} />
  }
}

const MessageTools = ({ id }: { readonly id: string }) => {
  const close = (): void => goTo({ id: undefined, tab: undefined })
  const unread = (): void =>
    void attempt(async () => {
      await setRead([id], false)
      close()
    })
  return (
    <div class="message-tools" role="toolbar" aria-label="Message">
      <button type="button" class="quiet back" aria-label="Back to the list" title="Back (Esc)" onClick={close}>
        <Icon name="back" />
      </button>
      <button type="button" class="quiet" aria-label="Newer message" title="Newer (k)" onClick={() => void move(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="quiet" aria-label="Older message" title="Older (j)" onClick={() => void move(1)}>
        <Icon name="down" />
      </button>
      <button type="button" class="quiet" aria-label="Mark as unread" title="Mark as unread" onClick={unread}>
        <Icon name="envelope" />
      </button>
      <a
        class="button quiet"
        href={`${rawUrl(id)}?download=true`}
        download
        aria-label="Download as .eml"
        title="Download as .eml"
      >
        <Icon name="download" />
      </a>
      <button
        type="button"
        class="quiet"
        aria-label="Delete"
        title="Delete (Del)"
        onClick={() => void removeMessage(id)}
      >
        <Icon name="trash" />
      </button>
    </div>
  )
}

const Envelope = ({ message }: { readonly message: Message }) => (
  <dl class="envelope">
    <People name="From" people={[message.From]} />
    <People name="To" people={message.To} />
    <People name="Cc" people={message.Cc} />
    <People name="Reply to" people={message.ReplyTo} />
    <div>
      <dt>Date</dt>
      <dd>
        <time dateTime={message.Date}>{formatFullTime(message.Date)}</time>
        <span class="remark">{formatBytes(message.Size)}</span>
      </dd>
    </div>
    <div>
      <dt>Inbox</dt>
      <dd>
        {message.Username}
        {message.Tags.map((tag) => (
          <span class="tag" key={tag}>
            {tag}
          </span>
        ))}
      </dd>
    </div>
  </dl>
)

const People = ({ name, people }: { readonly name: string; readonly people: Message["To"] }) =>
  people.length === 0 ? null : (
    <div>
      <dt>{name}</dt>
      <dd>
        {people.map(({ Address, Name }) => (
          <span class="person" key={Address}>
            {Name !== "" && <b>{Name}</b>}
            <span class={Name === "" ? "" : "remark"}>{Address}</span>
            <CopyButton text={Address} what={Address} />
          </span>
        ))}
      </dd>
    </div>
  )
