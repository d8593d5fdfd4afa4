/**
 * The HTML as a recipient sees it. The frame has no scripts and no origin, and the policy of what is in it
 * (MessageView.ts) holds besides.
 */
import { useState } from "preact/hooks"
import { type Message, viewUrl } from "./api.ts"
import { Icon } from "./Icon.tsx"

/** As MessageView.ts says it of the page in the frame. */
const SANDBOX = "allow-popups allow-popups-to-escape-sandbox"

/** Pixels: what most phones have. */
const PHONE_WIDTH = 375

export const Preview = ({ message }: { readonly message: Message }) => {
  const [phone, setPhone] = useState(false)
  const [remote, setRemote] = useState(false)
  return (
    <>
      <div class="preview-tools">
        <div class="choice" role="group" aria-label="Width">
          <button type="button" aria-pressed={!phone} onClick={() => setPhone(false)}>
            <Icon name="desktop" /> Desktop
          </button>
          <button type="button" aria-pressed={phone} onClick={() => setPhone(true)}>
            <Icon name="phone" /> Phone
          </button>
        </div>
        {refersElsewhere(message.HTML) && (
          <p class="remote">
            <Icon name="shield" />
            {remote ? "Remote content is loaded." : "Remote content is blocked."}
            <button type="button" onClick={() => setRemote(!remote)}>
              {remote ? "Block it" : "Load it"}
            </button>
          </p>
        )}
      </div>
      <div class={phone ? "stage phone" : "stage"}>
        <iframe
          // Another document, not another address of the same: Back is not for this.
          key={String(remote)}
          title="The mail as HTML"
          sandbox={SANDBOX}
          referrerpolicy="no-referrer"
          src={viewUrl(message.ID, remote)}
          style={phone ? { width: `${PHONE_WIDTH}px` } : {}}
        />
      </div>
    </>
  )
}

/** A guess, for the offer to load it: what is blocked does not hang on it. */
const refersElsewhere = (html: string): boolean =>
  /(?:src|srcset|background|poster|data)\s*=\s*["']?\s*(?:https?:)?\/\/|url\(\s*["']?\s*(?:https?:)?\/\/|@import|<link\b/i.test(
    html
  )
