import { useRef } from "preact/hooks"
import { attempt } from "./problems.ts"
import { clearFaults } from "./api.ts"
import { dialog } from "./dialogs.ts"
import { faultText, isActive } from "./faultText.ts"
import { Icon, type IconName } from "./Icon.tsx"
import { InboxChoice } from "./InboxChoice.tsx"
import { isLive } from "./live.ts"
import { linkTo, replaceWith, route } from "./route.ts"
import { faults } from "./sandbox.ts"
import { type Theme, theme } from "./theme.ts"

export const TopBar = () => (
  <header class="top">
    <a class="skip" href="#content" onClick={skipToContent}>
      Skip to the content
    </a>
    <a
      class="brand"
      aria-label="Cakemail sandbox: all messages"
      href={linkTo({ list: "inbox", id: undefined, tab: undefined, inbox: "", search: "" })}
    >
      <Mark />
      <span>Cakemail sandbox</span>
    </a>
    <InboxChoice />
    <SearchField />
    <div class="top-tools">
      <Failures />
      <LiveSign />
      <button
        type="button"
        class="quiet"
        aria-label="How to send a mail"
        onClick={() => (dialog.value = { name: "first-mail" })}
      >
        <Icon name="help" />
      </button>
      <ThemeButton />
    </div>
  </header>
)

/** The address holds where one is: a link within the page must not change it. */
const skipToContent = (event: Event): void => {
  event.preventDefault()
  document.getElementById("content")?.focus()
}

const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="9" />
    <path d="M7.500 11h17v9.500A1.500 1.500 0 0 1 23 22H9a1.500 1.500 0 0 1-1.500-1.500zm0 0 8.500 6.500 8.500-6.500" />
  </svg>
)

/** What is typed is looked for at once; Esc empties it. */
const SearchField = () => {
  const field = useRef<HTMLInputElement>(null)
  const { list, search } = route.value
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return
    event.stopPropagation()
    if (search === "") field.current?.blur()
    else replaceWith({ search: "" })
  }
  return (
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <Icon name="search" />
      <input
        ref={field}
        id="search"
        type="search"
        aria-label="Search messages"
        placeholder="Search, or to:you@example.com, subject:hello"
        autocomplete="off"
        spellcheck={false}
        disabled={list === "refused"}
        value={search}
        onInput={({ currentTarget }) => replaceWith({ search: currentTarget.value, list: "inbox" })}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  )
}

/** The faults that are set stand where nobody can overlook them: forgotten ones look like bugs. */
const Failures = () => {
  const set = faults.value.filter(isActive)
  const active = set.length === 0 ? "" : `: ${set.map(faultText).join(", ")}`
  return (
    <div class={set.length === 0 ? "failures" : "failures active"}>
      <button
        type="button"
        class="failures-open"
        aria-label={`Failures${active}`}
        onClick={() => (dialog.value = { name: "failures" })}
      >
        <Icon name="bolt" />
        <span>{set.length === 0 ? "Failures" : set.map(faultText).join(", ")}</span>
      </button>
      {set.length > 0 && (
        <button
          type="button"
          class="failures-clear"
          aria-label="Clear all failures"
          title="Clear all failures"
          onClick={() => void attempt(clearFaults)}
        >
          <Icon name="close" />
        </button>
      )}
    </div>
  )
}

const LiveSign = () => (
  <span class={isLive.value ? "live" : "live lost"} role="status">
    {isLive.value ? "Live" : "Connecting"}
  </span>
)

const NEXT_THEME: Readonly<Record<Theme, { readonly to: Theme; readonly icon: IconName; readonly label: string }>> = {
  system: { to: "dark", icon: "desktop", label: "Colours as the system has them; switch to dark" },
  dark: { to: "light", icon: "moon", label: "Dark; switch to light" },
  light: { to: "system", icon: "sun", label: "Light; switch to the colours of the system" }
}

const ThemeButton = () => {
  const { icon, label, to } = NEXT_THEME[theme.value]
  return (
    <button type="button" class="quiet" aria-label={label} title={label} onClick={() => (theme.value = to)}>
      <Icon name={icon} />
    </button>
  )
}
