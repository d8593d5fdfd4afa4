import { useState } from "preact/hooks"
import { copyText } from "./clipboard.ts"
import { Icon } from "./Icon.tsx"
import { attempt } from "./problems.ts"

/** Milliseconds for which it says that it has copied. */
const THANKS = 1_500

/** Puts a text on the clipboard; `what` names it. */
export const CopyButton = ({ text, what }: { readonly text: string; readonly what: string }) => {
  const [copied, setCopied] = useState(false)
  const copy = (): Promise<void> =>
    attempt(async () => {
      await copyText(text)
      setCopied(true)
      setTimeout(() => setCopied(false), THANKS)
    })
  return (
    <button
      type="button"
      class="quiet copy"
      aria-label={copied ? `${what} copied` : `Copy ${what}`}
      onClick={() => void copy()}
    >
      <Icon name={copied ? "check" : "copy"} />
    </button>
  )
}
